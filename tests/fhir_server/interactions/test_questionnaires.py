"""Questionnaires as the store has them: who answers, what is refused, and the Observations in the same transaction."""

from collections.abc import Iterator
from typing import Any

import pytest
from consents import consent, provision
from dossier_room import CLIENT, DAUGHTER, NEIGHBOUR, NURSE, SYSTEM, Json, Room, ref, room
from engines import PostgresServer

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.search.tree import ReferenceTo
from profiles.questionnaires import questionnaires

(POSITIVE,) = questionnaires()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("questionnaires", "template1")
    with room(tmp_path_factory.mktemp("questionnaires"), database) as found:
        found.write(SYSTEM, POSITIVE)
        yield found


def done(who: str, *numbers: int, **more: Any) -> Json:
    """Return what ``who`` writes down of the client's participation."""
    items = [{"linkId": f"participation-{n}", "answer": [{"valueInteger": each}]} for n, each in enumerate(numbers, 1)]
    made = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": POSITIVE["url"],
        "status": "completed",
        "subject": ref(CLIENT),
        "authored": "2026-03-02T10:00:00+01:00",
        "author": ref(who),
        "item": [{"linkId": "participation", "item": items}],
    }
    return made | more


def scores(hub: Room, response: str) -> list[tuple[str, str, str]]:
    """Return status, value and code of the Observations of a response."""
    found = hub.stored("Observation", ReferenceTo("derived-from", f"QuestionnaireResponse/{response}"))
    values = ((each["status"], each.get("valueQuantity", {}).get("value"), each.get("valueString")) for each in found)
    codes = [each["code"]["coding"][0]["code"] for each in found]
    return sorted((status, str(value or text), code) for (status, value, text), code in zip(values, codes, strict=True))


def test_scores_follow_the_response(hub: Room) -> None:
    made = done(CLIENT, 7, 8, status="in-progress")
    made["id"] = hub.write(CLIENT, made).id
    assert scores(hub, made["id"]) == []
    hub.write(CLIENT, made | {"status": "completed"})
    assert scores(hub, made["id"]) == [("final", "7.5", "participation")]
    wish = {"linkId": "change", "answer": [{"valueString": "outside more"}]}
    made = done(CLIENT, 7, 9, status="amended", id=made["id"])
    made["item"].append(wish)
    hub.write(CLIENT, made)
    assert scores(hub, made["id"]) == [("amended", "8.0", "participation"), ("final", "outside more", "wish")]
    hub.write(CLIENT, done(CLIENT, 7, 9, status="amended", id=made["id"]))
    assert scores(hub, made["id"]) == [("amended", "8.0", "participation"), ("entered-in-error", "outside more", "wish")]
    hub.write(CLIENT, done(CLIENT, 7, 9, status="entered-in-error", id=made["id"]))
    assert {status for status, _, _ in scores(hub, made["id"])} == {"entered-in-error"}


def test_a_response_that_does_not_fit_is_refused_with_the_place(hub: Room) -> None:
    with pytest.raises(Unprocessable) as refused:
        hub.write(CLIENT, done(CLIENT, 7, 11))
    places = [(each.detail, each.expression) for each in refused.value.issues]
    assert places == [("response-range", "QuestionnaireResponse.item[0].item[1].answer[0].value")]
    with pytest.raises(Unprocessable) as unknown:
        hub.write(CLIENT, done(CLIENT, 7, questionnaire="https://a.example/other"))
    assert unknown.value.issues[0].detail == "questionnaire-unknown"
    with pytest.raises(Unprocessable):
        hub.write(SYSTEM, done(CLIENT, 11))
    assert hub.write(SYSTEM, done(CLIENT, 11, questionnaire="https://a.example/other")).status == 201


def test_others_write_it_down_once_the_client_lets_them(hub: Room) -> None:
    with pytest.raises(Forbidden):
        hub.write(NURSE, done(NURSE, 7))
    root = provision("permit", "CareTeam/network", purposes=("TREAT", "PATRQT"), categories=("self-report",))
    hub.write(SYSTEM, consent(root, patient={"reference": CLIENT}, performer=[{"reference": CLIENT}]))
    made = done(NURSE, 7)
    made["id"] = hub.write(NURSE, made).id
    assert scores(hub, made["id"]) == [("final", "7.0", "participation")]
    with pytest.raises(Forbidden):
        hub.write(DAUGHTER, made | {"status": "amended"})
    hub.write(CLIENT, done(NURSE, 9, status="amended", id=made["id"]))
    assert scores(hub, made["id"]) == [("amended", "9.0", "participation")]
    with pytest.raises(Forbidden):
        hub.write(NEIGHBOUR, done(NEIGHBOUR, 7))
