"""What a client written for OZO relies on in conversations: Tasks, receipts, teams, and who sees what, in both modes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from engines import PostgresServer
from flows.client import Reply
from flows.ozo import KEES, MANU, PT, Json, Ozo, example, ozo_running

MARK, OTH, JOHAN = "Practitioner/Mark-Benson", "Practitioner/A-P-Otheeker", "Practitioner/Johan-van-den-Berg"
PIETER, JANE = "Practitioner/Pieter-de-Vries", "RelatedPerson/Jane-Groen"
NETWORK, CLINIC = "CareTeam/Netwerk-H-de-Boer", "CareTeam/Clinic-B"
Marks = dict[str, tuple[str, str]]


@pytest.fixture(scope="module", params=["default", "strict"])
def ozo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ozo]:
    folder = tmp_path_factory.mktemp(f"messages-{request.param}")
    strict = request.param == "strict"
    database = f"sqlite:///{folder}/hub.db"
    if not strict:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("ozo_messages", "template1")
    with ozo_running(folder, database, strict=strict) as running:
        yield running


def made(reply: Reply, status: int = 201) -> str:
    assert reply.status == status, reply.body
    return f"{reply.json['resourceType']}/{reply.json['id']}"


def without_id(name: str, **changes: Any) -> Json:
    return {name: value for name, value in {**example(name), **changes}.items() if name != "id"}


def thread_k(ozo: Ozo) -> str:
    """Let Kees begin a thread with the network."""
    return made(ozo.as_(KEES).post(without_id("CommunicationRequest-Thread-Example")))


def thread_p(ozo: Ozo) -> str:
    """Let the pharmacist ask the clinic something in the name of the pharmacy."""
    return made(ozo.as_(OTH).post(without_id("CommunicationRequest-Pharmacy-to-Clinic")))


def said(sender: str, thread: str, **changes: Any) -> Json:
    return {
        "resourceType": "Communication",
        "partOf": [{"reference": thread, "type": "CommunicationRequest"}],
        "sender": {"reference": sender, "type": sender.partition("/")[0]},
        "payload": [{"contentString": "Goedemorgen"}],
        **changes,
    }


def reply(ozo: Ozo, sender: str, thread: str, **changes: Any) -> str:
    return made(ozo.as_(sender).post(said(sender, thread, **changes)))


def tasks(ozo: Ozo, thread: str) -> dict[str, Json]:
    """Return the Tasks of a thread by owner; nobody has two."""
    found = ozo.system.get(f"Task?based-on={thread}&_count=100").json
    resources = [each["resource"] for each in found.get("entry", ())]
    owners = {each["owner"]["reference"]: each for each in resources}
    assert len(owners) == len(resources)
    return owners


def marks(ozo: Ozo, thread: str) -> Marks:
    found = tasks(ozo, thread).items()
    return {owner: (each["status"], each.get("focus", {}).get("reference", "")) for owner, each in found}


def with_client(ozo: Ozo, found: Marks, mark: tuple[str, str]) -> Marks:
    """Return what is to be found: OZO itself knows no Task of a client, who takes part in this network."""
    return found if ozo.strict else found | {PT: mark}


def receipt(who: str, thread: str, message: str) -> Json:
    """Return what clients of OZO send when something was read: less than its own profile asks for."""
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "access"},
        "action": "R",
        "recorded": "2026-01-05T10:00:00Z",
        "agent": [{"who": {"reference": who, "type": who.partition("/")[0]}, "requestor": True}],
        "source": {"site": "OZO Client", "observer": {"reference": who, "type": who.partition("/")[0]}},
        "entity": [{"what": {"reference": each}} for each in (thread, message) if each],
    }


def test_s6_a_thread_makes_one_task_for_everybody(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    unread = dict.fromkeys((MANU, MARK, OTH), ("requested", ""))
    assert marks(ozo, thread) == with_client(ozo, {KEES: ("completed", ""), **unread}, ("requested", ""))
    for each in tasks(ozo, thread).values():
        assert (each["intent"], each["for"]["reference"]) == ("order", PT)


def test_s7_what_the_platform_approves_changes_no_task(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    before = tasks(ozo, thread)
    stored = ozo.system.get(thread).json
    approved = ozo.system.put(stored | {"status": "active"})
    assert (approved.status, approved.json["meta"]["versionId"]) == (200, "2")
    assert tasks(ozo, thread) == before


def test_s8_and_s9_a_reply_without_status(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    answer = ozo.as_(MANU).post(said(MANU, thread))
    assert answer.json["status"] == "preparation"
    message = made(answer)
    unread = dict.fromkeys((KEES, MARK, OTH), ("requested", message))
    assert marks(ozo, thread) == with_client(ozo, {MANU: ("completed", message), **unread}, ("requested", message))


def test_s10_recipients_of_old_clients_do_not_count(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    recipient = [{"reference": NETWORK, "type": "CareTeam"}]
    message = reply(ozo, KEES, thread, recipient=recipient, status="in-progress")
    assert marks(ozo, thread)[MANU] == ("requested", message)
    assert marks(ozo, thread)[KEES] == ("completed", message)


def test_s11_every_message_makes_a_version(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    before = int(tasks(ozo, thread)[MARK]["meta"]["versionId"])
    reply(ozo, KEES, thread)
    second = reply(ozo, KEES, thread)
    after = tasks(ozo, thread)[MARK]
    assert (int(after["meta"]["versionId"]), after["focus"]["reference"]) == (before + 2, second)


def test_s12_and_s13_receipts_in_both_forms(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    message = reply(ozo, MANU, thread)
    before = marks(ozo, thread)
    sent = ozo.as_(KEES).post(receipt(KEES, thread, message))
    assert sent.status == 201, sent.body
    assert sent.json["type"]["code"] == "access"
    assert marks(ozo, thread) == before | {KEES: ("completed", message)}
    second = reply(ozo, KEES, thread)
    entity = [{"what": {"reference": f"{each}/_history/1"}} for each in (thread, second)]
    sent = ozo.as_(MANU).post(without_id("AuditEvent-Manu-Read-Messages", entity=entity))
    assert sent.status == 201, sent.body
    assert marks(ozo, thread)[MANU] == ("completed", second)
    assert marks(ozo, thread)[MARK] == ("requested", second)


def test_s15_nobody_speaks_for_others(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    before = tasks(ozo, thread)
    kees = ozo.as_(KEES)
    assert kees.post(said(MANU, thread)).status == 403
    forged = without_id("CommunicationRequest-Thread-Example", requester={"reference": MANU, "type": "Practitioner"})
    assert kees.post(forged).status == 403
    assert kees.put(before[KEES] | {"status": "completed"}).status == 403
    assert kees.put(ozo.system.get(NETWORK).json).status == 403
    assert tasks(ozo, thread) == before


def test_s17_who_is_not_addressed_finds_nothing(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    message = reply(ozo, MANU, thread)
    assert thread in found(ozo, KEES, "CommunicationRequest")
    assert {each.partition("/")[0] for each in found(ozo, KEES, "Task?_count=100")} == {"Task"}
    assert all(each["owner"]["reference"] == KEES for each in resources(ozo, KEES, "Task?_count=100"))
    jane = ozo.as_(JANE)
    for reference in (thread, message):
        assert jane.get(reference).status == 403
    assert found(ozo, JANE, f"Communication?part-of={thread}") == []


def resources(ozo: Ozo, who: str, path: str) -> list[Json]:
    answer = ozo.as_(who).get(path)
    assert answer.status == 200, answer.body
    return [each["resource"] for each in answer.json.get("entry", ()) if each["search"]["mode"] == "match"]


def found(ozo: Ozo, who: str, path: str) -> list[str]:
    return [f"{each['resourceType']}/{each['id']}" for each in resources(ozo, who, path)]


def test_s28_to_s31_between_teams(ozo: Ozo) -> None:
    thread = thread_p(ozo)
    assert marks(ozo, thread) == dict.fromkeys((MANU, MARK, JOHAN), ("requested", ""))
    extension = ozo.system.get(thread).json["extension"]
    assert extension == example("CommunicationRequest-Pharmacy-to-Clinic")["extension"]
    first = reply(ozo, MANU, thread, status="completed")
    assert marks(ozo, thread) == {
        **dict.fromkeys((OTH, PIETER), ("requested", first)),
        **dict.fromkeys((MANU, MARK, JOHAN), ("completed", first)),
    }
    second = reply(ozo, PIETER, thread, inResponseTo=[{"reference": first}])
    assert marks(ozo, thread) == {
        **dict.fromkeys((OTH, PIETER), ("completed", second)),
        **dict.fromkeys((MANU, MARK, JOHAN), ("requested", second)),
    }
    assert ozo.as_(MANU).post(receipt(MANU, thread, second)).status == 201
    assert {status for status, _ in marks(ozo, thread).values()} == {"completed"}


def test_s28_a_member_of_the_team_outside_the_network_sees_the_thread_and_not_the_client(ozo: Ozo) -> None:
    thread = thread_p(ozo)
    johan = ozo.as_(JOHAN)
    assert johan.get(thread).status == 200
    assert johan.get(PT).status == 403
    assert thread in found(ozo, JOHAN, "CommunicationRequest")
    assert reply(ozo, JOHAN, thread) in found(ozo, OTH, f"Communication?part-of={thread}")
    assert ozo.as_(KEES).get(thread).status == 403


def test_s34_who_joins_and_who_leaves(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    network = ozo.system.get(NETWORK).json
    member = {"member": {"reference": PIETER, "type": "Practitioner"}}
    without_mark = [each for each in network["participant"] if each["member"]["reference"] != MARK]
    try:
        for _ in range(2):
            assert ozo.system.put(network | {"participant": [*network["participant"], member]}).status == 200
            assert marks(ozo, thread)[PIETER] == ("requested", "")
        assert ozo.system.put(network | {"participant": [*without_mark, member]}).status == 200
        assert marks(ozo, thread)[MARK][0] == "cancelled"
        assert ozo.as_(MARK).get(thread).status == 403
    finally:
        assert ozo.system.put(network).status == 200


def test_s42_the_client_takes_part(ozo: Ozo) -> None:
    client = ozo.as_(PT)
    assert found(ozo, PT, "CareTeam") == [NETWORK]
    assert found(ozo, PT, "Patient") == [PT]
    requester = {"reference": PT, "type": "Patient"}
    thread = made(client.post(without_id("CommunicationRequest-Thread-Example", requester=requester)))
    assert marks(ozo, thread)[KEES] == ("requested", "")
    assert marks(ozo, thread).get(PT) == (None if ozo.strict else ("completed", ""))
    assert len(found(ozo, PT, f"Task?based-on={thread}")) == len(marks(ozo, thread))


def test_s46_replies_at_once(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda who: ozo.as_(who).post(said(who, thread)), (MANU, KEES) * 10))
    assert [each.status for each in answers] == [201] * 20
    newest = max(each.json["meta"]["lastUpdated"] for each in answers)
    latest = {made(each) for each in answers if each.json["meta"]["lastUpdated"] == newest}
    assert {focus for _, focus in marks(ozo, thread).values()} <= latest


def test_s48_a_closed_thread(ozo: Ozo) -> None:
    thread = thread_k(ozo)
    assert ozo.system.put(ozo.system.get(thread).json | {"status": "revoked"}).status == 200
    assert {status for status, _ in marks(ozo, thread).values()} == {"completed", "cancelled"}
    refused = ozo.as_(KEES).post(said(KEES, thread))
    assert refused.status == 422
    assert refused.json["issue"][0]["expression"] == ["Communication.partOf"]
