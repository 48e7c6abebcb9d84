"""Which references and uris become those of other entries."""

from typing import Any

import pytest

from fhir_server.interactions.bundle_references import Links, conditional

URN = "urn:uuid:0b6c2f6e-4a5e-4c0e-9c5e-000000000001"
OID = "urn:oid:2.999.1"
ELSEWHERE = "https://elsewhere.example/r4/Patient/7"
LINKS = Links({URN: "Patient/new", OID: "DocumentReference/doc", ELSEWHERE: "Patient/seven"})


def reference(literal: str, full_url: str = "") -> Any:
    return LINKS.resolve({"resourceType": "Communication", "subject": {"reference": literal}}, full_url)["subject"]["reference"]


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        (URN, "Patient/new"),
        (OID, "DocumentReference/doc"),
        (ELSEWHERE, "Patient/seven"),
        ("Patient/7", "Patient/7"),
        ("#contained", "#contained"),
        (URN + "0", URN + "0"),
        ("https://elsewhere.example/r4/Patient/8", "https://elsewhere.example/r4/Patient/8"),
    ],
)
def test_references(literal: str, expected: str) -> None:
    assert reference(literal) == expected


def test_a_relative_reference_counts_from_the_full_url_of_its_entry() -> None:
    assert reference("Patient/7", "https://elsewhere.example/r4/Communication/1") == "Patient/seven"
    assert reference("Patient/8", "https://elsewhere.example/r4/Communication/1") == "Patient/8"
    assert reference("Patient/7", "https://other.example/r4/Communication/1") == "Patient/7"
    assert reference("Patient/7", URN) == "Patient/7"


def test_uris_are_replaced_when_they_are_urns_only() -> None:
    content = [{"attachment": {"url": OID}}, {"attachment": {"url": ELSEWHERE}}]
    extension = [
        {"url": "https://x.example/a", "valueCanonical": URN},
        {"url": "https://x.example/b", "valueUuid": URN},
        {"url": "https://x.example/c", "valueOid": OID},
        {"url": "https://x.example/d", "valueString": URN},
    ]
    resource = {"resourceType": "DocumentReference", "content": content, "extension": extension}
    result = LINKS.resolve(resource, "")
    assert [each["attachment"]["url"] for each in result["content"]] == ["DocumentReference/doc", ELSEWHERE]
    assert result["extension"] == extension


def test_links_of_a_narrative_are_replaced_as_uris_are() -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{{}}">who</a> {URN} <a href="{ELSEWHERE}">x</a></div>'
    resource = {"resourceType": "Communication", "text": {"status": "generated", "div": div.format(URN)}}
    assert LINKS.resolve(resource, "")["text"] == {"status": "generated", "div": div.format("Patient/new")}


def test_a_conditional_reference_becomes_what_matched() -> None:
    literal = "Patient?identifier=https://x.example|1"
    links = Links({literal: "Patient/wrong"}, {literal: "Patient/right"})
    contained = {"resourceType": "RelatedPerson", "id": "r", "patient": {"reference": literal}}
    resource = {"resourceType": "Communication", "contained": [contained], "subject": {"reference": literal}}
    resolved = links.resolve(resource, URN)
    assert resolved["subject"] == resolved["contained"][0]["patient"] == {"reference": "Patient/right"}
    assert list(conditional(resource)) == [literal] * 2
    assert list(conditional(resolved)) == []
