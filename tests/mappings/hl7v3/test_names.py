from typing import Any

import pytest
from hl7v3_xml import element

from mappings.hl7v3.names import human_names, initials


def name(parts: str) -> list[dict[str, Any]]:
    return human_names(element(f"<name>{parts}</name>"))


OWN = '<prefix qualifier="VV">de</prefix><family qualifier="BR">Wind</family>'
PARTNER = '<prefix qualifier="VV">van der</prefix><family qualifier="SP">Zee</family>'


@pytest.mark.parametrize(
    ("families", "order", "family"),
    [
        (OWN, "NL1", "de Wind"),
        (PARTNER, "NL2", "van der Zee"),
        (PARTNER + OWN, "NL3", "van der Zee-de Wind"),
        (OWN + PARTNER, "NL4", "de Wind-van der Zee"),
        ("<family>Wind</family>", "UNK", "Wind"),
    ],
)
def test_the_order_of_families_is_the_use_of_names(families: str, order: str, family: str) -> None:
    (found,) = name(families)
    assert found["extension"] == [{"url": "http://hl7.org/fhir/StructureDefinition/humanname-assembly-order", "valueCode": order}]
    assert found["family"] == found["text"] == family
    assert found["use"] == "official"


def test_the_parts_of_a_family_are_kept_apart() -> None:
    (found,) = name(OWN + PARTNER)
    parts = [
        (part["url"].rpartition("-")[0].rpartition("-")[2] + "-" + part["url"].rpartition("-")[2], part["valueString"])
        for part in found["_family"]["extension"]
    ]
    assert parts == [("own-prefix", "de"), ("own-name", "Wind"), ("partner-prefix", "van der"), ("partner-name", "Zee")]


@pytest.mark.parametrize(("prefix", "family"), [("van de ", "van de Wind"), ("'t", "'t Wind"), ("d'", "d'Wind"), ("", "Wind")])
def test_prefixes(prefix: str, family: str) -> None:
    (found,) = name(f'<prefix qualifier="VV">{prefix}</prefix><family qualifier="BR">Wind</family>')
    assert found["family"].replace(" ", "") == family.replace(" ", "")


def given_names(found: dict[str, Any]) -> list[tuple[str, str]]:
    marks = [part["extension"][0]["valueCode"] for part in found.get("_given", [])]
    return list(zip(found.get("given", []), marks, strict=True))


def test_initials() -> None:
    (found,) = name('<given qualifier="IN">J.P.</given>' + OWN)
    assert given_names(found) == [("J.", "IN"), ("P.", "IN")]
    assert found["text"] == "J.P. de Wind"


@pytest.mark.parametrize(("text", "parts"), [("J.P.", ["J.", "P."]), ("J. P.", ["J.", "P."]), ("Th.", ["Th."]), ("JP", ["JP"])])
def test_splitting_initials(text: str, parts: list[str]) -> None:
    assert initials(text) == parts


@pytest.mark.parametrize("qualifier", ["", ' qualifier="BR"'])
def test_first_names(qualifier: str) -> None:
    (found,) = name(f"<given{qualifier}>Jan</given><given{qualifier}>Piet</given>" + OWN)
    assert given_names(found) == [("Jan", "BR"), ("Piet", "BR")]
    assert found["text"] == "Jan Piet de Wind"


def test_first_names_and_other_initials() -> None:
    names = name('<given qualifier="BR">Jan</given><given qualifier="IN">P.</given>' + OWN)
    assert [given_names(found) for found in names] == [[("Jan", "BR")], [("J.", "IN"), ("P.", "IN")]]


def test_the_call_name_is_a_name_of_its_own() -> None:
    official, usual = name('<given qualifier="CL">Griet</given>' + OWN)
    assert "given" not in official
    assert usual == {"use": "usual", "given": ["Griet"]}


def test_unstructured_and_empty_names() -> None:
    assert name("Jan de Wind") == [{"text": "Jan de Wind"}]
    assert name("") == []
    assert name('<family qualifier="BR"/>') == []
