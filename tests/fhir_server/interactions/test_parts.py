"""A score of a questionnaire is told by the client as the questionnaire is: its data category is not that of other measurements."""

import json
from collections.abc import Iterator
from itertools import count

import pytest
from consents import consent, provision
from dossier_room import CLIENT, NEIGHBOUR, NURSE, SYSTEM, Room, actor, ref, room
from engines import PostgresServer

from fhir_server.catalog import catalog
from fhir_server.interactions.call import Call
from fhir_server.interactions.recorded import recorded
from fhir_server.interactions.search import search

_numbers = count()
SYSTEM_OF = "http://terminology.hl7.org/CodeSystem/observation-category"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"parts_{next(_numbers)}", "template1")
    with room(tmp_path_factory.mktemp("parts"), database) as found:
        for id_, category in (("score", "survey"), ("pressure", "vital-signs"), ("bare", "")):
            found.write(SYSTEM, observation(id_, category))
        yield found


def observation(id_: str, category: str) -> dict[str, object]:
    made = {"resourceType": "Observation", "id": id_, "status": "final", "code": {"text": id_}, "subject": ref(CLIENT)}
    return made | ({"category": [{"coding": [{"system": SYSTEM_OF, "code": category}]}]} if category else {})


def found(hub: Room, who: str, query: tuple[tuple[str, str], ...] = (("patient", CLIENT),)) -> tuple[set[str], str]:
    """Return what ``who`` finds, and on which ground as the record has it."""

    async def asked() -> tuple[set[str], str]:
        services = hub.services
        standing = await services.standings.of(actor(who), services.clock())
        entry, now = services.catalog.types["Observation"], services.clock()
        call = Call(services, standing, "search-type", entry, parameters=query, request=f"p{next(_numbers)}", now=now)
        answer = await search(call)
        line = await recorded(call, answer)
        return {each["resource"]["id"] for each in json.loads(answer.body).get("entry", ())}, line.basis

    return hub.runner.run(asked())


def choose(hub: Room, *categories: str) -> None:
    permit = provision("permit", NURSE, purposes=["TREAT"], categories=categories)
    hub.write(CLIENT, consent(permit, patient=ref(CLIENT), performer=[ref(CLIENT)]))


def test_each_part_is_opened_by_its_own_category(hub: Room) -> None:
    assert found(hub, CLIENT)[0] == {"score", "pressure", "bare"}
    assert found(hub, NURSE)[0] == set()
    choose(hub, "self-report")
    for query in ((("patient", CLIENT),), (("code:text", "score"),), (("category", "survey"), ("patient", CLIENT))):
        seen, basis = found(hub, NURSE, query)
        assert (seen, basis.split()[:1]) == ({"score"}, ["permit-person"])
    choose(hub, "ObservationActivity")
    assert found(hub, NURSE)[0] == {"pressure", "bare"}
    choose(hub, "ObservationActivity", "self-report")
    assert found(hub, NURSE)[0] == {"score", "pressure", "bare"}
    assert found(hub, NEIGHBOUR)[0] == set()


def test_the_catalogue_says_which() -> None:
    entry = catalog.load().types["Observation"]
    ((part, of),) = entry.of_parts
    assert (part.param, part.code, of.category) == ("category", "survey", "self-report")
    assert of.category_coding == catalog.load().types["QuestionnaireResponse"].category_coding
