"""How subscriptions to topics are doing, many at a time, and the topics as resources; over HTTP."""

import json
from collections.abc import Iterator

import pytest
from engines import PostgresServer
from flows.client import Client
from flows.served import served
from flows.test_topics import BASE, Json, told, topical

WEBSOCKET = {"type": "websocket", "payload": "application/fhir+json"}
NURSE, DOCTOR = "Practitioner/nurse", "Practitioner/doctor"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def clients(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Client]]:
    given = {"FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true"}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        given["FHIR_SERVER_DATABASE_URL"] = server.create("topic_status", "template_hub")
    with served(tmp_path_factory.mktemp("status"), **given) as hub:
        system = hub.client()
        for each in (NURSE, DOCTOR):
            system.put({"resourceType": "Practitioner", "id": each.partition("/")[2], "active": True})
        people = {each: Client(hub.port, hub.token("practitioner", each)) for each in (NURSE, DOCTOR)}
        yield {"system": system, **people}


@pytest.fixture(scope="module")
def ids(clients: dict[str, Client]) -> dict[str, str]:
    made = {}
    for name, who in (("nurse", NURSE), ("ended", NURSE), ("doctor", DOCTOR)):
        made[name] = clients[who].post(topical("task", "") | {"channel": WEBSOCKET}).json["id"]
    stored = clients[NURSE].get(f"Subscription/{made['ended']}").json
    assert clients[NURSE].put(stored | {"status": "off"}).status == 200
    plain = {"type": "rest-hook", "endpoint": "http://127.0.0.1:9/"}
    without = {"resourceType": "Subscription", "status": "off", "reason": "x", "criteria": "Task?id", "channel": plain}
    made["without"] = clients[NURSE].post(without).json["id"]
    return made


def found(bundle: Json) -> dict[str, str]:
    assert (bundle["type"], bundle["total"]) == ("searchset", len(bundle.get("entry", ())))
    each = [told({"entry": [entry]}) for entry in bundle.get("entry", ())]
    assert {one["type"] for one in each} <= {"query-status"}
    return {one["subscription"]["reference"].rpartition("/")[2]: one["status"] for one in each}


def test_the_caller_sees_the_statuses_of_own_subscriptions(clients: dict[str, Client], ids: dict[str, str]) -> None:
    every = found(clients[NURSE].get("Subscription/$status").json)
    assert every == {ids["nurse"]: "active", ids["ended"]: "off"}
    assert found(clients[DOCTOR].get("Subscription/$status").json) == {ids["doctor"]: "active"}
    assert set(found(clients["system"].get("Subscription/$status").json)) == {ids["nurse"], ids["ended"], ids["doctor"]}
    asked = f"Subscription/$status?id={ids['nurse']},{ids['doctor']}&id={ids['without']}&id=unknown"
    assert found(clients[NURSE].get(asked).json) == {ids["nurse"]: "active"}
    assert found(clients[NURSE].get("Subscription/$status?status=off,error").json) == {ids["ended"]: "off"}
    assert found(clients[NURSE].get("Subscription/$status?status=error").json) == {}
    assert found(clients[DOCTOR].get(f"Subscription/$status?id={ids['nurse']}").json) == {}
    one = clients[NURSE].get(f"Subscription/{ids['nurse']}/$status").json
    assert found(one) == {ids["nurse"]: "active"}
    assert clients[DOCTOR].get(f"Subscription/{ids['nurse']}/$status").status == 403


def test_parameters_may_come_in_a_body(clients: dict[str, Client], ids: dict[str, str]) -> None:
    parts = [
        {"name": "id", "valueId": ids["nurse"]},
        {"name": "id", "valueId": ids["ended"]},
        {"name": "status", "valueCode": "off"},
    ]
    answer = clients[NURSE].request("POST", "Subscription/$status", {"resourceType": "Parameters", "parameter": parts})
    assert found(answer.json) == {ids["ended"]: "off"}


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("?status=asleep", None),
        ("?id=a/b", None),
        ("", {"resourceType": "Parameters", "parameter": [{"name": "id", "valueInteger": 3}]}),
        ("", {"resourceType": "Parameters", "parameter": [{"name": "colour", "valueCode": "blue"}]}),
    ],
)
def test_what_is_no_question_is_refused(clients: dict[str, Client], query: str, body: Json | None) -> None:
    answer = clients[NURSE].request("POST" if body else "GET", f"Subscription/$status{query}", body)
    assert answer.status == 400
    assert answer.detail in {"parameter-value", "parameter-unknown"}


def test_other_methods_are_not_for_it(clients: dict[str, Client]) -> None:
    answer = clients[NURSE].request("PUT", "Subscription/$status", {})
    assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
    assert clients[NURSE].get("Task/$status").status == 404


def test_topics_are_resources_of_their_own(clients: dict[str, Client]) -> None:
    answer = clients[NURSE].get("Basic?code=SubscriptionTopic")
    topics = {each["identifier"][0]["value"]: each for each in answer.resources}
    assert set(topics) == {BASE + name for name in ("task", "message", "thread", "careteam", "consent")}
    task = topics[BASE + "task"]
    assert clients[NURSE].get(f"Basic/{task['id']}").json["code"] == task["code"]
    assert clients[NURSE].search("Basic", ("identifier", BASE + "task")).ids() == [f"Basic/{task['id']}"]
    values = {each["url"].rpartition(".")[2]: each for each in task["extension"]}
    assert values["url"]["valueUri"] == BASE + "task"
    trigger = {(each["url"], each.get("valueCode") or each.get("valueUri")) for each in values["resourceTrigger"]["extension"]}
    assert ("resource", "http://hl7.org/fhir/StructureDefinition/Task") in trigger
    assert {code for url, code in trigger if url == "supportedInteraction"} == {"create", "update", "delete"}
    filters = [json.dumps(each) for each in task["extension"] if each["url"].endswith(".canFilterBy")]
    assert any('"owner"' in each for each in filters)
    assert clients["system"].put(task).status == 405
    assert clients["system"].put({"resourceType": "Patient", "id": "p"}).status == 201
    assert BASE.encode() not in clients["system"].get("Patient/p/Basic").body  # topics are about nobody
    assert clients["system"].get("Patient/p/*").status == 200
