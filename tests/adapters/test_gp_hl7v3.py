"""The GP adapter: what it asks, what it makes of an answer, and what it does not make of it."""

import asyncio
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pytest

from adapters.contract import Response, Source, SourceError, SourceQuery, Translation
from adapters.gp.hl7v3.adapter import Adapter
from fhir_server.validation import validate

Resource = dict[str, Any]
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
QUERY = SourceQuery("Condition", ((BSN, "999955007"),), "vraag-956", "2026-05-01T12:00:00+02:00")
SNOMED = "http://snomed.info/sct"


def sample(name: str) -> bytes:
    return (files("adapters.gp.hl7v3") / "samples" / f"{name}.xml").read_bytes()


class Fake:
    """A transport that gives the same answer to everything."""

    def __init__(self, body: bytes, status: int = 200) -> None:
        self.response = Response(status, body, "text/xml")
        self.sent: list[tuple[bytes, Mapping[str, str]]] = []

    async def post(self, _url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        self.sent.append((body, headers))
        return self.response


def search(transport: Fake) -> Translation:
    return asyncio.run(Adapter().search(QUERY, Source("wierde", "gp/hl7v3", "https://wierde.example/v3", ()), transport))


def translate(name: str, *changes: tuple[str, str]) -> Translation:
    text = sample(name).decode()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return Adapter().translate(text.encode())


def of_type(found: Translation, type_: str) -> list[Resource]:
    return [each for each in found.resources if each["resourceType"] == type_]


def codes(concept: Resource) -> set[tuple[str, str]]:
    return {(each["system"], each["code"]) for each in concept["coding"]}


def test_the_question_and_its_answer() -> None:
    transport = Fake(sample("summary"))
    found = search(transport)
    ((body, headers),) = transport.sent
    assert b"<QUPC_IN990001NL" in body
    assert headers["SOAPAction"] == '"urn:hl7-org:v3/QUPC_IN990001NL"'
    assert found.about == [(BSN, "999955007")]
    assert {each["resourceType"] for each in found.resources} == {
        "AllergyIntolerance", "Composition", "Condition", "Encounter", "EpisodeOfCare", "Flag", "Medication", "MedicationRequest",
        "Observation", "Organization", "Patient", "Practitioner", "PractitionerRole",
    }  # fmt: skip


def test_nothing_found_is_no_error() -> None:
    assert search(Fake(sample("nothing-found"))).resources == []


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        (sample("refused-query"), 200, "refused"),
        (sample("nothing-found").replace(b"vraag-956", b"vraag-957"), 200, "structure"),
        (sample("nothing-found").replace(b"QUPC_IN990002NL", b"QUPC_IN990003NL"), 200, "structure"),
        (b"<html/>", 200, "structure"),
        (b"", 503, "unreachable"),
        (b"", 429, "throttled"),
        (sample("summary").replace(b'root="2.16.840.1.113883.2.4.6.3"', b""), 200, "structure"),
        (sample("integrated-care").replace(b'code="NF"', b'code="AE"'), 200, "refused"),
    ],
)
def test_faults(body: bytes, status: int, fault: str) -> None:
    with pytest.raises(SourceError) as caught:
        search(Fake(body, status))
    assert caught.value.fault == fault
    assert "999955007" not in caught.value.text


@pytest.mark.parametrize("name", ["summary", "integrated-care"])
def test_what_becomes_of_it_is_valid(name: str) -> None:
    for resource in translate(name).resources:
        assert validate(resource) == [], resource["resourceType"]


def test_what_was_said_not_to_be_there_is_no_allergy() -> None:
    found = translate("summary")
    assert [each["code"]["coding"][0]["display"] for each in of_type(found, "AllergyIntolerance")] == ["PENICILLINES"]
    assert "SULFONAMIDEN" not in str(found.resources)
    assert any("the source says that it is not so" in warning for warning in found.warnings)
    assert len(of_type(translate("summary", ('negationInd="true"', 'negationInd="false"')), "AllergyIntolerance")) == 2


def test_what_the_source_withdrew_is_left_out() -> None:
    withdrawn = translate("integrated-care", ('<statusCode code="active"/>', '<statusCode code="nullified"/>'))
    assert [each["status"] for each in of_type(withdrawn, "EpisodeOfCare")] == ["finished"]


def test_a_contra_indication_is_a_flag_and_no_allergy() -> None:
    flags = of_type(translate("summary"), "Flag")
    (found,) = (each for each in flags if (SNOMED, "140401000146105") in codes(each["category"][0]))
    assert codes(found["code"]) == {("urn:oid:2.16.840.1.113883.2.4.4.1.902.40", "219")}
    assert found["code"]["text"] == "CONTRA: rijdt nog auto"


