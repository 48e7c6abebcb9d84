"""The simulated pharmacy system: the answer it makes of a question."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from conformance.simulators.asked import Asked
from conformance.simulators.decode import UnusableData
from conformance.simulators.dispenses import DATA, read
from conformance.simulators.pharmacy import PharmacySystem

HL7 = {"h": "urn:hl7-org:v3", "s": "http://schemas.xmlsoap.org/soap/envelope/"}
XSI = "{http://www.w3.org/2001/XMLSchema-instance}type"
NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
QUESTION = """<?xml version="1.0" encoding="UTF-8"?>
<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body>
  <v:QURX_IN990111NL xmlns:v="urn:hl7-org:v3">
    <v:id root="2.16.840.1.113883.2.4.6.6.90000001.1" extension="question-17"/>
    <v:sender><v:device><v:id root="2.16.840.1.113883.2.4.6.6" extension="90000001"/></v:device></v:sender>
    <v:ControlActProcess moodCode="EVN"><v:queryByParameter>
      <v:queryId root="2.16.840.1.113883.2.4.6.6.90000001.2" extension="query-17"/>
      <v:patientID><v:value root="2.16.840.1.113883.2.4.6.3" extension="999990019"/></v:patientID>
    </v:queryByParameter></v:ControlActProcess>
  </v:QURX_IN990111NL>
</e:Body></e:Envelope>"""


def asked(question: str = QUESTION, *, wrong: bool = False) -> tuple[int, "etree._Element"]:
    answer = PharmacySystem([], lambda: NOW, "wrong-patient" if wrong else "none")(Asked(question.encode()))
    assert answer.media_type == "text/xml"
    return answer.status, etree.fromstring(answer.body)


def texts(root: "etree._Element", path: str) -> list[str]:
    found = root.xpath(path, namespaces=HL7)
    assert isinstance(found, list)
    return [str(each) for each in found]


def test_the_answer_belongs_to_the_question() -> None:
    status, root = asked()
    answer = "/s:Envelope/s:Body/h:QURX_IN990113NL"
    assert status == 200
    assert texts(root, f"{answer}/h:acknowledgement[@typeCode='AA']/h:targetMessage/h:id/@extension") == ["question-17"]
    assert texts(root, f"{answer}/h:ControlActProcess/h:queryAck/h:queryId/@extension") == ["query-17"]
    assert texts(root, f"{answer}/h:receiver/h:device/h:id/@extension") == ["90000001"]
    assert texts(root, f"{answer}/h:creationTime/@value") == ["20260701093000+0000"]


def test_the_list_is_that_of_the_asked_patient() -> None:
    _, root = asked()
    assert texts(root, "//h:queryResponseCode/@code") == ["OK"]
    assert texts(root, "//h:MedicationDispenseList/h:subject/h:Patient/h:id/@extension") == ["999990019"]
    assert len(texts(root, "//h:component/h:medicationDispenseEvent/h:id/@extension")) == 6


def test_somebody_unknown_is_not_found() -> None:
    status, root = asked(QUESTION.replace("999990019", "999990044"))
    assert status == 200
    assert texts(root, "//h:queryResponseCode/@code") == ["NF"]
    assert texts(root, "//h:MedicationDispenseList") == []
    assert texts(root, "//h:resultTotalQuantity/@value") == ["0"]


def test_the_wrong_patient_is_another_one() -> None:
    _, root = asked(wrong=True)
    assert texts(root, "//h:Patient/h:id/@extension") == ["999990020"]


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("not XML", "not well-formed"),
        ('<a xmlns="urn:hl7-org:v3"/>', "holds no QURX_IN990111NL"),
        (QUESTION.replace("QURX_IN990111NL", "QUPC_IN990001NL"), "holds no QURX_IN990111NL"),
        (QUESTION.replace("patientID", "patientName").replace(":value", ":text"), "names no patient"),
        (QUESTION.replace("2.16.840.1.113883.2.4.6.3", "1.2.3"), "names no patient"),
        (QUESTION.replace("queryId", "query"), "lacks ControlActProcess/queryByParameter/queryId"),
    ],
)
def test_what_is_not_understood_is_a_soap_fault(question: str, reason: str) -> None:
    status, root = asked(question)
    assert status == 500
    (text,) = texts(root, "/s:Envelope/s:Body/s:Fault/faultstring/text()")
    assert reason in text
    assert "999990019" not in text


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE e:Envelope [<!ENTITY bsn SYSTEM "file:///etc/hostname">]>'
    _, root = asked(QUESTION.replace("<e:Envelope", bomb + "<e:Envelope", 1).replace("<e:Body>", "<e:Body>&bsn;"))
    assert "etc" not in etree.tostring(root).decode()


def test_days_are_counted_back_from_the_answer() -> None:
    _, root = asked()
    assert texts(root, "//h:medicationDispenseEvent/h:effectiveTime/@value")[-1] == "20260626"


def test_a_dose_a_period_and_a_cycle_stand_where_the_standard_has_them() -> None:
    _, root = asked()
    cyclic = "//h:medicationDispenseEvent[h:id/@extension='linde-2041-04']//h:effectiveTime/h:comp"
    found = root.xpath(cyclic, namespaces=HL7)
    assert isinstance(found, list)
    assert [each.get(XSI) for each in found if isinstance(each, etree._Element)] == ["IVL_TS", "PIVL_TS", "PIVL_TS"]
    assert texts(root, f"{cyclic}/h:phase/h:width/@value") == ["21"]
    assert texts(root, f"{cyclic}/h:period/@value") == ["1", "28"]
    assert texts(root, "//h:medicationDispenseEvent[h:id/@extension='linde-2041-02']//h:maxDoseQuantity/h:numerator/@value") == [
        "4"
    ]


@pytest.mark.parametrize("path", sorted(DATA.glob("*.toml")), ids=lambda path: path.name)
def test_the_data_is_about_invented_people(path: Path) -> None:
    bsn = read(path).patient.bsn
    assert bsn.startswith("9999")
    assert (sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), bsn, strict=False)) - int(bsn[8])) % 11 == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('bsn = "999990019"', "", "patient lacks bsn"),
        ('bsn = "999990019"', "bsn = 999990019", "patient.bsn must be str"),
        ('gender = "F"', 'gender = "X"', "patient.gender must be one of F, M"),
        ('gender = "F"', 'gender = "F"\nsex = "F"', "patient has unknown keys: sex"),
        ("quantity = 180", 'quantity = "180"', r"dispense\[0\].quantity must be int"),
        ("dose = 1\nroute", "dose = true\nroute", r"dispense\[0\].use\[0\].dose must be int"),
        ("[[dispense]]", "[dispense]", "file.toml"),
        ("[patient]", "[patient", "file.toml"),
    ],
)
def test_a_mistake_in_the_data_is_named(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (DATA / "veenstra.toml").read_text()
    assert old in text
    path = tmp_path / "file.toml"
    path.write_text(text.replace(old, new))
    with pytest.raises(UnusableData, match=said):
        read(path)
