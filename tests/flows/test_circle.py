"""Who sees which conversation, message and Task, on every way: those who stand in its circle, now, and the client."""

import uuid
from typing import Any

import pytest
from flows.client import Demo, Reply
from flows.test_system import token

PROFESSIONALS = ("manu", "mark", "johan", "otheeker", "pieter", "annemiek", "lars", "wim")
CARERS = ("kees", "els", "jane")
SENDER_CARETEAM = "http://ozoverbindzorg.nl/fhir/StructureDefinition/ozo-sender-careteam"
Json = dict[str, Any]


class World:
    """Two clients with networks, two departments of organisations, and a team within one of these.

    The client's network: Manu, Mark, Otheeker, Wim (professionals), Kees and Els (carers). A second network of the same client: Wim
    alone. Clinic: Manu, Mark, Johan, and a team with Lars. Pharmacy: Otheeker and Pieter. Johan, Pieter and Lars are in no network;
    Jane and Annemiek are in another client's.
    """

    def __init__(self, hub: Demo) -> None:
        self.hub, self.system, self.mark = hub, hub.as_("system"), uuid.uuid4().hex[:8]
        self.patient, self.other = self.put("Patient", "boer"), self.put("Patient", "hoop")
        for name in PROFESSIONALS:
            self.put("Practitioner", name, active=True, name=[{"family": name.title()}])
        for name in CARERS:
            client = self.other if name == "jane" else self.patient
            self.put("RelatedPerson", name, active=True, patient=ref(client), name=[{"family": name.title()}])
        self.ward = self.team("ward", "lars")
        self.clinic = self.team("clinic", "manu", "mark", "johan", self.ward)
        self.pharmacy = self.team("pharmacy", "otheeker", "pieter")
        self.network = self.team("network", *MEMBERS, subject=self.patient)
        self.second = self.team("second", "wim", subject=self.patient)
        self.foreign = self.team("foreign", "jane", "annemiek", subject=self.other)
        roles = dict.fromkeys(PROFESSIONALS, "practitioner") | dict.fromkeys(CARERS, "related-person")
        self.as_ = {name: token(hub, self.person(name), role, "user/*.cruds") for name, role in roles.items()}
        self.as_["client"] = token(hub, self.patient, "patient", "user/*.cruds")

    def person(self, name: str) -> str:
        type_ = "Practitioner" if name in PROFESSIONALS else "RelatedPerson"
        return name if "/" in name else f"{type_}/{name}-{self.mark}"

    def put(self, type_: str, id_: str, /, **content: Any) -> str:
        reply = self.system.put({"resourceType": type_, "id": f"{id_}-{self.mark}", **content})
        assert reply.status in {200, 201}, reply.body
        return f"{type_}/{id_}-{self.mark}"

    def team(self, name: str, *members: str, subject: str = "", ended: str = "") -> str:
        participants = [{"member": ref(self.person(each))} for each in members]
        participants += [{"member": ref(self.person(ended)), "period": {"end": "2020-01-01"}}] if ended else []
        about = {"subject": ref(subject)} if subject else {}
        return self.put("CareTeam", name, status="active", name=name, participant=participants, **about)

    def thread(self, requester: str, *recipients: str, team: str = "", **more: Any) -> str:
        extension = {"extension": [{"url": SENDER_CARETEAM, "valueReference": ref(team)}]} if team else {}
        to = {"recipient": [ref(self.person(each)) for each in recipients]} if recipients else {}
        content = {"status": "active", "subject": ref(self.patient), "requester": ref(self.person(requester)), **to, **extension}
        return self.put("CommunicationRequest", f"t{uuid.uuid4().hex[:6]}", **{**content, **more})

    def reply(self, sender: str, thread: str, **more: Any) -> Reply:
        """Let ``sender`` answer in ``thread`` as OZO's clients do: without a subject."""
        return self.as_[sender].post(message(self.person(sender), thread, **more))

    def task(self, **more: Any) -> str:
        content = {"status": "requested", "intent": "order", "for": ref(self.patient), **more}
        return self.put("Task", f"k{uuid.uuid4().hex[:6]}", **content)

    def seen_by(self, reference: str) -> set[str]:
        """Return who sees the resource; reading and searching must agree."""
        found = set()
        type_, _, id_ = reference.partition("/")
        for name, who in self.as_.items():
            read, searched = who.get(reference).status, who.get(f"{type_}?_id={id_}").ids()
            assert (read, searched) in ((200, [reference]), (403, [])), (name, read, searched)
            found |= {name} if read == 200 else set()
        return found


