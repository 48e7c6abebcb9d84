import pytest
from hl7v3_xml import element

from mappings.hl7v3.codes import concept, oid_uri

NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


@pytest.mark.parametrize(
    ("oid", "uri"),
    [
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("2.16.840.1.113883.2.4.4.8", "urn:oid:2.16.840.1.113883.2.4.4.8"),
        ("", ""),
        ("not an oid", ""),
        ("2.16.0840.1", ""),
        ("3.1", ""),
    ],
)
def test_systems(oid: str, uri: str) -> None:
    assert oid_uri(oid, "oid-to-code-system") == uri


def test_a_code_with_translations_and_text() -> None:
    code = element(
        '<code code=" 1 " codeSystem="1.2.3" displayName="one"><originalText>as said</originalText>'
        '<translation code="2" codeSystem="1.2.4"/></code>'
    )
    assert concept(code) == {
        "coding": [{"system": "urn:oid:1.2.3", "code": "1", "display": "one"}, {"system": "urn:oid:1.2.4", "code": "2"}],
        "text": "as said",
    }


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (
            '<code nullFlavor="OTH"><originalText>zalf</originalText></code>',
            {"coding": [{"system": NULL, "code": "OTH", "display": "overig"}], "text": "zalf"},
        ),
        ("<code><originalText>zalf</originalText></code>", {"text": "zalf"}),
        ('<code nullFlavor="NI"/>', None),
        ('<code codeSystem="1.2.3"/>', None),
        ("<code/>", None),
    ],
)
def test_without_a_code(xml: str, expected: dict[str, object] | None) -> None:
    assert concept(element(xml)) == expected
