"""A search of a type that is kept here and at the sources: the own store is one more source, in one list and one order."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count

import pytest
from consents import ANY, HUB, URA, consent, provision
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, SYSTEM, Json, Room, actor, ref, room
from engines import PostgresServer
from sources_room import LOCAL, NAMES, Adapter, Asking, furnish, ids, measured, times

from fhir_server.access.scope import parse_scopes
from fhir_server.errors import BadRequest, Forbidden

_numbers = count()
MINE = f"Observation?patient={CLIENT}"
OWN = [f"2026-01-0{day}" for day in (1, 3, 5, 7)]
THEIRS = {"linde": ["2026-01-02", "2026-01-06"], "wijk": ["2026-01-04"]}
ALL = sorted([*OWN, *THEIRS["linde"], *THEIRS["wijk"]], reverse=True)
COMPLETENESS = "Federation-Completeness"
ORDERS = ["", "date", "code,-date", "-status,code,date", "_id", "-_lastUpdated"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"both_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("both"), database) as found:
        furnish(found)
        for number, at in enumerate(OWN):
            found.write(SYSTEM, measured(f"own{number}", at, code=_code(at)))
        yield found


@pytest.fixture
def ask(hub: Room) -> Asking:
    held = {name: [measured(f"{name}{at[-1]}", at, of=LOCAL, code=_code(at)) for at in them] for name, them in THEIRS.items()}
    return Asking(hub, Adapter(held))


@pytest.fixture
def opened(hub: Room) -> Iterator[None]:
    yield from _chosen(hub, provision("permit", NETWORK, purposes=["TREAT"]), [ANY])


def _chosen(hub: Room, root: Json, holders: list[str | Json]) -> Iterator[None]:
    hub.write(SYSTEM, consent(root, f"k{next(_numbers)}", holders, patient=ref(CLIENT), performer=[ref(CLIENT)]))
    (made,) = hub.stored("Consent")
    yield
    hub.delete(SYSTEM, f"Consent/{made['id']}")


def _code(at: str) -> str:
    return "even" if int(at[-1]) % 2 == 0 else "odd" if at[-1] in "15" else "prime"


def headers(ask: Asking) -> dict[str, str]:
    return dict(ask.calls[-1][1].headers)


def test_one_list(ask: Asking) -> None:
    found = ask.bundle(SYSTEM, MINE)
    assert times(found) == ALL
    assert found["total"] == len(ALL)
    assert {each for each in ids(found) if len(each) < 64} == {"own0", "own1", "own2", "own3"}
    assert {each["resource"]["subject"]["reference"] for each in found["entry"]} == {CLIENT}
    sources = {each["resource"]["meta"]["source"].partition("#")[0] for each in found["entry"] if len(each["resource"]["id"]) == 64}
    assert sources == {f"urn:oid:2.16.528.1.1007.3.3.{number}" for number in NAMES.values()}
    assert headers(ask) == {COMPLETENESS: "complete"}
    assert not ask.calls[-1][1].keep


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.parametrize("size", [1, 3])
def test_the_pages_are_the_list(ask: Asking, sort: str, size: int) -> None:
    query = MINE + (f"&_sort={sort}" if sort else "")
    whole = ask.bundle(SYSTEM, query)
    assert len(ids(whole)) == len(set(ids(whole))) == len(ALL)
    pages = ask.pages(SYSTEM, f"{query}&_count={size}&_total=accurate")
    assert [each for page in pages for each in ids(page)] == ids(whole)
    assert all(len(ids(page)) <= size for page in pages)
    assert {page["total"] for page in pages} == {len(ALL)}


def test_the_sources_are_not_asked_again_for_what_they_gave(ask: Asking) -> None:
    pages = ask.pages(SYSTEM, f"{MINE}&_sort=-date&_count=2")
    assert [times(page) for page in pages] == [ALL[:2], ALL[2:4], ALL[4:6], ALL[6:]]
    assert len(ask.adapter.asked) == 2 * 3, "for the pages up to 2026-01-02, and not for the last"
    assert COMPLETENESS not in headers(ask)


def test_a_page_shows_what_was_left_whatever_the_sources_give_by_then(ask: Asking) -> None:
    first = ask.bundle(SYSTEM, f"{MINE}&_count=3")
    following = next(each["url"] for each in first["link"] if each["relation"] == "next").partition("fhir/")[2]
    ask.adapter.holds["linde"].append(measured("new", "2026-02-01", of=LOCAL))
    ask.adapter.faults["wijk"] = "timeout"
    second = ask.bundle(SYSTEM, following)
    assert times(second) == ["2026-01-03", "2026-01-02", "2026-01-01"], "nothing comes again, and the lost source is told"
    assert second["entry"][0]["search"]["mode"] == "outcome"
    assert headers(ask) == {COMPLETENESS: "partial"}
    with pytest.raises(Forbidden):
        ask(DOCTOR, following)


def test_a_source_that_was_missing_is_asked_again_for_the_next_page(ask: Asking) -> None:
    ask.adapter.faults["wijk"] = "timeout"
    first = ask.bundle(SYSTEM, f"{MINE}&_sort=date&_count=5")
    assert times(first) == ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-05", "2026-01-06"], "all of the other one"
    ask.adapter.faults.clear()
    ask.adapter.holds["wijk"].append(measured("late", "2026-01-08", of=LOCAL))
    following = next(each["url"] for each in first["link"] if each["relation"] == "next").partition("fhir/")[2]
    second = ask.bundle(SYSTEM, following)
    assert times(second) == ["2026-01-07", "2026-01-08"]
    assert "total" not in second
    assert headers(ask) == {COMPLETENESS: "complete"}


def test_the_own_store_answers_alone_as_ever(hub: Room, ask: Asking) -> None:
    alone = Asking(hub, ask.adapter, types=["MedicationDispense"])
    for query in (
        "code=odd",
        f"patient={CLIENT},Patient/other",
        "patient.family=Client",
        f"patient={CLIENT}&subject=Patient/other",
    ):
        assert ask(SYSTEM, f"Observation?{query}").body == alone(SYSTEM, f"Observation?{query}").body
        assert headers(ask) == {}
    assert ask.adapter.asked == []
    assert ids(alone.bundle(SYSTEM, MINE)) == ["own3", "own2", "own1", "own0"]
    assert headers(alone) == {}
    assert alone.calls[-1][1].keep
    assert ask.adapter.asked == []


def test_a_source_that_is_missing(ask: Asking) -> None:
    ask.adapter.faults["wijk"] = "unreachable"
    found = ask.bundle(SYSTEM, MINE)
    assert times(found) == [each for each in ALL if each not in THEIRS["wijk"]]
    assert "total" not in found
    outcome = found["entry"][0]
    assert outcome["search"]["mode"] == "outcome"
    assert [each["code"] for each in outcome["resource"]["issue"]] == ["incomplete", "exception"]
    assert outcome["resource"]["issue"][0]["details"]["text"].startswith("2 of 3 sources answered")
    assert headers(ask) == {COMPLETENESS: "partial"}


def test_the_own_store_answers_when_no_source_does(ask: Asking) -> None:
    ask.adapter.faults |= {"linde": "timeout", "wijk": "structure"}
    answer = ask(SYSTEM, MINE)
    found = json.loads(answer.body)
    assert answer.status == 200
    assert times(found) == OWN[::-1]
    assert [each["code"] for each in found["entry"][0]["resource"]["issue"]] == ["incomplete", "timeout", "structure"]
    assert headers(ask) == {COMPLETENESS: "partial"}


def test_an_answer_about_somebody_else_is_dropped(ask: Asking) -> None:
    ask.adapter.about = "999990020"
    found = ask.bundle(SYSTEM, MINE)
    assert times(found) == OWN[::-1]
    assert [each["code"] for each in found["entry"][0]["resource"]["issue"]] == ["incomplete", "processing", "processing"]


@pytest.mark.parametrize("counting", ["_summary=count", "_count=0"])
def test_a_number_is_of_all_or_not_given(ask: Asking, counting: str) -> None:
    found = ask.bundle(SYSTEM, f"{MINE}&code=even,odd&{counting}")
    assert (found["total"], found.get("entry", [])) == (5, [])
    ask.adapter.faults["linde"] = "timeout"
    found = ask.bundle(SYSTEM, f"{MINE}&{counting}")
    assert "total" not in found
    assert [each["search"]["mode"] for each in found["entry"]] == ["outcome"]
    assert headers(ask) == {COMPLETENESS: "partial"}


def test_the_compartment_names_the_client_too(ask: Asking) -> None:
    whole = ids(ask.bundle(SYSTEM, MINE))
    assert ids(ask.bundle(SYSTEM, f"{CLIENT}/Observation")) == whole
    assert [each for page in ask.pages(SYSTEM, f"{CLIENT}/Observation?_count=3") for each in ids(page)] == whole
    assert times(ask.bundle(SYSTEM, f"{CLIENT}/Observation?date=ge2026-01-05")) == ALL[:3]
    assert ids(ask.bundle(SYSTEM, f"{NURSE}/Observation?patient={CLIENT}")) == [], "nobody says that the nurse measured"
    assert headers(ask) == {COMPLETENESS: "complete"}


@pytest.mark.parametrize(
    ("query", "moments"),
    [
        ("code=urn:test|even", ["2026-01-06", "2026-01-04", "2026-01-02"]),
        ("date=ge2026-01-02&date=lt2026-01-05", ["2026-01-04", "2026-01-03", "2026-01-02"]),
        ("value-quantity=gt0&code:not=odd&_sort=date", ["2026-01-02", "2026-01-03", "2026-01-04", "2026-01-06", "2026-01-07"]),
        ("subject:Patient.family=Client&code=even", ["2026-01-06", "2026-01-04", "2026-01-02"]),
        ("subject:Patient.family=Nobody", []),
        ("_has:Observation:derived-from:code=odd", []),
        ("performer:Practitioner.family=Bron", ["2026-01-10"]),
    ],
)
def test_every_parameter_holds_for_both(ask: Asking, query: str, moments: list[str]) -> None:
    ask.adapter.holds["linde"] += [
        {"resourceType": "Practitioner", "id": "b", "name": [{"family": "Bron"}]},
        measured("b", "2026-01-10", of=LOCAL, code="odd", performer=[{"reference": "Practitioner/b"}]),
    ]
    assert times(ask.bundle(SYSTEM, f"{MINE}&{query}")) == moments


def test_what_comes_along_is_from_where_it_is(ask: Asking) -> None:
    ask.adapter.holds["linde"] += [
        {"resourceType": "Practitioner", "id": "b", "name": [{"family": "Bron"}]},
        measured("b", "2026-01-10", of=LOCAL, performer=[{"reference": "Practitioner/b"}]),
    ]
    found = ask.bundle(SYSTEM, f"{MINE}&_count=2&_include=Observation:subject&_include=Observation:performer")
    assert times(found) == ["2026-01-10", "2026-01-07"]
    client, performer = ids(found, "include")
    assert client == "client", "once, for both"
    assert f"Practitioner/{performer}" == found["entry"][0]["resource"]["performer"][0]["reference"]
    alone = ask.bundle(SYSTEM, f"{MINE}&_count=1&_include=Observation:subject")
    assert (times(alone), ids(alone, "include")) == (["2026-01-10"], ["client"])
    for links in ("_revinclude=Task:focus", "_include:iterate=Observation:subject", "_revinclude=Observation:derived-from"):
        assert times(ask.bundle(SYSTEM, f"{MINE}&{links}"))[1:] == ALL


@pytest.mark.parametrize(("part", "members"), [("_elements=status", {"status"}), ("_summary=true", {"status", "valueQuantity"})])
def test_a_part_of_each(ask: Asking, part: str, members: set[str]) -> None:
    found = ask.bundle(SYSTEM, f"{MINE}&{part}")
    assert len(found["entry"]) == len(ALL)
    for each in found["entry"]:
        assert members <= each["resource"].keys()
        assert each["resource"]["meta"]["tag"][-1]["code"] == "SUBSETTED"
        assert part != "_elements=status" or "effectiveDateTime" not in each["resource"]


@pytest.mark.usefixtures("opened")
def test_who_may_not_ask_sees_the_own_store(ask: Asking) -> None:
    assert ids(ask.bundle(DAUGHTER, MINE)) == []
    assert headers(ask) == {}, "nobody is asked in the name of a relative"
    assert ids(ask.bundle(AIDE, MINE)) != ids(ask.bundle(DAUGHTER, MINE)), "of the ward, which is in the network"
    ask.adapter.asked.clear()
    assert ids(ask.bundle("Practitioner/outsider", MINE)) == []
    assert headers(ask) == {COMPLETENESS: "complete"}
    assert ask.adapter.asked == []
    assert ask.bundle("Practitioner/outsider", "Observation?patient=Patient/nobody")["total"] == 0


@pytest.mark.usefixtures("opened")
def test_members_see_what_the_client_opened(ask: Asking) -> None:
    assert times(ask.bundle(NURSE, MINE)) == ALL
    assert times(ask.bundle(CLIENT, MINE)) == ALL
    line = ask.line()
    assert (line.dossier, line.source, line.detail) == (CLIENT, "linde wijk", "hub=ok linde=ok wijk=ok")


def test_without_a_choice_of_the_client_nobody_is_asked(ask: Asking) -> None:
    assert ids(ask.bundle(NURSE, MINE)) == []
    assert ask.adapter.asked == []
    assert headers(ask) == {COMPLETENESS: "complete"}


@pytest.mark.parametrize(
    ("holders", "moments"),
    [
        ([f"{URA}|{NAMES['linde']}"], THEIRS["linde"]),
        ([HUB], OWN),
        ([HUB, f"{URA}|{NAMES['wijk']}"], [*OWN, *THEIRS["wijk"]]),
    ],
)
def test_each_place_is_closed_by_itself(hub: Room, ask: Asking, holders: list[str | Json], moments: list[str]) -> None:
    chosen = _chosen(hub, provision("permit", NETWORK, purposes=["TREAT"], categories=["ObservationActivity"]), holders)
    next(chosen)
    found = ask.bundle(NURSE, MINE)
    assert times(found) == sorted(moments, reverse=True)
    assert found["total"] == len(moments)
    line = ask.line()
    assert (" ".join(dict(ask.adapter.asked)), line.source) == (line.source, line.source)
    assert ("permit" in line.basis) == (moments != [])
    next(chosen, None)


def test_a_closed_source_is_as_one_that_is_not_there(hub: Room, ask: Asking) -> None:
    only = provision("permit", NETWORK, purposes=["TREAT"])
    chosen = _chosen(hub, only, [HUB, f"{URA}|{NAMES['linde']}"])
    next(chosen)
    closed = ask.bundle(NURSE, MINE)
    del ask.adapter.holds["wijk"]
    absent = ask.bundle(NURSE, MINE)
    for each in (closed, absent):
        for entry in each["entry"]:
            entry["resource"]["meta"].pop("source", None)  # it ends with the id of the request
    assert closed == absent
    next(chosen, None)


def test_who_asks_for_what_no_grant_covers_is_refused_as_ever(ask: Asking) -> None:
    with pytest.raises(BadRequest):
        ask(SYSTEM, f"{MINE}&nonsense=1")
    with pytest.raises(Forbidden):
        ask(replace(actor(NURSE), scopes=parse_scopes("user/Communication.rs")), MINE)
    assert ask.adapter.asked == []
