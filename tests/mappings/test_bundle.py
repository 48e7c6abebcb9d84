from mappings.bundle import collection


def test_references_can_be_resolved() -> None:
    bundle = collection([{"resourceType": "Patient", "id": "1"}], base="https://example.org/fhir")
    assert bundle == {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": "https://example.org/fhir/Patient/1", "resource": {"resourceType": "Patient", "id": "1"}}],
    }


def test_an_empty_bundle_has_no_entries() -> None:
    assert collection([]) == {"resourceType": "Bundle", "type": "collection"}
