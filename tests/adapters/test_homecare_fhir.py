"""The adapter of home-care systems that speak FHIR, against recorded answers of our own making."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.contract import Fault, Response, Source, SourceError, SourceQuery, Translation
from adapters.fhir.strict_json import read_resource
from adapters.homecare.fhir.adapter import Adapter

Json = dict[str, Any]
BASE = "https://esdoorn.example/fhir"
BSN = "http://fhir.nl/fhir/NamingSystem/bsn"
NUMBER = "999990019"
SOURCE = Source("esdoorn", "homecare/fhir", BASE, ())
PATIENT: Json = {"resourceType": "Patient", "id": "p1", "identifier": [{"system": BSN, "value": NUMBER}]}
NURSE: Json = {"resourceType": "Practitioner", "id": "n1", "name": [{"text": "W. Dijkema"}]}
SELF = f"{BASE}/Observation?patient=p1&_count=100"
SAMPLE = files("adapters.homecare.fhir").joinpath("samples", "record.json").read_bytes()


def observation(id_: str = "o1", **more: Any) -> Json:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "weight"},
        "subject": {"reference": "Patient/p1"},
        **more,
    }


def searchset(*resources: Json, self_: str = SELF, next_: str = "") -> Json:
    links = [{"relation": "self", "url": self_}, *([{"relation": "next", "url": next_}] if next_ else [])]
    entries = [{"fullUrl": f"{BASE}/{each['resourceType']}/{each.get('id')}", "resource": each} for each in resources]
    return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def outcome(code: str, severity: str = "error") -> Json:
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": code, "diagnostics": NUMBER}]}


def statement(**types: list[str]) -> Json:
    resources = [
        {"type": type_, "interaction": [{"code": "search-type"}], "searchParam": [{"name": each} for each in names]}
        for type_, names in types.items()
    ]
    resources.append({"type": "Practitioner", "interaction": [{"code": "read"}]})
    return {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "rest": [{"mode": "server", "resource": resources}]}


@dataclass
class Line:
    """Answers as told, by path: one answer after the other, the last again and again; remembers what was asked."""

    answers: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    known: dict[Hashable, Any] = field(default_factory=dict)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        assert headers["Content-Type"] == "application/x-www-form-urlencoded"
        return self._answer("POST", url, body)

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        assert headers["Accept"] == "application/fhir+json"
        return self._answer("GET", url, b"")

    async def once(self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        if question not in self.known:
            self.known[question] = await ask()
        return self.known[question]

    def _answer(self, method: str, url: str, body: bytes) -> Response:
        self.asked.append((method, url, body))
        told = self.answers.get(urlsplit(url).path.removeprefix("/fhir/"), [])
        found = told.pop(0) if len(told) > 1 else told[0] if told else None
        if isinstance(found, Response):
            return found
        if found is None:
            return Response(404, json.dumps(outcome("not-found")).encode())
        return Response(200, found if isinstance(found, bytes) else json.dumps(found).encode())

    def form(self, path: str) -> list[tuple[str, str]]:
        (body,) = (body for _, url, body in self.asked if url == f"{BASE}/{path}")
        return parse_qsl(body.decode())


def line(*pages: Any, **others: Any) -> Line:
    """Return a source that answers ``pages`` to a search of Observations; ``others`` by their first word."""
    told = {
        "metadata": [others.get("metadata", statement(Observation=["patient", "code", "date"]))],
        "Patient/_search": [others.get("patient", searchset(PATIENT, self_=f"{BASE}/Patient"))],
        "Observation/_search": [pages[0] if pages else searchset(observation())],
        "Observation": list(pages[1:]),
        "Practitioner/n1": [others.get("nurse", NURSE)],
    }
    return Line({path: [each for each in answers if each is not None] for path, answers in told.items()})


def ask(to: Line, type_: str = "Observation", source: Source = SOURCE, **more: Any) -> Translation:
    query = SourceQuery(type_, ((BSN, NUMBER),), "m1", "2026-07-01T09:30:15+02:00", **more)
    return asyncio.run(Adapter().search(query, source, to))


def fault(to: Line, type_: str = "Observation", **more: Any) -> Fault:
    with pytest.raises(SourceError) as raised:
        ask(to, type_, **more)
    assert NUMBER not in raised.value.text
    return raised.value.fault


def ids(found: Translation) -> list[str]:
    return [f"{each['resourceType']}/{each['id']}" for each in found.resources]


def test_the_patient_is_found_by_number_in_a_body_and_by_the_own_id_afterwards() -> None:
    to = line(searchset(observation(performer=[{"reference": f"{BASE}/Practitioner/n1/_history/3"}])))
    found = ask(to)
    assert ids(found) == ["Patient/p1", "Observation/o1", "Practitioner/n1"]
    assert found.about == [(BSN, NUMBER)]
    assert to.form("Patient/_search") == [("identifier", f"{BSN}|{NUMBER}")]
    assert to.form("Observation/_search") == [("patient", "p1"), ("_count", "100")]
    assert not [url for _, url, _ in to.asked if NUMBER in unquote(url)]


def test_whom_the_source_does_not_know_is_an_empty_answer() -> None:
    to = line(patient=searchset(self_=f"{BASE}/Patient"))
    assert ask(to) == Translation([])
    assert len(to.asked) == 2


def test_what_the_source_cannot_search_by_is_not_sent() -> None:
    to = line(searchset(observation(), self_=f"{SELF}&code=29463-7"))
    ask(to, parameters=(("code", "29463-7"), ("status", "final")))
    assert to.form("Observation/_search") == [("patient", "p1"), ("code", "29463-7"), ("_count", "100")]


@pytest.mark.parametrize(
    "self_",
    [
        f"{BASE}/Observation?patient=p1",
        f"{BASE}/Observation?subject=Patient/p1&code=x&_count=5&_format=json&cursor=9",
        f"{BASE}/Observation?patient:Patient=p1&_summary=false",
    ],
)
def test_what_was_sent_may_be_missing_in_what_was_applied(self_: str) -> None:
    assert len(ask(line(searchset(observation(), self_=self_)), parameters=(("code", "x"),)).resources) == 2


@pytest.mark.parametrize(
    "self_",
    [
        "",
        f"{BASE}/Observation",
        f"{BASE}/Observation?code=x",
        f"{BASE}/Observation?patient=p2",
        f"{BASE}/Observation?patient=p1&patient=p2",
        f"{BASE}/Observation?patient=p1,p2",
        f"{BASE}/Observation?patient=p1&date=ge2026",
        f"{BASE}/Observation?patient=p1&_lastUpdated=ge2026",
        f"{BASE}/Observation?patient=p1&_elements=code",
    ],
)
def test_what_was_applied_is_neither_wider_than_the_patient_nor_narrower_than_asked(self_: str) -> None:
    assert fault(line(searchset(observation(), self_=self_)), parameters=(("code", "x"),)) == "not-supported"


def test_pages_are_followed_at_the_same_server() -> None:
    first = searchset(observation("o1"), next_=f"{BASE}/Observation?_page=2")
    found = ask(line(first, searchset(observation("o2"), next_="Observation?_page=3"), searchset(observation("o3"))))
    assert ids(found)[1:] == ["Observation/o1", "Observation/o2", "Observation/o3"]
    default_port = searchset(observation("o1"), next_="HTTPS://ESDOORN.example:443/fhir/Observation?_page=2")
    to = line(default_port, searchset(observation("o2")))
    assert len(ask(to).resources) == 3
    assert to.asked[-1][1] == f"{BASE}/Observation?_page=2"


@pytest.mark.parametrize(
    ("next_", "expected"),
    [
        ("https://elsewhere.example/fhir/Observation?_page=2", "structure"),
        ("https://esdoorn.example:8443/fhir/Observation?_page=2", "structure"),
        ("http://esdoorn.example/fhir/Observation?_page=2", "structure"),
        ("//elsewhere.example/x", "structure"),
        ("file:///etc/hostname", "structure"),
        ("http://[not-an-address/x", "structure"),
        (f"{BASE}/Observation?patient.identifier={NUMBER}", "structure"),
        (f"{BASE}/Observation?patient.identifier=%39{NUMBER[1:]}", "structure"),
        (f"{BASE}/Observation?_page=for-ever", "too-much"),
    ],
)
def test_where_a_next_link_must_not_lead(next_: str, expected: str) -> None:
    page = searchset(observation(), next_=next_)
    to = line(page, page)
    assert fault(to) == expected
    assert len(to.asked) == (22 if expected == "too-much" else 3)


@pytest.mark.parametrize("options", [{"largest_answer": "800"}, {"most_resources": "1"}])
def test_all_pages_together_have_a_limit(options: dict[str, str]) -> None:
    first = searchset(observation("o1"), next_=f"{BASE}/Observation?_page=2")
    limited = Source("esdoorn", "homecare/fhir", BASE, (), options=options)
    assert fault(line(first, searchset(observation("o2"))), source=limited) == "too-much"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (outcome("exception"), "unreachable"),
        (outcome("forbidden"), "refused"),
        (outcome("processing"), "refused"),
        (outcome("informational", "information"), "structure"),
        (searchset(observation(), outcome("incomplete", "warning")), "timeout"),
        (searchset(observation(), outcome("throttled", "warning")), "throttled"),
        (searchset(observation(), outcome("exception")), "unreachable"),
        (json.dumps(searchset(observation())).encode()[:120], "structure"),
        (b'{"resourceType": "Bundle", "type": "searchset", "type": "searchset"}', "structure"),
        (b'{"resourceType": "Bundle", "type": "\\ud800"}', "structure"),
        (b"[" * 100_000, "structure"),
        (b"[]", "structure"),
        (NURSE, "structure"),
        (searchset(observation()) | {"type": "collection"}, "structure"),
        (searchset(observation()) | {"entry": {}}, "structure"),
        (searchset(observation()) | {"entry": [{"search": {}}]}, "structure"),
        (searchset(observation("")), "structure"),
        (searchset(observation("a/b")), "structure"),
        (searchset(observation(implicitRules="http://x")), "structure"),
        (searchset(observation(), observation("o2", subject={"reference": f"{BASE}/Patient/p2"})), "wrong-patient"),
        (Response(400, json.dumps(outcome("not-supported")).encode()), "not-supported"),
        (Response(500, json.dumps(outcome("exception")).encode()), "unreachable"),
        (Response(302, json.dumps(searchset()).encode()), "unreachable"),
    ],
)
def test_what_is_no_answer(answer: Any, expected: str) -> None:
    assert fault(line(answer)) == expected


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({"patient": searchset({**PATIENT, "identifier": [{"system": BSN, "value": "999990020"}]})}, "wrong-patient"),
        ({"patient": searchset(PATIENT, {**PATIENT, "id": "p2"})}, "structure"),
        ({"patient": outcome("security")}, "refused"),
        ({"metadata": NURSE}, "structure"),
        ({"metadata": statement() | {"fhirVersion": "3.0.2"}}, "not-supported"),
        ({"metadata": statement(Observation=["code"])}, "not-supported"),
        ({"metadata": statement(Goal=["patient"])}, "not-supported"),
    ],
)
def test_what_keeps_it_from_asking(others: dict[str, Any], expected: str) -> None:
    to = line(**others)
    assert fault(to) == expected
    assert not [url for _, url, _ in to.asked if url.startswith(f"{BASE}/Observation")]


def test_a_type_about_nobody_and_a_person_without_number_are_not_asked_for() -> None:
    assert fault(line(), "Practitioner") == "not-supported"
    with pytest.raises(SourceError, match="none is known"):
        asyncio.run(Adapter().search(SourceQuery("Goal", (("urn:x", "1"),), "m", ""), SOURCE, Line()))


def test_who_is_named_is_read_once_and_left_where_it_is_not() -> None:
    named = [observation(f"o{each}", performer=[{"reference": "Practitioner/n1"}]) for each in range(3)]
    to = line(searchset(*named))
    ask(to)
    ask(to, parameters=(("code", "x"),))
    assert [url for _, url, _ in to.asked].count(f"{BASE}/Practitioner/n1") == 1
    assert [url for _, url, _ in to.asked].count(f"{BASE}/metadata") == 1
    gone = line(searchset(*named), nurse=Response(410, json.dumps(outcome("deleted")).encode()))
    assert ids(ask(gone)) == ["Patient/p1", "Observation/o0", "Observation/o1", "Observation/o2"]
    assert fault(line(searchset(*named), nurse={**NURSE, "id": "n2"})) == "structure"
    many = [observation(f"o{each}", performer=[{"reference": f"Practitioner/n{each}"}]) for each in range(51)]
    assert fault(line(searchset(*many))) == "too-much"


def test_references_are_those_of_the_source_or_stay_what_they_are() -> None:
    theirs = {
        "Goal/g1": "Goal/g1",
        f"{BASE}/Goal/g1/_history/2": "Goal/g1",
        "HTTPS://ESDOORN.example:443/fhir/Goal/g2": "Goal/g2",
        "#c": "#c",
        "https://elsewhere.example/fhir/Goal/g3": "https://elsewhere.example/fhir/Goal/g3",
        "https://esdoorn.example/fhir2/Goal/g4": "https://esdoorn.example/fhir2/Goal/g4",
        "Patient?identifier=x": "Patient?identifier=x",
        "http://[not-an-address/Goal/g5": "http://[not-an-address/Goal/g5",
    }
    found = ask(line(searchset(observation(focus=[{"reference": each} for each in theirs]))))
    resource: Json = found.resources[1]
    assert [each["reference"] for each in resource["focus"]] == list(theirs.values())
    assert list(found.elsewhere) == ["Goal/g1", "Goal/g2"]


def test_the_sample_keeps_decimals_and_leaves_the_narrative_out() -> None:
    found = Adapter().translate(SAMPLE)
    (pulse,) = (each for each in found.resources if each["id"] == "0f5f3a52-6a7c-4a53-9d0c-8f7d2b6f0a11")
    value: Json = pulse["valueQuantity"]  # type: ignore[assignment]
    assert str(value["value"]) == str(Decimal("76.50"))
    assert "Observation.contained.text" in found.left_over
    assert b"<div" not in json.dumps(found.resources, default=str).encode()
    assert list(found.elsewhere) == ["Goal/not-in-this-answer"]


def test_equal_questions() -> None:
    query = SourceQuery("Goal", ((BSN, NUMBER),), "m1", "now", (("status", "active"),))
    same = SourceQuery("Goal", ((BSN, NUMBER),), "m2", "later", (("status", "active"),))
    other = SourceQuery("CarePlan", ((BSN, NUMBER),), "m1", "now", (("status", "active"),))
    adapter = Adapter()
    assert adapter.question(query) == adapter.question(same) != adapter.question(other)


PLACES = [at for at, letter in enumerate(SAMPLE.decode()) if letter in '{}[],:"']


@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(["", "{", "null", '"a":1,', "[", "9", '"'])), max_size=3))
@settings(max_examples=60, deadline=None)
def test_whatever_comes_it_translates_or_says_why_not(changes: list[tuple[int, str]]) -> None:
    text = SAMPLE.decode()
    for at, instead in changes:
        text = text[:at] + instead + text[at + 1 :]
    try:
        found = Adapter().translate(text.encode())
    except SourceError:
        return
    assert found.about
    assert all(isinstance(each["id"], str) for each in found.resources)


def test_numbers_that_no_reader_takes_for_whole_stay_as_written() -> None:
    found = read_resource(b'{"resourceType": "X", "a": 123456789012345678901234567890, "b": 1.00, "c": 7}')
    assert [str(found[name]) for name in "abc"] == ["123456789012345678901234567890", "1.00", "7"]
    with pytest.raises(SourceError, match="no JSON"):
        read_resource(b'{"resourceType": "X", "a": NaN}')
