"""clients.toml: what it declares, and what is wrong with it in words."""

from pathlib import Path
from typing import Any

import pytest

from fhir_server.oauth.clients import NO_CLIENTS, InvalidClients, read
from fhir_server.oauth.jwk import SigningKey

APP = 'redirect_uris = ["https://app.test/back"]\nscope = "user/*.rs"\n'
SECRET = 'auth_method = "client_secret_basic"\nsecret_hash = "' + "0" * 64 + '"\n'


def declared(folder: Path, text: str) -> Any:
    path = folder / "clients.toml"
    path.write_text(text)
    return read(str(path))


def jwks(key: SigningKey, **changed: str) -> str:
    return "jwks = { keys = [{" + ", ".join(f"{name} = '{value}'" for name, value in {**key.jwk(), **changed}.items()) + "}] }\n"


def test_no_file_declares_nobody() -> None:
    assert read("") is NO_CLIENTS


def test_a_public_app_needs_little(tmp_path: Path) -> None:
    client = declared(tmp_path, f"[app]\n{APP}")["app"]
    assert client.public
    assert (client.name, client.redirect_uris, client.scope) == ("app", ("https://app.test/back",), "user/*.rs")
    assert client.grant_types == {"authorization_code", "refresh_token"}
    assert not client.has_secret("")


def test_a_backend_service_has_role_and_key(tmp_path: Path, key: SigningKey) -> None:
    text = '[b]\ngrant_types = ["client_credentials"]\nauth_method = "private_key_jwt"\nscope = "system/*.rs"\n'
    found = declared(tmp_path, f'{text}role = "source"\nreference = "Organization/o"\n{jwks(key)}')["b"]
    assert (found.role, found.reference, found.public) == ("source", "Organization/o", False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1", "one table per client"),
        ('["a b"]', "one table per client"),
        ("[a", "clients.toml"),
        (f"[a]\n{APP}color = 1", "unknown key color"),
        (f"[a]\n{APP}name = 1", "name must be of the type text"),
        (f"[a]\n{APP}token_lifetime = true", "token_lifetime must be of the type number"),
        (f"[a]\n{APP}token_lifetime = 901", "at most 900"),
        (f'[a]\n{APP}grant_types = ["password"]', "grant_types can be"),
        (f'[a]\n{APP}grant_types = ["refresh_token"]', "needs authorization_code"),
        (f'[a]\n{APP}auth_method = "client_secret_post"', "auth_method can be"),
        (f'[a]\n{APP}auth_method = "client_secret_basic"', "secret_hash goes with"),
        (f'[a]\n{APP}auth_method = "client_secret_basic"\nsecret_hash = "secret"', "SHA-256"),
        (f"[a]\n{APP}introspects = true", "needs an auth_method"),
        (f'[a]\n{APP}auth_method = "private_key_jwt"', "jwks or jwks_uri"),
        (f'[a]\n{APP}auth_method = "private_key_jwt"\njwks_uri = "http://keys.test/"', "https://"),
        (f'[a]\n{APP}auth_method = "private_key_jwt"\njwks = {{ keys = [] }}', "no usable public key"),
        (f'[a]\n{APP}role = "system"', "belong to client_credentials"),
        (f'[a]\n{APP}launches = ["other"]', "launches can be"),
        ('[a]\nredirect_uris = ["https://app.test/"]', "scope is missing"),
        ('[a]\nscope = "user/*.rs"', "redirect_uris go with"),
        ('[a]\nscope = "x"\nredirect_uris = ["http://app.test/"]', "a redirect URI is https"),
        ('[a]\nscope = "x"\nredirect_uris = ["https://app.test/#x"]', "a redirect URI is https"),
        ('[a]\nscope = "x"\nredirect_uris = ["javascript:alert(1)"]', "a redirect URI is https"),
        (f'[a]\n{SECRET}scope = "system/*.rs"\ngrant_types = ["client_credentials"]', "private_key_jwt"),
    ],
)
def test_a_wrong_declaration_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(InvalidClients, match=says):
        declared(tmp_path, text)


@pytest.mark.parametrize(
    ("role", "reference"), [("", "Device/x"), ("system", ""), ("practitioner", "Patient/x"), ("king", "Device/x")]
)
def test_a_backend_service_is_somebody(tmp_path: Path, key: SigningKey, role: str, reference: str) -> None:
    text = '[b]\ngrant_types = ["client_credentials"]\nauth_method = "private_key_jwt"\nscope = "system/*.rs"\n'
    with pytest.raises(InvalidClients, match="needs a role"):
        declared(tmp_path, f'{text}role = "{role}"\nreference = "{reference}"\n{jwks(key)}')


@pytest.mark.parametrize(
    "uri", ["nl.example.app:/back", "http://127.0.0.1/back", "http://localhost:3000/", "https://app.test/?a=b"]
)
def test_redirect_uris_of_apps_on_devices(tmp_path: Path, uri: str) -> None:
    assert declared(tmp_path, f'[a]\nscope = "x"\nredirect_uris = ["{uri}"]')["a"].redirect_uris == (uri,)


def test_private_keys_do_not_belong_there(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(InvalidClients, match="no usable public key"):
        declared(tmp_path, f'[a]\n{APP}auth_method = "private_key_jwt"\n{jwks(key, d="AAAA")}')


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidClients, match=r"absent\.toml"):
        read(str(tmp_path / "absent.toml"))