MEMBERS = ("manu", "mark", "otheeker", "wim", "kees", "els")
CLINIC = {"manu", "mark", "johan", "lars"}
PHARMACY = {"otheeker", "pieter"}


def ref(reference: str) -> Json:
    return {"reference": reference}


def message(sender: str, thread: str, **more: Any) -> Json:
    return {
        "resourceType": "Communication",
        "status": "completed",
        "partOf": [ref(thread)],
        "sender": ref(sender),
        "payload": [{"contentString": "Goed"}],
        **more,
    }


@pytest.fixture(scope="module")
def world(hub: Demo) -> World:
    return World(hub)


def located(reply: Reply) -> str:
    assert reply.status == 201, reply.body
    return f"{reply.json['resourceType']}/{reply.json['id']}"


def test_a_carer_writes_to_the_network_and_the_network_answers(world: World) -> None:
    thread = world.thread("kees", world.network)
    assert world.seen_by(thread) == {*MEMBERS, "client"}
    answer = located(world.reply("manu", thread))
    assert world.seen_by(answer) == {*MEMBERS, "client"}
    assert world.reply("jane", thread).status == 403
    found = world.as_["jane"].get(f"Communication?part-of={thread}")
    assert (found.status, found.json["total"]) == (200, 0)


def test_a_pharmacy_writes_to_a_clinic_and_both_see_all_of_it(world: World) -> None:
    thread = world.thread("otheeker", world.clinic, sender=ref(world.person("otheeker")), team=world.pharmacy)
    everybody = {*CLINIC, *PHARMACY, "client"}
    assert world.seen_by(thread) == everybody, "also who is in no network of the client, and nobody else of the network"
    first = located(world.reply("johan", thread))
    second = located(world.reply("pieter", thread, inResponseTo=[ref(first)], subject=ref(world.patient)))
    assert world.seen_by(first) == world.seen_by(second) == everybody
    assert world.as_["johan"].get(world.patient).status == 403, "the conversation, and not the client"


CASES = {
    "persons": (("manu",), ("kees",), {"manu", "kees"}),
    "a person outside of the network": (("manu",), ("johan",), {"manu"}),
    "a team within a team": (("kees",), ("CLINIC",), {"kees", *CLINIC}),
    "the inner team alone": (("kees",), ("WARD",), {"kees", "lars"}),
    "the other network of the client": (("kees",), ("SECOND",), {"kees", "wim"}),
    "the network of somebody else": (("kees",), ("FOREIGN",), {"kees"}),
    "nobody in particular": (("kees",), (), set(MEMBERS)),
}


@pytest.mark.parametrize("case", CASES)
def test_who_stands_in_the_circle(world: World, case: str) -> None:
    (requester,), named, expected = CASES[case]
    teams = {"CLINIC": world.clinic, "WARD": world.ward, "SECOND": world.second, "FOREIGN": world.foreign}
    thread = world.thread(requester, *(teams.get(each, each) for each in named))
    assert world.seen_by(thread) == {*expected, "client"}
    assert world.seen_by(located(world.system.post(message(world.person("manu"), thread)))) == {*expected, "client"}


def test_who_leaves_sees_nothing_any_more_also_what_they_began(hub: Demo) -> None:
    world = World(hub)
    begun = world.thread("mark", "kees")
    network, department = world.thread("kees", world.network), world.thread("kees", world.clinic)
    assert all("mark" in world.seen_by(each) for each in (begun, network, department))
    world.team("network", *(each for each in MEMBERS if each != "mark"), subject=world.patient, ended="mark")
    assert world.seen_by(begun) == {"kees", "client"}
    assert world.seen_by(network) == {*MEMBERS, "client"} - {"mark"}
    assert world.seen_by(department) == {"kees", *CLINIC, "client"}, "the department is asked, whoever is in the network"
    assert world.reply("mark", begun).status == 403
    world.team("clinic", "manu", "johan", world.ward)
    assert "mark" not in world.seen_by(department)
    world.team("network", *MEMBERS, subject=world.patient)
    assert "mark" in world.seen_by(begun)


def test_a_task_is_seen_by_its_owner_who_asked_for_it_and_the_client(world: World) -> None:
    tasks: dict[str, tuple[Json, set[str]]] = {
        "owner": ({"owner": ref(world.person("kees"))}, {"kees"}),
        "owner and requester": ({"owner": ref(world.person("kees")), "requester": ref(world.person("wim"))}, {"kees", "wim"}),
        "a department": ({"owner": ref(world.clinic)}, CLINIC),
        "a network: its professionals": ({"owner": ref(world.network)}, {"manu", "mark", "otheeker", "wim"}),
        "an owner outside of the network": ({"owner": ref(world.person("annemiek"))}, {"annemiek"}),
        "the same when it is done": ({"owner": ref(world.person("annemiek")), "status": "completed"}, set()),
        "nobody": ({}, set(MEMBERS)),
    }
    for name, (content, expected) in tasks.items():
        assert world.seen_by(world.task(**content)) == {*expected, "client"}, name


