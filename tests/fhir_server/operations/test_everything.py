"""The whole dossier at once: each reader gets what a search would find, page by page, and what the sources hold besides."""

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from asked_sources import Sources, holdings
from dossier_room import (
    AIDE,
    CLIENT,
    DAUGHTER,
    DOCTOR,
    NETWORK,
    NURSE,
    OUTSIDER,
    SYSTEM,
    WARD,
    Room,
    actor,
    person,
    ref,
    room,
    team,
)
from engines import PostgresServer

from fhir_server.access.actor import Actor
from fhir_server.errors import BadRequest, FhirError, Forbidden, NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.recorded import recorded
from fhir_server.network.plain_language import AUDIENCE
from fhir_server.operations.everything import everything

Json = dict[str, Any]
_numbers = count()
OTHER, OTHERS_TEAM = "Patient/other", "CareTeam/others"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"everything_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("everything"), database) as found:
        found.write(SYSTEM, person(OTHER))
        found.write(SYSTEM, team(OTHERS_TEAM, (DOCTOR, NURSE), OTHER))
        thread = found.thread(DAUGHTER, [NETWORK])
        found.reply(NURSE, thread)
        for number, sent in enumerate(("2020-03-01", "2021-03-01", "2022-03-01")):
            said = {"payload": [{"contentString": f"old {number}"}], "sent": f"{sent}T10:00:00Z"}
            found.reply(NURSE, thread, **said)
        others = found.thread(DOCTOR, [OTHERS_TEAM], subject=ref(OTHER))
        found.reply(NURSE, others)
        yield found


def ask(
    hub: Room, who: str | Actor, query: str = "", id_: str = CLIENT, federation: Any = None, body: bytes = b""
) -> tuple[Call, Answer]:
    services = hub.services if federation is None else replace(hub.services, federation=federation)

    async def carried_out() -> tuple[Call, Answer]:
        person_ = who if isinstance(who, Actor) else actor(who)
        standing = await services.standings.of(person_, services.clock())
        call = Call(
            services,
            standing,
            "$everything",
            services.catalog.types["Patient"],
            id=id_.partition("/")[2],
            parameters=parse_qsl(query),
            request=f"e{next(_numbers)}",
            now=services.clock(),
            body=body,
        )
        return call, await everything(call)

    return hub.runner.run(carried_out())


def bundle(hub: Room, who: str | Actor, query: str = "", **more: Any) -> Json:
    found: Json = json.loads(ask(hub, who, query, **more)[1].body)
    return found


def names(of: Json, mode: str = "match") -> list[str]:
    found = [each["resource"] for each in of.get("entry", ()) if each["search"]["mode"] == mode]
    return [f"{each['resourceType']}/{each.get('id')}" for each in found]


def pages(hub: Room, who: str | Actor, query: str) -> Iterator[Json]:
    while True:
        page = bundle(hub, who, query)
        yield page
        following = [each["url"] for each in page["link"] if each["relation"] == "next"]
        if not following:
            return
        query = urlsplit(following[0]).query


def test_everything_of_the_client_is_there_and_nothing_of_another(hub: Room) -> None:
    found = bundle(hub, SYSTEM, "_count=100")
    matches = names(found)
    assert len(matches) == len(set(matches)) == found["total"]
    assert {CLIENT, NETWORK, DAUGHTER} <= set(matches)
    assert {each.partition("/")[0] for each in matches} == {
        "Patient", "RelatedPerson", "CareTeam", "CommunicationRequest", "Communication", "Task",
    }  # fmt: skip
    assert {NURSE, DOCTOR, AIDE, WARD, "Organization/care"} <= set(names(found, "include"))
    assert not {OTHER, OTHERS_TEAM} & {*matches, *names(found, "include")}
    assert not [each for each in matches if each.startswith("RelatedPerson/") and each not in (DAUGHTER, "RelatedPerson/neighbour")]


