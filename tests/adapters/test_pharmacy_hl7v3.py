"""The pharmacy adapter: what it asks, what it accepts, what it refuses."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import pytest
from lxml import etree

from adapters.contract import Response, Source, SourceError, SourceQuery, Translation
from adapters.pharmacy.hl7v3.adapter import Adapter

BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
V3 = {"v": "urn:hl7-org:v3", "s": "http://schemas.xmlsoap.org/soap/envelope/"}
QUERY = SourceQuery("MedicationDispense", ((BSN, "999955007"),), "vraag-955", "2026-05-01T12:00:00+02:00")


def sample(name: str) -> bytes:
    return (files("adapters.pharmacy.hl7v3") / "samples" / f"{name}.xml").read_bytes()


def source(**options: str) -> Source:
    return Source("wad", "pharmacy/hl7v3", "https://wad.example/v3", (), options=options)


class Fake:
    def __init__(self, status: int = 200, body: bytes = b"", fault: SourceError | None = None) -> None:
        self.response = Response(status, body, "text/xml")
        self.fault = fault
        self.sent = []

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        self.sent.append((url, body, headers))
        if self.fault:
            raise self.fault
        return self.response


def search(transport: Fake, query: SourceQuery = QUERY, **options: str) -> Translation:
    return asyncio.run(Adapter().search(query, source(**options), transport))


def fault_of(call: Callable[..., object]) -> str:
    with pytest.raises(SourceError) as caught:
        call()
    assert "999955007" not in caught.value.text
    return caught.value.fault


def values(body: bytes, path: str) -> list[str]:
    return etree.fromstring(body).xpath(path, namespaces=V3)


def test_the_question() -> None:
    transport = Fake(body=sample("dispense-list"))
    search(transport, sender_ura="90000001", sender_name="Hub & Co", receiver_application="90009955")
    ((url, body, headers),) = transport.sent
    assert url == "https://wad.example/v3"
    assert headers == {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '"urn:hl7-org:v3/QURX_IN990111NL"'}
    root = "/s:Envelope/s:Body/v:QURX_IN990111NL"
    expected = {
        "v:id/@extension": ["vraag-955"],
        "v:creationTime/@value": ["20260501120000+0200"],
        "v:versionCode/@code": ["NICTIZEd2005-Okt"],
        "v:interactionId/@extension": ["QURX_IN990111NL"],
        "v:profileId/@extension": ["810"],
        "v:receiver/v:device/v:id/@extension": ["90009955"],
        "v:sender/v:device/v:id/@extension": ["90000001"],
        "v:ControlActProcess/v:authorOrPerformer/v:participant/v:AssignedDevice/v:Organization/v:id/@extension": ["90000001"],
        "v:ControlActProcess/v:authorOrPerformer/v:participant/v:AssignedDevice/v:Organization/v:name/text()": ["Hub & Co"],
        "v:ControlActProcess/v:queryByParameter/v:queryId/@extension": ["vraag-955"],
        "v:ControlActProcess/v:queryByParameter/v:patientID/v:value/@root": ["2.16.840.1.113883.2.4.6.3"],
        "v:ControlActProcess/v:queryByParameter/v:patientID/v:value/@extension": ["999955007"],
    }
    assert {path: values(body, f"{root}/{path}") for path in expected} == expected


def test_the_name_of_the_question_is_an_option() -> None:
    transport = Fake(body=sample("nothing-found"))
    search(transport, query_interaction="QUMA_IN991203NL02")
    ((_, body, headers),) = transport.sent
    assert values(body, "//v:QUMA_IN991203NL02/v:interactionId/@extension") == ["QUMA_IN991203NL02"]
    assert headers["SOAPAction"] == '"urn:hl7-org:v3/QUMA_IN991203NL02"'


def test_the_answer() -> None:
    found = search(Fake(body=sample("dispense-list")))
    assert found.about == [(BSN, "999955007")]
    assert [resource["resourceType"] for resource in found.resources].count("MedicationDispense") == 9
    assert {use.row for use in found.used} > {"dispense-identifier", "patient-name", "ingredient-strength"}
    assert "MedicationDispenseList/component/medicationDispenseEvent/quantity/@value" in found.left_over
    assert "MedicationDispenseList/component/medicationDispenseEvent/id/@extension" not in found.left_over


@pytest.mark.parametrize("name", ["nothing-found", "batch-in-soap"])
def test_nothing_found_is_no_error(name: str) -> None:
    found = search(Fake(body=sample(name)))
    assert len(found.resources) == (0 if name == "nothing-found" else 4)


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (200, sample("refused-acknowledgement"), "refused"),
        (200, sample("nothing-found").replace(b'"NF"', b'"QE"'), "refused"),
        (200, b"", "structure"),
        (200, b"<html>sorry</html>", "structure"),
        (200, b"<!DOCTYPE x>" + sample("nothing-found").split(b"?>", 1)[1], "structure"),
        (200, sample("nothing-found").replace(b"QURX_IN990113NL", b"QURX_IN990114NL"), "structure"),
        (200, sample("nothing-found").replace(b"urn:hl7-org:v3", b"urn:hl7-org:v4"), "structure"),
        (200, sample("nothing-found").replace(b"vraag-955", b"vraag-956"), "structure"),
        (200, b'<QURX_IN990113NL xmlns="urn:hl7-org:v3"/>', "structure"),
        (200, b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>', "structure"),
        (
            500,
            b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault/></s:Body></s:Envelope>',
            "refused",
        ),
        (500, b"oops", "unreachable"),
        (302, b"", "unreachable"),
        (503, b"", "unreachable"),
        (429, b"", "throttled"),
        (401, b"", "refused"),
        (404, b"", "refused"),
    ],
)
def test_faults(status: int, body: bytes, fault: str) -> None:
    assert fault_of(lambda: search(Fake(status, body))) == fault


def test_a_transport_that_fails() -> None:
    assert fault_of(lambda: search(Fake(fault=SourceError("timeout", "no answer in time")))) == "timeout"


def test_without_a_bsn_nothing_is_asked() -> None:
    transport = Fake()
    for identifiers in (
        (),
        (("urn:oid:1.2", "999955007"),),
        ((BSN, "99995500"),),
        ((BSN, "99995500\N{ARABIC-INDIC DIGIT SEVEN}"),),
    ):
        query = SourceQuery("MedicationDispense", identifiers, "1", QUERY.now)
        assert fault_of(lambda query=query: search(transport, query)) == "not-supported"
    assert transport.sent == []


def test_an_option_that_xml_cannot_hold() -> None:
    assert fault_of(lambda: search(Fake(), query_interaction="not a name")) == "not-supported"


def translate(*changes: tuple[str, str], name: str = "dispense-list") -> Translation:
    text = sample(name).decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Adapter().translate(text.encode())


def dispenses(translation: Translation) -> list[dict[str, Any]]:
    return [resource for resource in translation.resources if resource["resourceType"] == "MedicationDispense"]


PATIENT_ID = '<id root="2.16.840.1.113883.2.4.6.3" extension="999955007"/>'


def test_a_list_without_a_patient_is_refused() -> None:
    assert fault_of(lambda: translate((PATIENT_ID, "<id nullFlavor='NI'/>"))) == "structure"
    assert fault_of(lambda: translate((PATIENT_ID, "<id root='rootless' extension='1'/>"))) == "structure"


def test_all_patients_of_a_message_are_named() -> None:
    other = PATIENT_ID.replace("999955007", "999955019")
    assert translate((PATIENT_ID, PATIENT_ID + other)).about == [(BSN, "999955007"), (BSN, "999955019")]


def test_a_broken_event_leaves_the_others() -> None:
    found = translate(("<MedicationKind>\n                  <code/>\n                </MedicationKind>", ""))
    assert len(dispenses(found)) == 8
    assert "event 7 is left out: MedicationDispense has no medication[x]" in found.warnings


def test_an_event_without_identifier_is_kept() -> None:
    found = translate(('<id root="2.16.840.1.113883.2.4.3.11.999.955.1" extension="wad-02"/>', '<id nullFlavor="NI"/>'))
    assert len(dispenses(found)) == 9
    assert sum("identifier" not in one for one in dispenses(found)) == 1
    assert any("has no identifier" in warning for warning in found.warnings)


@pytest.mark.parametrize("code", ["nullified", "cancelled"])
def test_withdrawn_events_are_left_out(code: str) -> None:
    found = translate(('<statusCode code="completed"/>', f'<statusCode code="{code}"/>'))
    assert len(dispenses(found)) == 1
    assert "event 1 was withdrawn and is left out" in found.warnings


def test_a_bare_list_is_translated_but_is_no_answer() -> None:
    root = etree.fromstring(sample("dispense-list"))
    bare = etree.tostring(root.find(".//v:subject", V3))
    assert len(dispenses(Adapter().translate(bare))) == 9
    assert fault_of(lambda: search(Fake(body=bare))) == "structure"


def test_a_list_that_is_not_whole_is_said() -> None:
    found = translate(('<resultTotalQuantity value="1"/>', '<resultTotalQuantity value="3"/>'))
    assert "the source says that it has more than it sent" in found.warnings


def test_other_interactions_in_a_batch_are_said() -> None:
    other = '<QUPC_IN990002NL><ControlActProcess moodCode="EVN"/></QUPC_IN990002NL></MCCI_IN200101>'
    found = translate(("</MCCI_IN200101>", other), name="batch-in-soap")
    assert len(dispenses(found)) == 1
    assert any("interactions other than" in warning for warning in found.warnings)


def test_a_bad_time_costs_only_that_element() -> None:
    found = translate(('<effectiveTime value="20260115"/>', '<effectiveTime value="T+0D{10:00:00}"/>'))
    first = dispenses(found)[0]
    assert [extension["url"].rpartition("/")[2] for extension in first["extension"]] == [
        "ext-RenderedDosageInstruction",
        "ext-TimeInterval.Period",
        "ext-PharmaceuticalTreatment.Identifier",
    ]
    assert "event 1: dispense-registration: a time stamp is not of the form YYYYMMDDhhmmss" in found.warnings


def test_prefixes_do_not_matter() -> None:
    prefixed = sample("dispense-list").replace(b"hl7:", b"q:").replace(b"xmlns:hl7", b"xmlns:q")
    plain, other = Adapter().translate(sample("dispense-list")), Adapter().translate(prefixed)
    assert plain.resources == other.resources


def test_comments_hold_no_events() -> None:
    commented = sample("dispense-list").replace(b"<component>", b"<!-- <component> -->", 1).replace(b"</component>", b"<!-- -->", 1)
    assert fault_of(lambda: Adapter().translate(commented.replace(b"<!-- -->", b"</component>", 1))) == "structure"
    with_comment = sample("dispense-list").replace(
        b"<component>", b"<!-- <component><medicationDispenseEvent/></component> --><component>"
    )
    assert len(dispenses(Adapter().translate(with_comment))) == 9


def test_texts_hold_nothing_of_the_patient(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    found = Adapter().translate(sample("dispense-list"))
    said = " ".join([*found.warnings, *found.left_over, *(str(use) for use in found.used), caplog.text])
    for secret in ("999955007", "Griet", "Kwelder", "Zeedijk", "VOORBEELDINE", "wad-01", "tablet per dag"):
        assert secret not in said
