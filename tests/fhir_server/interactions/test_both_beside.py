"""What a search of a type that is kept here and at the sources has beside its list: ids, copies of the same object, emergencies."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from consents import ANY, UZI, concept, consent, provision
from dossier_room import CLIENT, NURSE, SYSTEM, Json, Room, actor, ref, room
from engines import PostgresServer
from sources_room import LOCAL, NAMES, NUMBER, URA, Adapter, Asking, furnish, ids, measured, times

from fhir_server.access.actor import Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import FhirError, Forbidden, NotAllowed, NotFound
from fhir_server.interactions import admission, break_glass
from fhir_server.interactions.call import Call
from fhir_server.interactions.handlers import HANDLERS

_numbers = count()
MINE = f"Observation?patient={CLIENT}"
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
AUTHOR = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"beside_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("beside"), database) as found:
        furnish(found)
        yield found


@pytest.fixture
def ask(hub: Room) -> Asking:
    return Asking(hub, Adapter({"linde": [measured("x", "2026-01-02", of=LOCAL)]}))


def sealed(ask: Asking, query: str = MINE) -> str:
    return next(each for each in ids(ask.bundle(SYSTEM, query)) if len(each) == 64)


def test_what_a_source_gave_can_be_read(ask: Asking) -> None:
    id_ = sealed(ask)
    read = json.loads(ask(SYSTEM, f"Observation/{id_}").body)
    assert (read["id"], read["subject"], read["effectiveDateTime"]) == (id_, {"reference": CLIENT}, "2026-01-02")
    assert [name for name, _ in ask.adapter.asked[-1:]] == ["linde"]
    for who, interaction in ((NURSE, "read"), (SYSTEM, "vread"), (SYSTEM, "history-instance")):
        with pytest.raises(NotFound):
            ask(who, f"Observation/{id_}", interaction)
    ask.adapter.holds.clear()
    with pytest.raises(NotFound):
        ask(SYSTEM, f"Observation/{id_}")


@pytest.mark.parametrize("interaction", ["update", "patch", "delete", "create"])
def test_what_a_source_gave_is_not_written(hub: Room, ask: Asking, interaction: str) -> None:
    id_ = sealed(ask)
    body = json.dumps([] if interaction == "patch" else measured(id_, "2026-01-02")).encode()
    federation = ask.calls[-1][0].services
    entry = federation.catalog.types["Observation"]
    call = Call(federation, SYSTEM, interaction, entry, id=id_, body=body, request="w", now=hub.services.clock())

    def refused(act: Any) -> NotAllowed:
        with pytest.raises(NotAllowed) as raised:
            act()
        return raised.value

    if interaction != "create":
        assert refused(lambda: admission.admit(call)).headers == ((b"allow", b"GET, HEAD"),)
        admission.admit(replace(call, id="own"))
    if interaction in {"create", "update"}:  # whatever way an id comes, nothing is stored under it
        refused(lambda: hub.runner.run(HANDLERS[interaction](call)))
    assert [each["id"] for each in hub.stored("Observation")] == []


def appointment(id_: str, at: str, *who: str) -> Json:
    participants = [{"actor": ref(each), "status": "accepted"} for each in who]
    return {
        "resourceType": "Appointment",
        "id": id_,
        "status": "booked",
        "start": f"{at}T10:00:00Z",
        "end": f"{at}T10:20:00Z",
        "participant": participants,
    }


def test_an_appointment_names_its_client_among_its_participants(hub: Room, ask: Asking) -> None:
    hub.write(SYSTEM, appointment("mine", "2026-03-01", CLIENT, NURSE))
    ask.adapter.holds["linde"] = [
        appointment("a", "2026-03-02", LOCAL, "Practitioner/b"),
        appointment("of-two", "2026-03-03", LOCAL, "Patient/somebody"),
        appointment("of-nobody", "2026-03-04", "Practitioner/b"),
    ]
    for query in (f"Appointment?patient={CLIENT}", f"{CLIENT}/Appointment", f"Appointment?patient={CLIENT}&actor={CLIENT}"):
        found = ask.bundle(SYSTEM, f"{query}{'&' if '?' in query else '?'}_sort=date")
        assert [each["resource"]["start"][:10] for each in found["entry"]] == ["2026-03-01", "2026-03-02"]
        assert found["entry"][1]["resource"]["participant"][0]["actor"]["reference"] == CLIENT
    assert json.loads(ask(SYSTEM, f"Appointment/{sealed(ask, f'Appointment?patient={CLIENT}')}").body)["status"] == "booked"


@pytest.mark.parametrize(
    "held",
    [
        {
            "resourceType": "DocumentReference",
            "status": "current",
            "subject": ref(LOCAL),
            "content": [{"attachment": {"title": "x"}}],
        },
        {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": ref(LOCAL), "authored": "2026-01-01"},
    ],
)
def test_the_other_types(ask: Asking, held: Json) -> None:
    ask.adapter.holds["wijk"] = [{**held, "id": "h"}]
    type_ = held["resourceType"]
    assert len(ids(ask.bundle(SYSTEM, f"{type_}?patient={CLIENT}"))) == 1
    assert len(ids(ask.bundle(SYSTEM, f"{CLIENT}/{type_}"))) == 1


def known(value: str, assigner: str, code: str = "author") -> Json:
    """Return what gives a resource an identifier that its author gave it."""
    organisation = {"identifier": {"system": URA, "value": assigner}}
    kind = {"coding": [{"system": AUTHOR, "code": code}]}
    return {"identifier": [{"type": kind, "system": "urn:test:object", "value": value, "assigner": organisation}]}


@pytest.mark.parametrize(
    ("here", "there", "moments"),
    [
        (known("1", "90009999"), known("1", "90009999"), ["2026-02-03", "2026-02-01"]),  # its author is elsewhere: the own copy
        (known("1", NAMES["linde"]), known("1", NAMES["linde"]), ["2026-02-03", "2026-02-02"]),  # its author serves it
        (known("1", NAMES["linde"]), known("2", NAMES["linde"]), ["2026-02-03", "2026-02-02", "2026-02-01"]),
        (known("1", "90009999"), known("1", NAMES["linde"]), ["2026-02-03", "2026-02-02", "2026-02-01"]),  # who is the author?
        (known("1", NAMES["linde"], "verifier"), known("1", NAMES["linde"]), ["2026-02-03", "2026-02-02", "2026-02-01"]),
        ({}, {}, ["2026-02-03", "2026-02-02", "2026-02-01"]),
    ],
)
def test_one_object_in_two_places_is_shown_once(hub: Room, ask: Asking, here: Json, there: Json, moments: list[str]) -> None:
    hub.write(SYSTEM, measured("copy", "2026-02-01", **here))
    hub.write(SYSTEM, measured("other", "2026-02-03"))
    hub.write(SYSTEM, measured("oldest", "2026-01-01"))
    moments = [*moments, "2026-01-01"]
    ask.adapter.holds["linde"] = [measured("x", "2026-02-02", of=LOCAL, **there)]
    pages = ask.pages(SYSTEM, f"{MINE}&_count=1&_total=accurate")
    assert [at for page in pages for at in times(page)] == moments
    assert {page["total"] for page in pages} == {len(moments)}
    assert ask.bundle(SYSTEM, f"{MINE}&_summary=count")["total"] == len(moments)
    for each in ("copy", "other", "oldest"):
        hub.delete(SYSTEM, f"Observation/{each}")


def test_a_copy_that_the_reader_does_not_see_hides_nothing(hub: Room, ask: Asking) -> None:
    hub.write(SYSTEM, measured("copy", "2026-02-01", **known("1", "90009999")))
    ask.adapter.holds["linde"] = [measured("x", "2026-02-02", of=LOCAL, **known("1", "90009999"))]
    linde = f"{URA}|{NAMES['linde']}"
    hub.write(
        SYSTEM, consent(provision("permit", NURSE, purposes=["TREAT"]), "k", [linde], patient=ref(CLIENT), performer=[ref(CLIENT)])
    )
    assert times(ask.bundle(NURSE, MINE)) == ["2026-02-02"]
    assert times(ask.bundle(SYSTEM, f"{MINE}&date=ge2026-02-02")) == ["2026-02-02"], "the own copy does not match"
    hub.delete(SYSTEM, "Consent/k")
    hub.delete(SYSTEM, "Observation/copy")


def test_an_emergency_that_the_sources_are_closed_to_still_opens_the_own_store(hub: Room, ask: Asking) -> None:
    person = {"resourceType": "Practitioner", "id": "d", "active": True}
    role = {"resourceType": "PractitionerRole", "id": "d", "active": True, "practitioner": ref("Practitioner/d")}
    for each in (person, role | {"code": [concept(UZI, "01.015")]}):
        hub.write(SYSTEM, each)
    hub.write(SYSTEM, measured("mine", "2026-02-01"))
    holders = [f"{URA}|{number}" for number in NAMES.values()]
    hub.write(SYSTEM, consent(provision("deny", purposes=["BTG"]), "b", holders, patient=ref(CLIENT), performer=[ref(CLIENT)]))
    doctor = replace(actor("Practitioner/d"), purpose="BTG", reason="unconscious", token=f"t{next(_numbers)}")
    assert _in_emergency(ask, doctor) == ["2026-02-01"]
    assert ask.adapter.asked == []
    hub.delete(SYSTEM, "Consent/b")
    assert _in_emergency(ask, doctor) == ["2026-02-01", "2026-01-02"]
    assert len(hub.stored("Communication")) == 1, "told once"
    hub.write(
        SYSTEM, consent(provision("deny", purposes=["BTG"]), "b", [*holders, _hub()], patient=ref(CLIENT), performer=[ref(CLIENT)])
    )
    with pytest.raises(Forbidden):
        _in_emergency(ask, doctor)
    hub.delete(SYSTEM, "Consent/b")
    hub.delete(SYSTEM, "Observation/mine")


def _hub() -> str:
    return "https://netwerkdossier.example/fhir/NamingSystem/holder|hub"


def _in_emergency(ask: Asking, who: Actor) -> list[str]:
    ask.bundle(SYSTEM, "Observation?code=none")
    made = ask.calls[-1][0]

    async def carried_out() -> list[str]:
        standing = await made.services.standings.of(who, made.now)
        call = replace(
            made, actor=standing, parameters=[("patient", CLIENT)], touched=type(made.touched)(), request=f"b{next(_numbers)}"
        )
        await break_glass.admit(call)
        return times(json.loads((await HANDLERS["search-type"](call)).body))

    return ask.room.runner.run(carried_out())


@pytest.mark.parametrize(
    ("category", "moments"),
    [("self-report", ["2026-02-04", "2026-02-02"]), ("ObservationActivity", ["2026-02-03", "2026-02-01"])],
)
def test_what_people_say_of_themselves_is_of_another_category_everywhere(
    hub: Room, ask: Asking, category: str, moments: list[str]
) -> None:
    survey = {"category": [{"coding": [{"system": CATEGORIES, "code": "survey"}]}]}
    hub.write(SYSTEM, measured("plain", "2026-02-01"))
    hub.write(SYSTEM, measured("said", "2026-02-02", **survey))
    ask.adapter.holds["linde"] = [measured("x", "2026-02-03", of=LOCAL), measured("y", "2026-02-04", of=LOCAL, **survey)]
    root = provision("permit", NURSE, purposes=["TREAT"], categories=[category])
    hub.write(SYSTEM, consent(root, "k", [ANY], patient=ref(CLIENT), performer=[ref(CLIENT)]))
    assert times(ask.bundle(NURSE, MINE)) == moments
    for reference in ("Consent/k", "Observation/plain", "Observation/said"):
        hub.delete(SYSTEM, reference)


def test_nothing_of_the_number_is_in_an_answer(ask: Asking) -> None:
    assert NUMBER.encode() not in ask(SYSTEM, MINE).body


def test_ways_that_ask_no_source(ask: Asking) -> None:
    for path in (f"Observation?_id={sealed(ask)}", "Observation?_lastUpdated=ge2020"):
        asked = len(ask.adapter.asked)
        assert ids(ask.bundle(SYSTEM, path)) == []
        assert len(ask.adapter.asked) == asked
    assert ids(ask.bundle(SYSTEM, f"{MINE}&_id={sealed(ask)}")) == [sealed(ask)]
    with pytest.raises(FhirError):
        ask(SYSTEM, f"{MINE}&encounter.status=finished")


def test_what_a_chain_found_at_the_sources_holds_for_every_page(hub: Room, ask: Asking) -> None:
    from_it = [{"reference": f"Observation/{sealed(ask)}"}]
    for number in range(3):
        hub.write(SYSTEM, measured(f"after{number}", f"2026-02-0{number + 1}", derivedFrom=from_it))
    pages = ask.pages(SYSTEM, f"{MINE}&derived-from:Observation.status=final&_count=1")
    for number in range(3):
        hub.delete(SYSTEM, f"Observation/after{number}")
    assert [ids(page) for page in pages] == [["after2"], ["after1"], ["after0"]]


@pytest.mark.parametrize(
    "wrong", [{"effectiveDateTime": 5}, {"code": {"coding": [7]}}, {"contained": [1]}, {"performer": {"reference": "A/b"}}]
)
def test_a_source_whose_answer_is_no_fhir_does_not_cost_the_others(ask: Asking, wrong: Json) -> None:
    ask.adapter.holds |= {"linde": [measured("x", "2026-01-02", of=LOCAL) | wrong], "wijk": [measured("y", "2026-01-03", of=LOCAL)]}
    found = ask.bundle(SYSTEM, MINE)
    assert times(found) == ["2026-01-03"]
    assert [each["code"] for each in found["entry"][0]["resource"]["issue"]] == ["incomplete", "structure"]


def test_what_sources_send_along_is_within_the_scopes_too(ask: Asking) -> None:
    ask.adapter.holds["linde"] = [
        {"resourceType": "Practitioner", "id": "b", "name": [{"family": "Bron"}]},
        measured("x", "2026-01-02", of=LOCAL, performer=[{"reference": "Practitioner/b"}]),
    ]
    along = f"{MINE}&_include=Observation:performer"
    chained = f"{MINE}&performer:Practitioner.family=Bron"
    wide, narrow = (replace(SYSTEM, scopes=parse_scopes(each)) for each in ("system/*.rs", "system/Observation.rs"))
    assert len(ids(ask.bundle(wide, along), "include")) == len(ids(ask.bundle(wide, chained))) == 1
    assert ids(ask.bundle(narrow, along), "include") == []
    assert ids(ask.bundle(narrow, chained)) == []