def test_each_reader_gets_what_the_searches_find(hub: Room) -> None:
    everything_ = set(names(bundle(hub, SYSTEM, "_count=100")))
    nurse, daughter = (set(names(bundle(hub, who, "_count=100"))) for who in (NURSE, DAUGHTER))
    client = set(names(bundle(hub, CLIENT, "_count=100")))
    assert client == everything_
    assert nurse < everything_
    assert daughter < everything_
    tasks = {each["id"]: each["owner"]["reference"] for each in hub.stored("Task")}
    assert {tasks[each.partition("/")[2]] for each in nurse if each.startswith("Task/")} <= {NURSE, WARD}


def test_what_the_caller_does_not_see_of_a_message_leads_nowhere(hub: Room) -> None:
    questionnaire = "Questionnaire/" + hub.write(SYSTEM, {"resourceType": "Questionnaire", "status": "active"}).id
    payload = [
        {"extension": [{"url": AUDIENCE, "valueCode": "professional"}], "contentReference": ref(questionnaire)},
        {"extension": [{"url": AUDIENCE, "valueCode": "lay"}], "contentString": "in plain language"},
    ]
    reply = hub.reply(NURSE, hub.thread(DAUGHTER, [NETWORK]), payload=payload)
    for who, leads in ((NURSE, True), (DAUGHTER, False), (CLIENT, False)):
        found = bundle(hub, who, "_count=100")
        assert reply in names(found)
        assert (questionnaire in names(found, "include")) == leads, who


def test_who_may_not_read_the_client_gets_nothing(hub: Room) -> None:
    with pytest.raises(Forbidden):
        ask(hub, OUTSIDER)
    with pytest.raises(NotFound):
        ask(hub, SYSTEM, id_="Patient/nobody")
    with pytest.raises(Forbidden):
        ask(hub, NURSE, id_="Patient/nobody")


def test_pages_hold_everything_once(hub: Room) -> None:
    whole = names(bundle(hub, NURSE, "_count=100"))
    several = list(pages(hub, NURSE, "_count=3"))
    assert len(several) > 2
    assert [each for page in several for each in names(page)] == whole
    assert "total" not in several[0]
    link = next(each["url"] for each in several[0]["link"] if each["relation"] == "next")
    with pytest.raises(Forbidden):
        ask(hub, DOCTOR, urlsplit(link).query)
    with pytest.raises(BadRequest):
        ask(hub, NURSE, urlsplit(link).query, id_=OTHER)


def test_types_narrow_what_is_there(hub: Room) -> None:
    found = bundle(hub, NURSE, "_type=CareTeam,Communication&_count=100")
    assert {each.partition("/")[0] for each in (*names(found), *names(found, "include"))} <= {"CareTeam", "Communication"}
    assert NETWORK in names(found)
    found = bundle(hub, NURSE, "_type=CareTeam&_type=Practitioner")
    assert names(found) == [NETWORK]
    assert {NURSE, DOCTOR} <= set(names(found, "include"))
    assert {each.partition("/")[0] for each in names(found, "include")} <= {"Practitioner", "CareTeam"}


def test_dates_of_care_narrow_what_has_any(hub: Room) -> None:
    def sent(query: str) -> list[str]:
        found = bundle(hub, SYSTEM, f"_type=Communication,Patient&_count=100&{query}")
        assert CLIENT in names(found)
        return sorted(each["resource"].get("sent", "")[:4] for each in found["entry"] if "sender" in each["resource"])

    assert sent("end=2021") == ["2020", "2021"]
    assert sent("start=2021-01-01&end=2021-12-31") == ["2021"]
    assert sent("start=2022")[:1] == ["2022"]


def test_what_changed_since(hub: Room) -> None:
    assert names(bundle(hub, SYSTEM, "_since=2999-01-01T00:00:00Z")) == []
    moment = next(each for each in hub.stored("Communication") if each.get("sent", "9") < "2022-04")["meta"]["lastUpdated"]
    found = names(bundle(hub, SYSTEM, f"_since={moment}&_count=100"))
    assert 0 < len(found) < len(names(bundle(hub, SYSTEM, "_count=100")))