def test_a_task_about_a_conversation_is_for_who_stands_there(world: World) -> None:
    thread = world.thread("otheeker", world.clinic, team=world.pharmacy)
    owners = {"johan": {"johan"}, "annemiek": set(), "wim": {"wim"}, "pieter": {"pieter"}}
    for owner, expected in owners.items():
        task = world.task(basedOn=[ref(thread)], owner=ref(world.person(owner)))
        assert world.seen_by(task) == {*expected, "client"}, owner
    assert world.seen_by(world.task(basedOn=[ref(thread)])) == {*CLINIC, *PHARMACY, "client"}


def ways(world: World, name: str, thread: str, answer: str, task: str) -> set[str]:
    """Return the ways on which somebody learns of a conversation, its answer, and a Task about it."""
    who, (_, _, thread_id), patient = world.as_[name], thread.partition("/"), world.patient
    answer_id, client = answer.partition("/")[2], f"Patient?_id={patient.partition('/')[2]}"
    searches = {
        "by client": f"CommunicationRequest?patient={patient}&_id={thread_id}",
        "by recipient": f"CommunicationRequest?recipient={world.person('manu')}&_id={thread_id}",
        "part of": f"Communication?part-of={thread}",
        "chain": f"Communication?part-of:CommunicationRequest._id={thread_id}",
        "has": f"CommunicationRequest?_has:Communication:part-of:_id={answer_id}",
        "has from the client": f"{client}&_has:CommunicationRequest:subject:_id={thread_id}",
        "has an answer": f"{client}&_has:CommunicationRequest:subject:_has:Communication:part-of:_id={answer_id}",
        "by conversation": f"Task?based-on={thread}&_id={task.partition('/')[2]}",
        "whole system": f"?_type=CommunicationRequest,Communication&_id={thread_id},{answer_id}",
        "compartment": f"{patient}/CommunicationRequest?_id={thread_id}",
    }
    found = {way for way, query in searches.items() if who.get(query).ids()}
    threads = f"{client}&_revinclude=CommunicationRequest:subject"
    included = {
        "include": f"Communication?_id={answer_id}&_include=Communication:part-of",
        "revinclude": threads,
        "iterate": f"{threads}&_revinclude:iterate=Communication:part-of",
    }
    found |= {way for way, query in included.items() if {thread, answer} & set(who.get(query).ids("include"))}
    found |= {"count"} if who.get(f"CommunicationRequest?_id={thread_id}&_summary=count").json["total"] else set()
    found |= {"own Tasks"} if task in who.get("Task").ids() else set()
    everything = [f"{each.get('resourceType')}/{each.get('id')}" for each in who.get("CommunicationRequest/_history").resources]
    found |= {"history of the type"} if thread in everything else set()
    for way, path in {"read": thread, "vread": f"{answer}/_history/1", "history": f"{answer}/_history"}.items():
        found |= {way} if who.get(path).status == 200 else set()
    asked = [{"request": {"method": "GET", "url": each}} for each in (thread, f"Communication?part-of={thread}")]
    entries = who.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": asked}).json["entry"]
    found |= {"batch"} if entries[0]["response"]["status"].startswith("200") or entries[1]["resource"].get("entry") else set()
    wanted = f"part-of={thread}"
    created = who.request("POST", "Communication", message(world.person(name), thread), if_none_exist=wanted)
    found |= {"criteria"} if created.status in {200, 412} else set()
    found |= {"answer"} if world.reply(name, thread).status == 201 else set()
    receipt = who.post(read_receipt(world.person(name), thread))
    found |= {"receipt"} if receipt.status == 201 else set()
    attached = {"resourceType": "Binary", "contentType": "text/plain", "data": "YQ==", "securityContext": ref(answer)}
    found |= {"attach"} if who.post(attached).status == 201 else set()
    return found


def read_receipt(who: str, thread: str) -> Json:
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "access"},
        "action": "R",
        "recorded": "2026-03-01T10:00:00Z",
        "agent": [{"who": ref(who), "requestor": True}],
        "source": {"observer": ref(who)},
        "entity": [{"what": ref(thread)}],
    }


