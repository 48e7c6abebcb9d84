"""A question over HTTP, from informal care up to the doctor, and what each may see of it on the way."""

from typing import Any

from flows.client import Demo, Reply

CANONICAL = "https://netwerkdossier.example/fhir"
CLIENT, DAUGHTER = "Patient/ansje", "RelatedPerson/daughter-marije"
NURSE, GP = "Practitioner/nurse-dijkema", "Practitioner/gp-harmsen"
AUDIENCE = f"{CANONICAL}/StructureDefinition/audience"
Json = dict[str, Any]


def ref(reference: str) -> Json:
    return {"reference": reference, "type": reference.partition("/")[0]}


def asked(hub: Demo, *topics: str) -> str:
    codes = [("conversation-category", "question"), *(("question-topic", each) for each in topics)]
    question = {
        "resourceType": "CommunicationRequest",
        "status": "active",
        "category": [{"coding": [{"system": f"{CANONICAL}/CodeSystem/{system}", "code": code}]} for system, code in codes],
        "subject": ref(CLIENT),
        "requester": ref(CLIENT),
        "recipient": [ref("CareTeam/network-ansje")],
        "payload": [{"contentString": "May I take these together?"}],
    }
    reply = hub.as_("client").post(question)
    assert reply.status == 201, reply.body
    assert reply.json["recipient"] != question["recipient"]
    return f"CommunicationRequest/{reply.json['id']}"


def operate(hub: Demo, who: str, path: str, **given: Any) -> Reply:
    parameters = [{"name": name, **(each if isinstance(each, dict) else {"valueString": each})} for name, each in given.items()]
    return hub.as_(who).request("POST", path, {"resourceType": "Parameters", **({"parameter": parameters} if parameters else {})})


def seen(hub: Demo, question: str) -> set[str]:
    """Return who sees the question, by read and by search alike."""
    found = set()
    for who in ("daughter", "nurse", "gp", "pharmacist", "outsider"):
        person = hub.as_(who)
        read = person.get(question).status
        assert read in {200, 403}
        searched = person.search("CommunicationRequest", ("_id", question.partition("/")[2]), ("_revinclude", "Task:based-on"))
        assert bool([each for each in searched.resources if each["resourceType"] != "OperationOutcome"]) == (read == 200)
        tasks = person.search("Task", ("based-on", question), ("_include", "Task:based-on"))
        assert read == 200 or not [each for each in tasks.resources if each["resourceType"] != "OperationOutcome"]
        found |= {who} if read == 200 else set()
    return found


def test_a_question_comes_to_the_doctor_when_nobody_below_can_answer(hub: Demo) -> None:
    question = asked(hub)
    assert seen(hub, question) == {"daughter"}
    assert operate(hub, "gp", f"{question}/$answer", payload="Yes").status == 403
    moved = operate(hub, "daughter", f"{question}/$escalate", reason="I do not know")
    assert moved.status == 200, moved.body
    assert [each["reference"] for each in moved.json["recipient"]] == [DAUGHTER, NURSE]
    assert seen(hub, question) == {"daughter", "nurse"}
    assert operate(hub, "nurse", f"{question}/$escalate").status == 200
    assert seen(hub, question) == {"daughter", "nurse", "gp"}
    answer = operate(
        hub, "gp", f"{question}/$answer", professional="Interaction: space the doses.", lay="Take them two hours apart."
    )
    assert answer.status == 200, answer.body
    message = f"Communication/{answer.json['id']}"
    assert [each["contentString"] for each in hub.as_("client").get(message).json["payload"]] == ["Take them two hours apart."]
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": message}}]}
    assert b"space the doses" not in hub.as_("client").request("POST", "", bundle).body
    assert b"space the doses" in hub.as_("nurse").get(message).body
    assert operate(hub, "nurse", f"{question}/$escalate").status == 422
    forwarded = operate(hub, "gp", f"{message}/$forward", recipient={"valueReference": ref("Practitioner/pharmacist-bos")})
    assert forwarded.status in {200, 403}, forwarded.body
    assert operate(hub, "gp", f"{message}/$forward", recipient={"valueReference": ref("Practitioner/gp-elders")}).status == 403


def test_who_sent_a_message_takes_it_back(hub: Demo) -> None:
    question = asked(hub, "medication")
    answer = operate(hub, "nurse", f"{question}/$answer", payload="a secret word")
    message, nurse = f"Communication/{answer.json['id']}", hub.as_("nurse")
    stored = nurse.get(message).json
    taken = nurse.put(stored | {"status": "entered-in-error"})
    assert taken.status == 200, taken.body
    for who in ("nurse", "client", "daughter", "gp"):
        for path in (
            message,
            f"{message}/_history",
            f"{message}/_history/1",
            f"Communication?_id={stored['id']}",
            "Communication/_history",
        ):
            assert b"a secret word" not in hub.as_(who).get(path).body
    assert b"a secret word" not in taken.body
    assert b"a secret word" in hub.as_("system").get(f"{message}/_history/1").body


def test_the_figures_are_for_those_who_run_the_hub(hub: Demo) -> None:
    assert hub.as_("operator").get("$question-report").json["resourceType"] == "MeasureReport"
    assert hub.as_("gp").get("$question-report").status == 403


def test_the_record_tells_the_client_who_moved_the_question(hub: Demo) -> None:
    question = asked(hub, "nursing")
    assert operate(hub, "nurse", f"{question}/$escalate").status == 200
    log = hub.as_("client").get(f"{CLIENT}/$access-log?_count=1000", Accept_Language="nl")
    assert "een vraag doorgestuurd naar het volgende niveau" in log.body.decode()
