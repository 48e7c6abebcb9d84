"""The file of providers: what is refused, and with which words."""

from pathlib import Path

import pytest

from fhir_server.oauth.authorize.oidc.provider import InvalidProviders, read_providers, safe

GOOD = {"issuer": '"https://id.test"', "client_id": '"hub"', "claim": '"sub"'}


def written(folder: Path, name: str = "idp", **changed: str) -> str:
    path = folder / "providers.toml"
    path.write_text(f"[{name}]\n" + "\n".join(f"{key} = {value}" for key, value in (GOOD | changed).items() if value))
    return str(path)


def test_a_provider_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, credentials='"env:SECRET"', system='"urn:x"', acr_values='"high higher"', algorithms='["PS256"]')
    found = read_providers(path, {"SECRET": "s"})["idp"]
    assert (found.name, found.secret, found.issuer, found.kind) == ("idp", "s", "https://id.test", "identifier")
    assert (found.acr_values, found.algorithms) == (("high", "higher"), ("PS256",))
    assert not read_providers("", {})


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"issuer": ""}, "issuer is missing"),
        ({"claim": '""'}, "claim is missing"),
        ({"issuer": '"http://id.test"'}, "https"),
        ({"issuer": '"https://id.test?x=1"'}, "https"),
        ({"issuer": "1"}, "issuer"),
        ({"colour": '"red"'}, "colour"),
        ({"kind": '"name"'}, "kind"),
        ({"algorithms": '["none"]'}, "algorithms"),
        ({"algorithms": '["HS256"]'}, "algorithms"),
        ({"algorithms": "[]"}, "algorithms"),
        ({"scope": '"profile"'}, "openid"),
        ({"credentials": '"the secret itself"'}, "env:NAME"),
        ({"credentials": '"env:NOTHING"'}, "env:NAME"),
    ],
)
def test_a_provider_that_cannot_be_used_is_refused(tmp_path: Path, changed: dict[str, str], told: str) -> None:
    with pytest.raises(InvalidProviders, match=told):
        read_providers(written(tmp_path, **changed), {})


@pytest.mark.parametrize("name", ["development", "person", "Idp", "a.b"])
def test_a_name_that_is_taken_or_odd_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidProviders):
        read_providers(written(tmp_path, f'"{name}"'), {})


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidProviders, match="missing"):
        read_providers(str(tmp_path / "missing.toml"), {})


@pytest.mark.parametrize(
    "url", [None, 1, "", "https://", "http://id.test", "https://a@b.test", "https://id.test/x;y", "ftp://id.test"]
)
def test_secrets_go_to_no_other_place(url: object) -> None:
    assert not safe(url)