IN_NETWORK = {
    *(
        "by client",
        "by recipient",
        "part of",
        "chain",
        "has",
        "has from the client",
        "has an answer",
        "whole system",
        "compartment",
    ),
    *(
        "include",
        "revinclude",
        "iterate",
        "count",
        "history of the type",
        "read",
        "vread",
        "history",
        "batch",
        "criteria",
        "answer",
    ),
    *("receipt", "attach"),
}
TO_THE_CLIENT = {"has from the client", "has an answer", "revinclude", "iterate"}


def test_every_way_is_open_to_the_circle_and_closed_to_the_rest_of_the_network(world: World) -> None:
    thread = world.thread("otheeker", "manu", world.clinic)
    answer = located(world.system.post(message(world.person("manu"), thread)))
    task = world.task(basedOn=[ref(thread)], owner=ref(world.person("manu")))
    assert ways(world, "manu", thread, answer, task) == {*IN_NETWORK, "by conversation", "own Tasks"}
    assert ways(world, "otheeker", thread, answer, task) == IN_NETWORK
    assert ways(world, "johan", thread, answer, task) == IN_NETWORK - TO_THE_CLIENT, "who is not in the network sees no client"
    for name in ("wim", "els", "pieter", "jane"):
        assert ways(world, name, thread, answer, task) == set(), name


def test_who_may_not_answer_is_told_the_same_of_every_conversation(world: World) -> None:
    thread = world.thread("otheeker", "manu")
    for name in ("wim", "els", "jane", "johan"):
        refused, unknown = world.reply(name, thread), world.reply(name, f"{thread}x")
        assert (refused.status, refused.json) == (403, unknown.json)
        about = {"subject": ref(world.patient)}
        assert (world.reply(name, thread, **about).status, world.reply(name, f"{thread}x", **about).status) == (403, 403)
    about_them = world.thread("jane", "annemiek", subject=ref(world.other))
    own = world.as_["client"].post(message(world.patient, about_them, subject=ref(world.patient)))
    assert own.status == 403, "nor the client in the own dossier"


def test_a_reply_is_about_the_client_of_its_conversation(world: World) -> None:
    thread = world.thread("manu", "kees")
    reply = world.system.post(message(world.person("manu"), thread, subject=ref(world.other)))
    assert (reply.status, reply.detail) == (422, "thread-of-another")


def test_nobody_opens_a_dossier_by_naming_the_own_team(world: World) -> None:
    """Pieter is in no network of the client, and writes about that client to his own department."""
    own = {"subject": ref(world.patient), "recipient": [ref(world.pharmacy)]}
    who = world.person("pieter")
    thread = {"resourceType": "CommunicationRequest", "status": "active", "requester": ref(who), **own}
    alone = {"resourceType": "Communication", "status": "completed", "sender": ref(who), **own}
    assert {world.as_["pieter"].post(each).status for each in (thread, alone)} <= {403, 422}
    entries = [{"resource": each, "request": {"method": "POST", "url": each["resourceType"]}} for each in (thread, alone)]
    done = world.as_["pieter"].request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert done.status in {403, 422}


def test_a_message_of_its_own_is_for_whom_it_names(world: World) -> None:
    content = {"status": "completed", "subject": ref(world.patient), "sender": ref(world.person("kees"))}
    named = world.put("Communication", f"c{uuid.uuid4().hex[:6]}", recipient=[ref(world.clinic)], **content)
    assert world.seen_by(named) == {"kees", *CLINIC, "client"}
    to_nobody = world.put("Communication", f"c{uuid.uuid4().hex[:6]}", **content)
    assert world.seen_by(to_nobody) == {*MEMBERS, "client"}


def test_an_attachment_is_for_the_circle_of_its_message(world: World) -> None:
    thread = world.thread("otheeker", world.clinic)
    answer = located(world.reply("johan", thread))
    for context in (thread, answer):
        made = {"resourceType": "Binary", "contentType": "text/plain", "data": "YQ==", "securityContext": ref(context)}
        attached = f"Binary/{world.as_['manu'].post(made).json['id']}"
        seen = {name for name, who in world.as_.items() if who.get(attached).status == 200}
        assert seen == {"otheeker", *CLINIC, "client"}


def test_what_was_deleted_stays_with_its_circle(world: World) -> None:
    thread = world.thread("otheeker", "manu")
    answer = located(world.reply("manu", thread))
    tasks = world.system.get(f"Task?based-on={thread}").ids()
    for each in (*tasks, answer, thread):
        assert world.system.request("DELETE", each).status == 204
    for each in (answer, thread):
        assert {name: who.get(each).status for name, who in world.as_.items()} == {
            name: 410 if name in {"otheeker", "manu", "client"} else 403 for name in world.as_
        }
        assert world.as_["wim"].get(f"{each}/_history/1").status == 403
        assert world.as_["manu"].get(f"{each}/_history/1").status == 200
