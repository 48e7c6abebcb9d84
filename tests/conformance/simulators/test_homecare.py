"""The simulated home-care system: what it answers, and how it lies."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from conformance.simulators.asked import Asked
from conformance.simulators.homecare import HomecareSystem
from conformance.simulators.nursing import DATA, read
from fhir_server.validation import validate

NOW = datetime(2026, 7, 1, 9, 30, tzinfo=UTC)
ROOT = "http://127.0.0.1:9003"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn|999990019"
MINE = {"patient": "esd-40117", "_count": "100"}


def asked(path: str, form: dict[str, str] | None = None, *, system: HomecareSystem, url: str = "") -> tuple[int, Any]:
    """Post ``form``, or get ``url``, or the path."""
    parts = urlsplit(url or path)
    method = "GET" if form is None else "POST"
    answer = system(Asked(urlencode(form or {}).encode(), method, parts.path, parts.query, ROOT))
    assert answer.media_type == "application/fhir+json"
    return answer.status, json.loads(answer.body)


def system(fault: str = "none") -> HomecareSystem:
    return HomecareSystem([], lambda: NOW, fault)


def test_a_patient_is_found_by_number_and_the_number_stands_in_no_link() -> None:
    status, found = asked("/fhir/Patient/_search", {"identifier": BSN}, system=system())
    assert (status, [each["resource"]["id"] for each in found["entry"]]) == (200, ["esd-40117"])
    assert found["link"] == [{"relation": "self", "url": f"{ROOT}/fhir/Patient"}]
    assert asked("/fhir/Patient/_search", {"identifier": BSN[:-1] + "0"}, system=system())[1]["entry"] == []


def test_pages_are_three_long_and_lead_to_the_end() -> None:
    held = system()
    _, first = asked("/fhir/Observation/_search", MINE, system=held)
    _, second = asked("", system=held, url=first["link"][1]["url"])
    assert [len(each["entry"]) for each in (first, second)] == [3, 1]
    assert [each["relation"] for each in second["link"]] == ["self"]


@pytest.mark.parametrize(
    ("type_", "more", "number"),
    [
        ("Observation", {"code": "http://loinc.org|29463-7"}, 2),
        ("Observation", {"code": "29463-7,8867-4", "date": "ge2026-06-25"}, 2),
        ("Observation", {"category": "vital-signs", "date": "le2026-06-25"}, 1),
        ("Condition", {"clinical-status": "active"}, 2),
        ("Condition", {"clinical-status": "resolved"}, 0),
        ("Goal", {"lifecycle-status": "active"}, 1),
        ("CarePlan", {"patient": "esd-40998"}, 0),
    ],
)
def test_searches(type_: str, more: dict[str, str], number: int) -> None:
    status, found = asked(f"/fhir/{type_}/_search", {**MINE, **more}, system=system())
    assert (status, found["total"]) == (200, number)


@pytest.mark.parametrize(
    ("path", "form", "status"),
    [
        ("/fhir/Observation/_search", {"encounter": "x"}, 400),
        ("/fhir/Encounter/_search", {}, 404),
        ("/fhir/Practitioner/_search", {}, 404),
        ("/fhir/Practitioner/nobody", None, 404),
        ("/other", None, 404),
    ],
)
def test_what_it_does_not_know_is_an_outcome(path: str, form: dict[str, str] | None, status: int) -> None:
    found = asked(path, form, system=system())
    assert (found[0], found[1]["resourceType"]) == (status, "OperationOutcome")


def test_what_it_says_of_itself_is_what_it_does() -> None:
    _, statement = asked("/fhir/metadata", system=system())
    for each in statement["rest"][0]["resource"]:
        for parameter in each.get("searchParam", ()):
            assert asked(f"/fhir/{each['type']}/_search", {parameter["name"]: "x"}, system=system())[0] == 200
    assert validate(statement) == []


def test_all_it_holds_is_valid() -> None:
    held = system()
    for type_ in ("Patient", "CarePlan", "Condition", "Goal", "Observation", "Procedure"):
        _, found = asked(f"/fhir/{type_}/_search", {"identifier": BSN} if type_ == "Patient" else MINE, system=held)
        for each in found["entry"]:
            assert [issue for issue in validate(each["resource"]) if issue.severity == "error"] == [], type_
    for reference in ("PractitionerRole/rol-wijk-01", "Practitioner/wijk-01", "Organization/organisatie"):
        _, resource = asked(f"/fhir/{reference}", system=held)
        assert [issue for issue in validate(resource) if issue.severity == "error"] == [], reference


def test_the_lies() -> None:
    def found(fault: str, type_: str = "Observation") -> Any:
        form = {"identifier": BSN} if type_ == "Patient" else {**MINE, "code": "29463-7"}
        return asked(f"/fhir/{type_}/_search", form, system=system(fault))[1]

    assert found("outcome-200")["resourceType"] == "OperationOutcome"
    assert found("wrong-patient", "Patient")["entry"][0]["resource"]["id"] == "esd-40998"
    assert (found("lying-self")["total"], "patient=esd-40117" in found("lying-self")["link"][0]["url"]) == (5, True)
    assert (found("ignores-patient")["total"], found("ignores-patient")["link"][0]["url"]) == (5, f"{ROOT}/fhir/Observation")
    assert (found("ignores-parameters")["total"], "code" in found("ignores-parameters")["link"][0]["url"]) == (4, False)
    assert "status=final" in found("narrower-self")["link"][0]["url"]
    assert found("next-elsewhere")["link"][1]["url"].startswith("http://elsewhere.example/")
    assert found("id-change")["entry"][0]["resource"]["id"].startswith("esd-me-02-")
    held, url = system("endless-next"), f"{ROOT}/fhir/Observation?patient=esd-40117"
    for _ in range(3):
        _, page = asked("", system=held, url=url)
        following = page["link"][1]["url"]
        assert (following != url, len(page["entry"])) == (True, 3)
        url = following


@pytest.mark.parametrize("path", sorted(DATA.glob("*.toml")), ids=lambda path: path.name)
def test_the_data_is_about_invented_people(path: Any) -> None:
    bsn = read(path).patient.bsn
    assert bsn.startswith("9999")
    assert (sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), bsn, strict=False)) - int(bsn[8])) % 11 == 0
