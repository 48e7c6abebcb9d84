"""``medmij.toml``: what is read of it, and what is refused with its place."""

from pathlib import Path

import pytest

from fhir_server.medmij.registry import InvalidRegistry, parse_registry, read_registry
from profiles.demo import medmij

TEXT = medmij()["medmij.toml"]
HERE = Path("/lists")


def test_the_demo() -> None:
    found = parse_registry(TEXT, HERE)
    pharmacy, network = found.providers["apotheekdelinde"], found.providers["netwerkdossier"]
    assert pharmacy.organisation == {("http://fhir.nl/fhir/NamingSystem/ura", "90000383")}
    assert (pharmacy.kind, network.kind) == ("ZA", "BAZB")
    assert list(pharmacy.services) == ["9000000012"]
    assert not network.organisation
    assert found.lists["whitelist"] == HERE / "whitelist.xml"
    assert found.interface == "2.2.4"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[providers.apotheekdelinde]", "[providers.Apotheek]", "Zorgaanbiedernaam"),
        ("[providers.apotheekdelinde]", '[providers."apotheek--linde"]', "Zorgaanbiedernaam"),
        ("[providers.apotheekdelinde]", '[providers."12345"]', "Zorgaanbiedernaam"),
        ('type = "BAZB"', 'type = "XX"', "type"),
        ('["9000000012"]', '["48"]', "services"),
        ('["9000000012"]', "[]", "services"),
        ('["9000000012"]', '["9000000021"]', "9000000021"),
        ('["9000000021", "9000000022"]', '["9000000012"]', "9000000012"),
        ("{ ura = ", "{ uzi = ", "uzi"),
        ("https://apotheek-de-linde.example/privacy", "http://x.example", "https"),
        ('phone = "088-5550100"', "", "phone"),
        ('whitelist = "whitelist.xml"', "", "lists"),
        ('phone = "088-5550100"', 'phone = "088-5550100"\nfax = "1"', "fax"),
        ("[providers.", "[provider.", "provider"),
        ("[lists]", "[lists", "line"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(InvalidRegistry, match=said):
        parse_registry(TEXT.replace(old, new), HERE)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidRegistry, match=r"none\.toml"):
        read_registry(tmp_path / "none.toml")
