"""The simulated GP system: the answer it makes of a question."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from conformance.simulators.asked import Asked
from conformance.simulators.decode import UnusableData
from conformance.simulators.gp import GpSystem

HL7 = {"h": "urn:hl7-org:v3", "s": "http://schemas.xmlsoap.org/soap/envelope/"}
NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
QUESTION = """<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><v:QUPC_IN990001NL xmlns:v="urn:hl7-org:v3">
<v:id root="1.2" extension="question-17"/><v:sender><v:device><v:id root="1.3" extension="90000001"/></v:device></v:sender>
<v:ControlActProcess><v:queryByParameter><v:queryId root="1.4" extension="query-17"/>
<v:patientID><v:value root="2.16.840.1.113883.2.4.6.3" extension="999990019"/></v:patientID>
</v:queryByParameter></v:ControlActProcess></v:QUPC_IN990001NL></e:Body></e:Envelope>"""
PROVISION = "/s:Envelope/s:Body/h:QUPC_IN990002NL/h:ControlActProcess/h:subject/h:PrimaryCareProvision"


def asked(question: str = QUESTION, *, wrong: bool = False) -> tuple[int, "etree._Element"]:
    answer = GpSystem([], lambda: NOW, "wrong-patient" if wrong else "none")(Asked(question.encode()))
    assert answer.media_type == "text/xml"
    return answer.status, etree.fromstring(answer.body)


def texts(root: "etree._Element", path: str) -> list[str]:
    found = root.xpath(path, namespaces=HL7)
    assert isinstance(found, list)
    return [str(each) for each in found]


def test_the_answer_is_the_summary_of_the_asked_patient() -> None:
    status, root = asked()
    assert status == 200
    assert texts(root, "//h:acknowledgement[@typeCode='AA']/h:targetMessage/h:id/@extension") == ["question-17"]
    assert texts(root, f"{PROVISION}/h:subject/h:Patient/h:id/@extension") == ["999990019"]
    assert texts(root, f"{PROVISION}/h:component7/h:episodeOfCondition/h:statusCode/@code") == ["active", "active", "completed"]
    assert texts(root, f"{PROVISION}/h:component1/h:encounter/h:effectiveTime/h:low/@value") == ["202606191000", "202512101000"]
    assert texts(root, "//h:ObservationIntolerance/@negationInd") == ["false", "true"]


def test_an_episode_names_the_lines_of_the_journal_that_are_about_it() -> None:
    _, root = asked()
    lines = set(texts(root, "//h:JournalEntry/h:id/@root"))
    named = texts(root, "//h:actReference/h:id/@root")
    assert len(named) == 8
    assert lines == set(named)


def test_somebody_unknown_is_not_found() -> None:
    _, root = asked(QUESTION.replace("999990019", "999990044"))
    assert texts(root, "//h:queryResponseCode/@code") == ["NF"]
    assert texts(root, PROVISION) == []


def test_the_wrong_patient() -> None:
    _, root = asked(wrong=True)
    assert texts(root, f"{PROVISION}/h:subject/h:Patient/h:id/@extension") == ["999990020"]


@pytest.mark.parametrize(
    "question", ["?", QUESTION.replace("QUPC_IN990001NL", "QURX_IN990111NL"), QUESTION.replace("patientID", "x")]
)
def test_what_is_no_question_is_a_fault(question: str) -> None:
    if "<v:x>" in question:
        question = question.replace("2.16.840.1.113883.2.4.6.3", "1.5")
    status, root = asked(question)
    assert status == 500
    assert texts(root, "//faultstring/text()")


def test_data_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_text('[practice]\nname = "x"\n')
    with pytest.raises(UnusableData, match=r"x\.toml: "):
        GpSystem([file], lambda: NOW)
