"""Merging answers: hub ids, the hub's patient, and no trace of where a source is."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from fake_sources import AGB, BSN, CLIENT, URA, at_once
from hypothesis import given
from hypothesis import strategies as st

from adapters.contract import Source, Translation
from fhir_server.federation.answer import SourceAnswer
from fhir_server.federation.merge import Merged, merge
from fhir_server.federation.sealed_id import Seal, patient_digest
from fhir_server.federation.select import included, is_sealed, matches
from fhir_server.search.tree import Sort

Json = dict[str, Any]
PATIENT = "Patient/hub-ansje"
SEAL = Seal(bytes(range(32)))
HOST = "linde.internal.example"
SOURCE = Source("linde", "pharmacy/hl7v3", f"https://{HOST}:8443/hl7v3", ((URA, "00090383"),))
OURS: Json = {
    "resourceType": "Patient",
    "id": "local-p",
    "identifier": [{"system": BSN, "value": "999990019"}],
    "name": [{"text": "A. V."}],
}
DISPENSE: Json = {
    "resourceType": "MedicationDispense",
    "id": "local-d",
    "meta": {
        "versionId": "4",
        "lastUpdated": "2026-05-01T10:00:00Z",
        "source": f"https://{HOST}:8443/db",
        "profile": ["http://nictiz.nl/fhir/StructureDefinition/mp-AdministrationAgreement"],
        "security": [{"code": "R"}],
        "tag": [{"code": "theirs"}],
    },
    "text": {"status": "generated", "div": f'<div><a href="https://{HOST}:8443/x">999990019</a></div>'},
    "contained": [{"resourceType": "Practitioner", "id": "c", "photo": [{"url": f"https://{HOST}:8443/photo/local-c"}]}],
    "extension": [
        {"url": "http://example.org/ext", "valueReference": {"reference": "Medication/local-m/_history/2", "display": "pil"}}
    ],
    "identifier": [{"system": "urn:oid:1.2.3", "value": "event-1"}, {"system": f"https://{HOST}:8443/ids", "value": "event-2"}],
    "status": "completed",
    "medicationReference": {"reference": "Medication/local-m"},
    "subject": {"reference": "Patient/local-p", "display": "Ansje Veenstra", "identifier": {"system": BSN, "value": "999990019"}},
    "supportingInformation": [
        {"reference": "Observation/local-o", "display": "not sent along"},
        {"reference": f"https://{HOST}:8443/fhir/Observation/local-o2"},
        {"reference": "#c"},
        {"type": "Patient", "identifier": {"system": BSN, "value": "999990019"}},
    ],
    "note": [{"text": f"see https://{HOST}:8443/notes/1 of 999990019"}],
}
MEDICATION: Json = {
    "resourceType": "Medication",
    "id": "local-m",
    "code": {"text": "pil", "coding": [{"code": "1", "userSelected": True}]},
}
RESOURCES = (OURS, DISPENSE, MEDICATION)


def answer(*resources: Json, source: Source = SOURCE, request: str = "7f3c.1") -> SourceAnswer:
    return SourceAnswer(source, request, Translation(resources, CLIENT))


def merged(*answers: SourceAnswer) -> tuple[Merged, ...]:
    return tuple(each for one in answers for each in at_once(merge(one, PATIENT, CLIENT, SEAL)).values())


@pytest.fixture(scope="module")
def dispense() -> Json:
    """Return the dispense as the hub shows it."""
    return next(each.resource for each in merged(answer(*RESOURCES)) if each.type == "MedicationDispense")


@pytest.mark.parametrize("trace", [HOST, "8443", "999990019", "local-", "Ansje", "A. V."])
def test_nothing_tells_where_the_source_is_or_who_the_patient_is(trace: str) -> None:
    shown = json.dumps([each.resource for each in merged(answer(*RESOURCES))])
    assert trace not in shown


def test_the_hub_patient_is_the_subject(dispense: Json) -> None:
    assert dispense["subject"] == {"reference": PATIENT}


def test_the_patient_of_the_source_does_not_go_out() -> None:
    assert sorted(each.type for each in merged(answer(*RESOURCES))) == ["Medication", "MedicationDispense"]


def test_ids_are_sealed(dispense: Json) -> None:
    opened = SEAL.open_(dispense["id"])
    assert opened is not None
    assert opened.patient == patient_digest(PATIENT)
    assert is_sealed(DISPENSE, "linde", PATIENT, opened)


@pytest.mark.parametrize(
    ("resource", "source", "patient"),
    [
        (MEDICATION, "linde", PATIENT),
        (DISPENSE, "den", PATIENT),
        (DISPENSE, "linde", "Patient/other"),
        (DISPENSE | {"id": "x"}, "linde", PATIENT),
    ],
)
def test_a_sealed_id_stands_for_one_object_only(dispense: Json, resource: Json, source: str, patient: str) -> None:
    opened = SEAL.open_(dispense["id"])
    assert opened is not None
    assert not is_sealed(resource, source, patient, opened)


def test_references_inside_the_answer_lead_to_hub_ids(dispense: Json) -> None:
    medication = next(each for each in merged(answer(*RESOURCES)) if each.type == "Medication")
    assert dispense["medicationReference"] == {"reference": medication.reference}
    assert dispense["extension"][0]["valueReference"] == {"reference": medication.reference, "display": "pil"}


def test_references_to_what_was_not_sent_along_keep_only_their_display(dispense: Json) -> None:
    absent = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}
    assert dispense["supportingInformation"] == [
        {"display": "not sent along"},
        {"extension": [absent]},
        {"reference": "#c"},
        {"reference": PATIENT},
    ]


def test_meta_is_the_hubs_own(dispense: Json) -> None:
    assert dispense["meta"] == {
        "versionId": "4",
        "lastUpdated": "2026-05-01T10:00:00Z",
        "security": [{"code": "R"}],
        "source": "urn:oid:2.16.528.1.1007.3.3.90383#7f3c.1",
        "tag": [
            {
                "system": "https://netwerkdossier.example/fhir/CodeSystem/hub-tag",
                "code": "federated",
                "display": "Asked from its source",
            }
        ],
    }


def test_identifiers_stay_apart_when_their_system_tells_an_address(dispense: Json) -> None:
    first, second = dispense["identifier"]
    assert first == {"system": "urn:oid:1.2.3", "value": "event-1"}
    assert second["system"].startswith("urn:uuid:")
    assert second["value"] == "event-2"


def test_narrative_is_left_out(dispense: Json) -> None:
    assert "text" not in dispense
    assert dispense["status"] == "completed"


def test_the_number_of_the_patient_is_no_identifier_of_anything() -> None:
    medication = {"resourceType": "Medication", "id": "m", "identifier": [{"system": BSN, "value": "999990019"}]}
    assert "identifier" not in merged(answer(medication))[0].resource


def test_values_keep_their_types(dispense: Json) -> None:
    medication = next(each.resource for each in merged(answer(*RESOURCES)) if each.type == "Medication")
    assert medication["code"] == MEDICATION["code"]
    assert dispense["note"] == [{"text": "see https:(withheld) of (withheld)"}]


def test_the_answer_of_the_source_is_left_as_it_was() -> None:
    before = json.dumps(RESOURCES)
    merged(answer(*RESOURCES))
    assert json.dumps(RESOURCES) == before


def test_the_same_object_twice_is_shown_once() -> None:
    assert len(merged(answer(*RESOURCES, *RESOURCES))) == 2


def test_the_same_local_id_at_two_sources_is_two_objects() -> None:
    other = replace(SOURCE, name="den")
    assert len({each.id for each in merged(answer(*RESOURCES), answer(*RESOURCES, source=other))}) == 4


def test_a_resource_without_id_cannot_be_shown() -> None:
    assert merged(answer({"resourceType": "Medication"})) == ()


def test_a_source_without_ura_is_named_by_its_other_number_or_opaquely() -> None:
    agb = replace(SOURCE, organisation=((AGB, "02045678"),))
    none = replace(SOURCE, organisation=())
    shown = [each.resource["meta"]["source"] for each in merged(answer(MEDICATION, source=agb))]
    assert shown == ["urn:oid:2.16.840.1.113883.2.4.6.1.2045678#7f3c.1"]
    assert merged(answer(MEDICATION, source=none))[0].resource["meta"]["source"].startswith("urn:uuid:")


def test_a_one_word_host_does_not_swallow_words() -> None:
    source = replace(SOURCE, endpoint="http://pil:8080/")
    medication = {"resourceType": "Medication", "id": "m", "code": {"text": "pil van pil:8080"}}
    assert merged(answer(medication, source=source))[0].resource["code"] == {"text": "pil van (withheld)"}


def test_includes_follow_references() -> None:
    everything = {each.reference: each for each in merged(answer(*RESOURCES))}
    found = [each for each in everything.values() if each.type == "MedicationDispense"]
    assert [each.type for each in included(found, everything)] == ["Medication"]
    assert included(found, everything, lambda _: ()) == ()
    assert included([*everything.values()], everything) == ()


IDS = st.integers(0, 6)
Events = list[tuple[str, int]]
EVENTS = st.lists(st.tuples(st.sampled_from(["linde", "den", "es"]), IDS), max_size=25)


def listed(events: Events) -> list[SourceAnswer]:
    by_source: dict[str, list[Json]] = {}
    for source, number in events:
        event = {
            "resourceType": "MedicationDispense",
            "id": str(number),
            "whenHandedOver": number // 2,
            "subject": {"reference": "Patient/local-p"},
        }
        by_source.setdefault(source, []).append(event)
    return [answer(OURS, *resources, source=replace(SOURCE, name=name)) for name, resources in by_source.items()]


def even(each: Merged) -> bool:
    return date(each) % 2 == 0


def date(each: Merged) -> int:
    return int(str(each.resource["whenHandedOver"]))


def wanted(of: Sequence[Merged], type_: str, check: Callable[[Merged], bool]) -> set[str]:
    return {each.id for each, _ in at_once(matches(of, type_, check, lambda each: (date(each),), Sort("main")))}


@given(events=EVENTS, random=st.randoms(), descending=st.booleans())
def test_order_and_content_do_not_depend_on_the_order_of_arrival(events: Events, random: Random, *, descending: bool) -> None:
    def shown(arrived: list[SourceAnswer]) -> list[tuple[int, str, str]]:
        sort = Sort("main", descending=descending)
        found = at_once(matches(merged(*arrived), "MedicationDispense", lambda _: True, lambda each: (date(each),), sort))
        return [(date(each), each.source.name, each.id) for each, _ in found]

    once = shown(listed(events))
    assert len(once) == len(set(events))
    dates = [date for date, _, _ in once]
    assert dates == sorted(dates, reverse=descending)
    again = list(events)
    random.shuffle(again)
    assert shown(listed(again)) == once
    ties = [(source, id_) for date, source, id_ in once if date == dates[0]]
    assert ties == sorted(ties)


@given(EVENTS)
def test_a_filter_takes_away_and_nothing_else(events: Events) -> None:
    everything = merged(*listed(events))

    found = wanted(everything, "MedicationDispense", even)
    assert found | wanted(everything, "MedicationDispense", lambda each: not even(each)) == {each.id for each in everything}
    assert found == {each.id for each in everything if even(each)}
    assert wanted(everything, "Medication", lambda _: True) == set()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([HOST, f"https://{HOST}:8443/a", "999990019", "x"])
    | st.just({"reference": "Medication/local-m"}),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["reference", "identifier", "system", "value", "display", "text", "url", "div"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_shape_of_content_leaks_an_address_or_number(content: object) -> None:
    shown = merged(answer(MEDICATION, {"resourceType": "Medication", "id": "local-n", "extension": content}))
    assert not [trace for trace in (HOST, "999990019", "local-") if trace in json.dumps([each.resource for each in shown])]


def test_what_the_source_gives_when_asked_is_referred_to_also_where_it_did_not_come_along() -> None:
    plan: Json = {
        "resourceType": "CarePlan",
        "id": "local-c",
        "subject": {"reference": "Patient/local-p"},
        "goal": [{"reference": "Goal/local-g/_history/4", "display": "walk"}, {"reference": "Goal/local-other"}],
    }
    found = SourceAnswer(SOURCE, "m", Translation([OURS, plan], CLIENT, elsewhere=("Goal/local-g",)))
    (shown,) = at_once(merge(found, PATIENT, CLIENT, SEAL)).values()
    goal, other = shown.resource["goal"]  # type: ignore[misc]
    assert goal == {"reference": f"Goal/{SEAL.seal(PATIENT, 'linde', 'Goal', 'local-g')}", "display": "walk"}
    assert "reference" not in other


def test_the_address_of_an_attachment_is_not_shown_wherever_it_leads() -> None:
    photo = {"contentType": "image/jpeg", "url": "Binary/local-f", "title": "photo"}
    public = {"url": "https://elsewhere.example/photo.jpg"}
    outer = {"url": "http://x.example/a", "extension": [{"url": "part", "valueAttachment": public}]}
    plan = {**DISPENSE, "extension": [{"url": "http://x.example/b", "valueAttachment": photo}, outer]}
    (shown,) = (each.resource for each in merged(answer(OURS, plan)))
    first, second = shown["extension"]  # type: ignore[misc]
    assert (first["url"], second["url"], second["extension"][0]["url"]) == ("http://x.example/b", "http://x.example/a", "part")
    assert first["valueAttachment"] == {**photo, "url": SEAL.opaque("Binary/local-f")}
    assert second["extension"][0]["valueAttachment"] == {"url": SEAL.opaque("https://elsewhere.example/photo.jpg")}
