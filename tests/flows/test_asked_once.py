"""Of equal questions in one request a source receives one: counted by the simulated systems themselves."""

import uuid
from collections.abc import Callable

import pytest
from consents import consent, provision
from flows.client import Client, Demo, Reply

PATIENT = "Patient/ansje"
PHARMACIES = ("apotheek-de-linde", "dienstapotheek-wolddorp")
GP, HOMECARE = "huisartsenpraktijk-het-wold", "thuiszorg-de-esdoorn"


def asked(hub: Demo, name: str) -> dict[str, int]:
    """Return how often the source ``name`` was asked so far, by method and path."""
    (port,) = (each["port"] for each in hub.facts["sources"] if each["name"] == name)
    found: dict[str, int] = Client(port).get("/asked").json
    return found


def counted(hub: Demo, request: Callable[[], Reply]) -> tuple[Reply, dict[str, int]]:
    """Return the answer to ``request``, and how many questions it cost each source."""
    names = [each["name"] for each in hub.facts["sources"]]
    before = {name: sum(asked(hub, name).values()) for name in names}
    reply = request()
    assert reply.status == 200, reply.body
    return reply, {name: sum(asked(hub, name).values()) - before[name] for name in names}


@pytest.mark.parametrize("operation", ["$everything?_count=100", "$completeness"])
def test_all_types_together_are_one_question(hub: Demo, operation: str) -> None:
    reply, questions = counted(hub, lambda: hub.as_("gp").get(f"{PATIENT}/{operation}"))
    assert {name: questions[name] for name in (*PHARMACIES, GP)} == dict.fromkeys((*PHARMACIES, GP), 1)
    assert reply.headers["federation-completeness"] == "complete"


def test_a_source_that_is_asked_type_by_type_is_asked_nothing_twice(hub: Demo) -> None:
    before = asked(hub, HOMECARE)
    assert hub.as_("gp").get(f"{PATIENT}/$everything?_count=100").status == 200
    new = {path: number - before.get(path, 0) for path, number in asked(hub, HOMECARE).items()}
    types = ("CarePlan", "Condition", "Goal", "Observation", "Procedure")
    assert new.keys() >= {"GET /fhir/metadata", "POST /fhir/Patient/_search", *(f"POST /fhir/{each}/_search" for each in types)}
    assert set(new.values()) == {1}
    before = asked(hub, HOMECARE)
    assert hub.as_("gp").get(f"CarePlan?patient={PATIENT}&_include=*&_count=1").status == 200
    new = {path: number for path in asked(hub, HOMECARE) if (number := asked(hub, HOMECARE)[path] - before.get(path, 0))}
    assert {path for path in new if path.endswith("_search")} == {
        f"POST /fhir/{each}/_search" for each in ("Patient", "CarePlan", "Condition", "Goal")
    }
    assert set(new.values()) == {1}


def test_so_are_the_searches_of_a_batch(hub: Demo) -> None:
    paths = [f"{type_}?patient={PATIENT}" for type_ in ("Condition", "Encounter", "Flag", "Condition", "MedicationDispense")]
    entries = [{"request": {"method": "GET", "url": each}} for each in paths]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
    reply, questions = counted(hub, lambda: hub.as_("gp").request("POST", "", bundle))
    found = [each["resource"]["total"] for each in reply.json["entry"]]
    assert found == [hub.as_("gp").get(each).json["total"] for each in paths]
    assert min(found) > 0
    assert {questions[name] for name in (*PHARMACIES, GP)} == {1}


def test_the_next_request_asks_again(hub: Demo) -> None:
    for _ in range(2):
        _, questions = counted(hub, lambda: hub.as_("gp").get(f"Condition?patient={PATIENT}&_include=*"))
        assert questions[GP] == 1


def test_an_answer_that_serves_an_open_and_a_closed_type_shows_the_open_one(hub: Demo) -> None:
    closed = ("Condition", "Composition", "Encounter", "EpisodeOfCare")
    reply, questions = counted(hub, lambda: hub.as_("pharmacist").get(f"{PATIENT}/$everything?_count=100"))
    types = {each.partition("/")[0] for mode in ("match", "include") for each in reply.ids(mode)}
    assert (questions[GP], types & {"Flag", "MedicationRequest"}) == (1, {"Flag", "MedicationRequest"})
    theirs = [each for each in reply.resources if "90000382" in each["meta"].get("source", "")]
    assert not {each["resourceType"] for each in theirs} & set(closed)
    assert b"KANARIE-JOURNAAL" not in reply.body
    _, questions = counted(hub, lambda: hub.as_("pharmacist").get(f"{PATIENT}/$everything?_type={','.join(closed)}"))
    assert questions[GP] == 0, "what is closed altogether is not asked for"


def test_a_type_that_is_closed_at_a_source_is_not_asked_for_there_whatever_refers_to_it(hub: Demo) -> None:
    client = {"reference": PATIENT}
    root = provision("deny", "Practitioner/pharmacist-bos", categories=["Condition"])
    esdoorn = "http://fhir.nl/fhir/NamingSystem/ura|90000384"
    choice = consent(root, f"closed-{uuid.uuid4().hex[:10]}", [esdoorn], patient=client, performer=[client])
    paths = (f"CarePlan?patient={PATIENT}&_include=*", f"{PATIENT}/$everything?_count=100", f"Condition?patient={PATIENT}")
    assert hub.as_("system").put(choice).status == 201
    try:
        before = asked(hub, HOMECARE)
        replies = [hub.as_("pharmacist").get(each) for each in paths]
        new = {path for path, number in asked(hub, HOMECARE).items() if number > before.get(path, 0)}
    finally:
        assert hub.as_("system").request("DELETE", f"Consent/{choice['id']}").status == 204
    assert {each.headers["federation-completeness"] for each in replies} == {"complete"}
    assert "POST /fhir/CarePlan/_search" in new
    assert "POST /fhir/Condition/_search" not in new
    assert not [each for reply in replies for each in reply.resources if each["resourceType"] == "Condition"]
    assert hub.as_("pharmacist").get(paths[2]).json["total"] == 2, "it is open again"
