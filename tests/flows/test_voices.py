"""What people of a network say, over HTTP: an appointment, a questionnaire, a signal."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flows.networked import Networked, networked

TOPICS = "https://netwerkdossier.example/fhir/CodeSystem/signal-topic"
CLIENT = "Patient/ansje"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    folder = tmp_path_factory.mktemp("voices")
    with networked(folder, f"sqlite:///{folder}/hub.db") as started:
        yield started


def test_everybody_reads_the_questions_and_the_client_answers(hub: Networked) -> None:
    client = hub.as_("client")
    for person in ("client", "daughter", "gp", "outsider"):
        assert "Questionnaire/positive-health" in hub.as_(person).get("Questionnaire").ids()
        assert hub.as_(person).request("PUT", "Questionnaire/positive-health", {"resourceType": "Questionnaire"}).status == 403
    url = client.get("Questionnaire/positive-health").json["url"]
    numbers = [{"linkId": f"participation-{n}", "answer": [{"valueInteger": each}]} for n, each in ((1, 7), (2, 8))]
    response: dict[str, Any] = {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": url,
        "status": "completed",
        "subject": {"reference": CLIENT},
        "item": [{"linkId": "participation", "item": numbers}],
    }
    made = client.request("POST", "QuestionnaireResponse", response)
    assert made.status == 201, made.body
    found = client.search("Observation", ("patient", CLIENT), ("category", "survey"), ("code", "participation"))
    (score,) = [each["resource"] for each in found.json["entry"] if "derivedFrom" in each["resource"]]
    assert b'"value":7.5' in found.body.replace(b": ", b":")
    assert score["derivedFrom"][0]["reference"] == f"QuestionnaireResponse/{made.json['id']}"
    seen = {person: hub.as_(person).get(f"QuestionnaireResponse/{made.json['id']}").status for person in ("nurse", "outsider")}
    assert seen == {"nurse": 200, "outsider": 403}  # the client of the demo lets the network see it
    numbers[0]["answer"] = [{"valueInteger": 70}]
    assert client.request("POST", "QuestionnaireResponse", response).detail == "response-range"


def test_a_signal(hub: Networked) -> None:
    sent = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "text", "valueString": "The stairs are dark."},
            {"name": "topic", "valueCoding": {"system": TOPICS, "code": "home"}},
        ],
    }
    made = hub.as_("daughter").request("POST", f"{CLIENT}/$signal", sent)
    assert made.status == 201, made.body
    signal = made.json["parameter"][0]["valueReference"]["reference"]
    assert made.headers["location"].endswith(f"/{signal}/_history/1")
    assert hub.as_("client").get(signal).json["priority"] == "urgent"
    assert hub.as_("outsider").request("POST", f"{CLIENT}/$signal", sent).status == 403
    assert hub.as_("system").request("POST", f"{CLIENT}/$signal", sent).detail == "signal-in-person"
    (line,) = [each for each in hub.lines("$signal") if each.status == 201]
    assert (line.dossier, line.query) == (CLIENT, "")


def test_an_appointment_waits_for_the_answer_of_the_client(hub: Networked) -> None:
    nurse, client = hub.as_("nurse"), hub.as_("client")
    visit = {
        "resourceType": "Appointment",
        "status": "proposed",
        "participant": [
            {"actor": {"reference": CLIENT}, "status": "needs-action"},
            {"actor": {"reference": "Practitioner/nurse-dijkema"}, "status": "accepted"},
        ],
    }
    assert hub.as_("outsider").request("POST", "Appointment", visit).status == 403
    made = nurse.request("POST", "Appointment", visit)
    assert made.status == 201, made.body
    (task,) = client.search("Task", ("code", "appointment-response")).ids()
    answer = [{"op": "replace", "path": "/participant/0/status", "value": "accepted"}]
    for person, status in ((nurse, 403), (client, 200)):
        place = f"Appointment/{made.json['id']}"
        headers = {"Content-Type": "application/json-patch+json"}
        assert person.request("PATCH", place, json.dumps(answer).encode(), **headers).status == status
    assert client.get(task).json["status"] == "completed"
