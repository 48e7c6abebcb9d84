from typing import Any

import pytest
from hl7v3_xml import element

from mappings.functions import Call, Unmappable
from mappings.hl7v3.identifiers import FUNCTIONS, identifier

NULL = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"


def apply(name: str, xml: str) -> Any:
    node = element(xml)
    return FUNCTIONS.by_name[name].apply([node], Call(None, node))


@pytest.mark.parametrize(
    ("root", "system"),
    [
        ("2.16.840.1.113883.2.4.6.3", "http://fhir.nl/fhir/NamingSystem/bsn"),
        ("2.16.528.1.1007.3.3", "http://fhir.nl/fhir/NamingSystem/ura"),
        ("1.2.3", "urn:oid:1.2.3"),
        ("AE6F1E3A-0000-4000-8000-00000000000F", "urn:uuid:ae6f1e3a-0000-4000-8000-00000000000f"),
    ],
)
def test_systems(root: str, system: str) -> None:
    assert identifier(element(f'<id root="{root}" extension=" 00123 "/>')) == {"system": system, "value": "00123"}


def test_a_root_alone_is_the_identifier() -> None:
    assert identifier(element('<id root="1.2.3"/>')) == {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"}


@pytest.mark.parametrize("xml", ['<id nullFlavor="MSK"/>', '<id extension="1"/>', "<id/>"])
def test_no_identifier(xml: str) -> None:
    assert identifier(element(xml)) is None


def test_an_impossible_root_is_refused_without_quoting_it() -> None:
    with pytest.raises(Unmappable) as caught:
        identifier(element('<id root="geheim" extension="1"/>'))
    assert "geheim" not in str(caught.value)


def test_the_agreement_is_fabricated_from_the_event() -> None:
    found = apply("agreement_identifier", '<id root="1.2.3" extension="e"/>')
    assert found == {"system": "urn:oid:1.3.6.1.4.1.58606.1.1.1.2.3", "value": "e"}
    with pytest.raises(Unmappable):
        apply("agreement_identifier", '<id nullFlavor="NI"/>')


def event(codes: str, id_: str = '<id root="1.2.3" extension="e"/>') -> str:
    return f"<event>{id_}<MedicationKind><code {codes}</code></MedicationKind></event>"


PRK = '<translation code="7" codeSystem="2.16.840.1.113883.2.4.4.10"/>'
HPK = '<translation code="8" codeSystem="2.16.840.1.113883.2.4.4.7"/>'


@pytest.mark.parametrize(
    ("xml", "system", "value"),
    [
        (event(f'code="1" codeSystem="2.16.840.1.113883.2.4.4.8">{HPK}{PRK}'), "2.16.840.1.113883.2.4.3.11.61.2", "7"),
        (event(f'code="1" codeSystem="2.16.840.1.113883.2.4.4.8">{HPK}'), "2.16.840.1.113883.2.4.3.11.61.3", "8"),
        (event('code="9" codeSystem="2.16.840.1.113883.2.4.4.7">'), "2.16.840.1.113883.2.4.3.11.61.3", "9"),
        (event('code="1" codeSystem="2.16.840.1.113883.2.4.4.8">'), "1.3.6.1.4.1.58606.1.2.1.2.3", "e"),
    ],
)
def test_the_treatment_is_named_by_the_product_or_the_event(xml: str, system: str, value: str) -> None:
    assert apply("treatment_identifier", xml) == {"system": f"urn:oid:{system}", "value": value}


def test_a_treatment_without_any_name() -> None:
    assert apply("treatment_identifier", event(">", id_="")) is None


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ('<t><prescription><id root="1.2" extension="r"/></prescription></t>', {"system": "urn:oid:1.2", "value": "r"}),
        ('<t><prescription><id nullFlavor="NI"/></prescription></t>', {"system": NULL, "value": "NI"}),
        ("<t/>", {"system": NULL, "value": "UNK"}),
    ],
)
def test_prescriptions(xml: str, expected: dict[str, str]) -> None:
    assert apply("prescription", xml) == {"type": "MedicationRequest", "identifier": expected}


def test_ids_are_stable_and_tell_objects_apart() -> None:
    ids = [
        apply("stable_id", f'<id root="{root}" extension="{extension}"/>')
        for root, extension in (("1.2", "3"), ("1.2", "3"), ("1", "2.3"))
    ]
    assert ids[0] == ids[1] != ids[2]
    assert len(ids[0]) == 32
    assert apply("stable_id", '<id root="1.2"/>') is None