def test_an_alert_is_about_the_condition_of_its_episode() -> None:
    found = translate("summary")
    (alert,) = (each for each in of_type(found, "Flag") if "extension" in each)
    detail = alert["extension"][0]["valueReference"]["reference"]
    assert detail in {f"Condition/{each['id']}" for each in of_type(found, "Condition")}
    assert (alert["status"], alert["code"]["text"]) == ("active", "EPISODE-HARTFALEN, stabiel")


def test_a_contact_has_a_report_for_each_problem_with_its_lines_in_it() -> None:
    found = translate("summary")
    encounter = next(each for each in of_type(found, "Encounter") if len(each["episodeOfCare"]) == 2)
    reports = [each for each in of_type(found, "Composition") if each["encounter"]["reference"] == f"Encounter/{encounter['id']}"]
    assert [[section["title"] for section in each["section"]] for each in reports] == [
        ["Subjectief", "Objectief", "Evaluatie", "Plan"],
        ["Subjectief", "Plan"],
    ]
    assert [each["title"] for each in reports] == ["Decompensatio cordis", "SOEP-verslag"]
    line = reports[0]["contained"][2]
    assert line["valueString"] == "Hartfalen, lichte toename van vocht"
    assert codes(line["extension"][0]["valueCodeableConcept"]) == {("http://hl7.org/fhir/sid/icpc-1-nl", "K77")}
    assert not any("valueString" in each and "traplopen" in each["valueString"] for each in of_type(found, "Observation"))


def test_a_line_of_an_unknown_kind_keeps_its_text() -> None:
    found = translate("integrated-care")
    (section,) = (each for report in of_type(found, "Composition") for each in report["section"] if "code" not in each)
    lines = {f"#{each['id']}": each for report in of_type(found, "Composition") for each in report["contained"]}
    assert lines[section["entry"][0]["reference"]]["valueString"] == "Een regel van een onbekende soort"


def test_two_halves_of_a_blood_pressure_are_one() -> None:
    found = of_type(translate("summary"), "Observation")
    (pressure,) = (each for each in found if "component" in each)
    assert [str(part["valueQuantity"]["value"]) for part in pressure["component"]] == ["148", "82"]
    apart = translate("summary", ('<value xsi:type="PQ" value="82" unit="mm[Hg]"/>', ""))
    assert not any("component" in each for each in of_type(apart, "Observation"))


def test_two_results_under_one_identifier_are_both_kept() -> None:
    found = translate("integrated-care")
    twice = [each for each in of_type(found, "Observation") if each["identifier"][0]["value"] == "wierde-la-13"]
    assert len({each["id"] for each in twice}) == 2
    assert any("both are kept" in warning for warning in found.warnings)


def test_the_class_of_a_contact_is_not_guessed() -> None:
    classes = {each["type"][0]["coding"][0]["code"]: each["class"]["code"] for each in of_type(translate("summary"), "Encounter")}
    assert classes == {"03": "AMB", "02": "UNK"}


def test_what_is_not_in_the_answer_is_named_by_identifier() -> None:
    found = translate("integrated-care", ("wierde-ep-11", "wierde-ep-99"))
    (encounter,) = of_type(translate("integrated-care"), "Encounter")
    assert encounter["episodeOfCare"][0].keys() == {"reference", "type"}
    assert of_type(found, "Encounter")[0]["episodeOfCare"][0]["reference"].startswith("EpisodeOfCare/")
    alone = translate("integrated-care", ("REPC_IN990111NL", "REPC_IN990999NL"))
    (kept,) = of_type(alone, "Encounter")
    assert kept["episodeOfCare"][0]["identifier"]["value"] == "wierde-ep-11"
    assert "reference" not in kept["episodeOfCare"][0]


def test_an_error_in_one_part_of_a_file_is_told() -> None:
    found = translate("integrated-care", ('code="NF"', 'code="AE"'))
    assert "an interaction that reports an error is left out" in found.warnings
    assert of_type(found, "EpisodeOfCare")


def test_a_bare_summary_in_a_file() -> None:
    body = sample("summary").decode()
    start, end = body.index("<PrimaryCareProvision"), body.index("</PrimaryCareProvision>")
    bare = body[start:end].replace(
        "<PrimaryCareProvision",
        '<PrimaryCareProvision xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"',
        1,
    )
    assert len(of_type(Adapter().translate(f"{bare}</PrimaryCareProvision>".encode()), "EpisodeOfCare")) == 3


def test_warnings_and_what_is_left_over_hold_nothing_of_the_patient() -> None:
    for name in ("summary", "integrated-care"):
        found = translate(name)
        assert found.left_over
        assert not any("/_" in path for path in found.left_over)
        for text in (*found.warnings, *found.left_over):
            assert "999955007" not in text
            assert "Hoekema" not in text
