"""Our part of the list of providers, and the command that prints it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from fhir_server import cli
from fhir_server.medmij.lists.provider_list import NAMESPACE, UnlistedAddress, provider_list
from fhir_server.medmij.registry import parse_registry
from profiles.demo import medmij

ROOT = "https://hub.example"
REGISTRY = parse_registry(medmij()["medmij.toml"], Path())


def shape(element: "etree._Element") -> set[str]:
    """Return the path of every element, without what there is of it."""
    path = [etree.QName(each).localname for each in (*list(element.iterancestors())[::-1], element)]
    return {"/".join(path)} | {one for each in element.iterchildren("*") for one in shape(each)}


def texts(document: "etree._Element", name: str) -> list[str]:
    return [each.text or "" for each in document.iter(f"{{{NAMESPACE}}}{name}")]


def test_every_provider_with_its_services() -> None:
    made = provider_list(REGISTRY, ROOT, 7, datetime(2026, 11, 23, 3, tzinfo=UTC))
    document = etree.fromstring(made)
    assert b"<Zorgaanbiederslijst xmlns=" in made
    assert (texts(document, "Tijdstempel"), texts(document, "Volgnummer")) == (["2026-11-23T03:00:00+00:00"], ["7"])
    assert texts(document, "Zorgaanbiedernaam") == [f"{each}@medmij" for each in REGISTRY.providers]
    assert texts(document, "GegevensdienstId").count("9000000012") == 2
    assert set(texts(document, "AuthorizationEndpointuri")) == {f"{ROOT}/medmij/authorize"}
    assert f"{ROOT}/medmij/apotheekdelinde/9000000012/fhir" in texts(document, "ResourceEndpointuri")
    assert set(texts(document, "InterfaceversieId")) == {"2.2.4"}


def test_the_shape_is_that_of_the_published_example(reference: Path) -> None:
    example = etree.parse(reference / "medmij" / "lists" / "MedMij_Zorgaanbiederslijst_example.9.3.xml").getroot()
    ours = etree.fromstring(provider_list(REGISTRY, ROOT, 1, datetime.now(UTC)))
    assert ours.tag == example.tag
    assert shape(ours) <= shape(example)
    assert {each for each in shape(example) - shape(ours) if "Abonneren" not in each} == set()


@pytest.mark.parametrize(
    "root", ["http://hub.example", "https://hub.example:8443", "https://hub.example/x", "https://u@hub.example"]
)
def test_addresses_that_may_not_stand_there(root: str) -> None:
    with pytest.raises(UnlistedAddress):
        provider_list(REGISTRY, root, 1, datetime.now(UTC))


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["medmij", "export-zal"]) == 1
    assert "FHIR_SERVER_MEDMIJ" in capsys.readouterr().err
    (tmp_path / "medmij.toml").write_text(medmij()["medmij.toml"])
    monkeypatch.setenv("FHIR_SERVER_MEDMIJ", str(tmp_path / "medmij.toml"))
    assert cli.main(["medmij", "export-zal"]) == 1
    assert "FHIR_SERVER_BASE_URL" in capsys.readouterr().err
    monkeypatch.setenv("FHIR_SERVER_BASE_URL", f"{ROOT}/fhir")
    assert cli.main(["medmij", "export-zal", "--number", "9"]) == 0
    assert texts(etree.fromstring(capsys.readouterr().out.encode()), "Volgnummer") == ["9"]
    (tmp_path / "medmij.toml").write_text("x")
    assert cli.main(["medmij", "export-zal"]) == 2