def test_parameters_may_come_in_a_body(hub: Room) -> None:
    given = [
        {"name": "_type", "valueCode": "CareTeam"},
        {"name": "_type", "valueCode": "Patient"},
        {"name": "_count", "valueInteger": 1},
    ]
    body = json.dumps({"resourceType": "Parameters", "parameter": given}).encode()
    first = bundle(hub, SYSTEM, body=body)
    assert len(names(first)) == 1
    assert first["link"][0]["url"].endswith("/Patient/client/$everything")
    following = bundle(hub, SYSTEM, urlsplit(first["link"][1]["url"]).query)
    assert {*names(first), *names(following)} == {CLIENT, NETWORK}


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("_count=many", "_count"),
        ("_count=0", "_count"),
        ("start=yesterday", "start"),
        ("_since=2020-13-01", "_since"),
        ("start=2020&start=2021", "twice"),
        ("_type=Nonsense", "_type"),
        ("_type=Organization", "comes along"),
        ("status=active", "no parameter"),
        ("_page=forged", "_page"),
    ],
)
def test_bad_parameters_are_told(hub: Room, query: str, text: str) -> None:
    with pytest.raises(BadRequest) as raised:
        ask(hub, NURSE, query)
    assert text in raised.value.issues[0].text


def test_a_type_that_is_closed_to_the_caller_is_told_when_it_is_named(hub: Room) -> None:
    for type_ in ("Group", "Coverage"):
        with pytest.raises(FhirError) as raised:
            ask(hub, NURSE, f"_type={type_}")
        assert raised.value.status in {400, 403}


def test_the_sources_are_asked_for_all_they_have(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings())
    call, answer = ask(hub, SYSTEM, "_count=100", federation=sources)
    found = json.loads(answer.body)
    types = [each.partition("/")[0] for each in names(found)]
    assert types.count("MedicationDispense") == 2, "one of each source"
    assert (types.count("Condition"), types.count("Observation")) == (4, 2)
    assert [each.partition("/")[0] for each in names(found, "include")].count("Medication") == 2
    assert found["total"] == len(types)
    assert dict(answer.headers)["Federation-Completeness"] == "complete"
    assert len({request for _, request in sources.asked}) == len(holdings()), "each message has an id of its own"
    line = hub.runner.run(recorded(call, answer))
    assert (line.interaction, line.dossier.split()[0], line.source) == ("$everything", CLIENT, "linde nacht")
    assert "Medication," in line.detail
    assert "linde=ok nacht=ok" in line.detail


def test_the_period_and_the_types_hold_for_the_sources(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings())
    found = bundle(hub, SYSTEM, "_type=Condition&start=2021", federation=sources)
    assert len(names(found)) == 2, "what has no date is there whatever the period"
    assert {type_ for type_, _ in sources.asked} == {"Condition"}
    assert len(names(bundle(hub, SYSTEM, "_type=Condition&_since=2999-01-01", federation=sources))) == 4, (
        "nobody knows when it changed"
    )


def test_a_source_that_is_missing_is_told_first(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings(), "timeout")
    call, answer = ask(hub, SYSTEM, "_count=100", federation=sources)
    found = json.loads(answer.body)
    assert found["entry"][0]["search"]["mode"] == "outcome"
    told = found["entry"][0]["resource"]["issue"]
    assert [each["code"] for each in told] == ["incomplete", "timeout"], "once for each source, not for each type"
    assert "total" not in found
    assert dict(answer.headers)["Federation-Completeness"] == "partial"
    assert "nacht=timeout" in hub.runner.run(recorded(call, answer)).detail


def test_later_pages_ask_nobody_again(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings())
    first = bundle(hub, SYSTEM, "_count=3", federation=sources)
    sources.asked.clear()
    following = next(each["url"] for each in first["link"] if each["relation"] == "next")
    _, answer = ask(hub, SYSTEM, urlsplit(following).query, federation=sources)
    assert sources.asked == []
    assert "Federation-Completeness" not in dict(answer.headers)
    assert not answer.keep


def test_without_consent_no_source_is_asked(hub: Room) -> None:
    sources = Sources(hub.services.federation.seal, holdings())
    found = bundle(hub, DOCTOR, "_count=100", federation=sources)
    assert sources.asked == []
    assert not [each for each in names(found) if each.startswith(("Condition", "MedicationDispense"))]
    with pytest.raises(Forbidden):
        ask(hub, DAUGHTER, "_type=Condition", federation=sources)
