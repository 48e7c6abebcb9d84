from typing import Any

import pytest
from hl7v3_xml import element

from mappings.hl7v3.addresses import addresses, contact_point

STREET = "<streetName>Zeedijk</streetName><houseNumber>12</houseNumber>"


def address(parts: str, use: str = "") -> list[dict[str, Any]]:
    attribute = f' use="{use}"' if use else ""
    return addresses(element(f"<addr{attribute}>{parts}</addr>"))


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("HP", ("home", "both")),
        ("PHYS", ("home", "physical")),
        ("PST", (None, "postal")),
        ("TMP", ("temp", None)),
        ("HV", ("temp", None)),
        ("WP", ("work", None)),
        ("XX", (None, None)),
    ],
)
def test_uses(use: str, expected: tuple[str | None, str | None]) -> None:
    (found,) = address(STREET, use)
    assert (found.get("use"), found.get("type")) == expected
    assert ("extension" in found) == (use != "XX")


def test_several_uses_are_several_addresses() -> None:
    assert [found["type"] for found in address(STREET, "HP PST")] == ["both", "postal"]


@pytest.mark.parametrize(
    ("parts", "line", "names"),
    [
        (STREET, "Zeedijk 12", ["streetName", "houseNumber"]),
        (
            STREET + "<buildingNumberSuffix>B 2</buildingNumberSuffix>",
            "Zeedijk 12 B 2",
            ["streetName", "houseNumber", "buildingNumberSuffix"],
        ),
        ("<houseNumber>12</houseNumber><streetName>Zeedijk</streetName>", "Zeedijk 12", ["streetName", "houseNumber"]),
        (STREET + "<additionalLocator>to</additionalLocator>", "Zeedijk to 12", ["streetName", "additionalLocator", "houseNumber"]),
        (STREET + "<unitID>3</unitID>", "Zeedijk 12 3", ["streetName", "houseNumber", "unitID"]),
    ],
)
def test_the_line_and_its_parts(parts: str, line: str, names: list[str]) -> None:
    (found,) = address(parts)
    assert found["line"] == [line]
    assert [part["url"].rpartition("-")[2] for part in found["_line"][0]["extension"]] == names


def test_other_parts() -> None:
    (found,) = address(
        '<postalCode>9955ZZ</postalCode><city>W</city><county>D</county><country code="NL" codeSystem="1.0.3166.1.2.2"/>'
    )
    assert (found["postalCode"], found["city"], found["district"]) == ("9955ZZ", "W", "D")
    (coding,) = found["_country"]["extension"][0]["valueCodeableConcept"]["coding"]
    assert coding == {"system": "urn:iso:std:iso:3166", "code": "NL"}


def test_unstructured_and_empty_addresses() -> None:
    assert address("Zeedijk 12, Wadoord") == [{"text": "Zeedijk 12, Wadoord"}]
    assert address("<streetAddressLine>Zeedijk 12</streetAddressLine>") == [{"line": ["Zeedijk 12"]}]
    assert address("<streetName/>", "HP") == []


@pytest.mark.parametrize(
    ("url", "use", "expected"),
    [
        ("tel:0519550000", "WP", {"system": "phone", "value": "0519550000", "use": "work"}),
        ("tel:+31 6 12345678", "HP", {"system": "phone", "value": "+31 6 12345678", "use": "mobile"}),
        ("0612345678", "", {"system": "phone", "value": "0612345678", "use": "mobile"}),
        ("fax:0519550001", "", {"system": "fax", "value": "0519550001"}),
        ("mailto:a@example.org", "HP", {"system": "email", "value": "a@example.org", "use": "home"}),
        ("a@example.org", "", {"system": "email", "value": "a@example.org"}),
        ("https://example.org", "", {"system": "url", "value": "https://example.org"}),
        ("x-hl7-applicatie:1.2.3", "", None),
        ("tel:", "", None),
        ("", "", None),
    ],
)
def test_contact_points(url: str, use: str, expected: dict[str, str] | None) -> None:
    assert contact_point(url, use) == expected
