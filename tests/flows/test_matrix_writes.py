"""What a stranger learns by writing, by the record, by operations and by links: nothing about a foreign dossier."""

from collections.abc import Iterator
from typing import Any

import pytest
from consents import consent, provision
from flows.client import Demo, Reply
from flows.two_dossiers import CATALOGUE, STORED, Caller, Dossier, Json, World, told, types_for

CLIENTS = ("member", "carer", "client")
WHAT_IF = "$what-if"
WRITERS = (*CLIENTS, "stranger", "another client", "bound system")
EVERYBODY = (*WRITERS, "operator", "privacy officer", "source", "pgo", "nobody")
TARGETS = tuple(name for name in STORED if CATALOGUE.types[name].home == "owned")
RECORD = "https://netwerkdossier.example/fhir/record"


@pytest.fixture(scope="module")
def world(hub: Demo) -> Iterator[World]:
    made = World(hub)
    yield made
    for each in made.callers.values():
        each.close()


def sender(world: World, role: str) -> str:
    own = {"carer": world.own.reference("RelatedPerson"), "client": world.own.patient, "another client": world.people["third"]}
    return own.get(role) or world.people.get(role, world.people["member"])


def message(world: World, role: str, **more: Any) -> Json:
    return {
        "resourceType": "Communication",
        "status": "completed",
        "subject": {"reference": world.own.patient},
        "sender": {"reference": sender(world, role)},
        **more,
    }


def answers(world: World, caller: Caller, ask: Any) -> list[tuple[int, dict[str, str], str]]:
    """Return the answers to what ``ask`` makes of each dossier that the caller is not to know of, without ids that were given."""
    found = []
    for dossier in (world.foreign, world.gone, world.absent):
        method, path, body, headers = ask(dossier)
        reply = caller.request(method, path, body, **headers)
        given = reply.json.get("id", "-none-") if reply.body else "-none-"
        found.append(told(reply, given, *world.names))
    return found


def same(found: list[Any]) -> Any:
    assert found[0] == found[1] == found[2]
    return found[0]


@pytest.mark.parametrize("role", WRITERS)
def test_a_reference_does_not_tell_what_is_there(world: World, role: str) -> None:
    caller = world.callers[role]
    for type_ in types_for(role, TARGETS):

        def ask(dossier: Dossier, type_: str = type_) -> Any:
            about = [{"reference": world.own.patient}, {"reference": dossier.reference(type_)}]
            return "POST", "Communication", message(world, role, about=about), {}

        status, _, body = same(answers(world, caller, ask))
        if role in {*CLIENTS, "bound system"}:
            assert (status, "Communication.about[1]" in body) == (422, True), (type_, body)
        else:
            assert status == 403
    own = [{"reference": world.own.reference(each)} for each in ("Patient", "CareTeam", "RelatedPerson", "CommunicationRequest")]
    expected = 403 if role in {"stranger", "another client"} else 201
    assert caller.request("POST", "Communication", message(world, role, about=own)).status == expected


@pytest.mark.parametrize("role", WRITERS)
def test_a_resource_about_somebody_else_is_refused_alike(world: World, role: str) -> None:
    def ask(dossier: Dossier) -> Any:
        return "POST", "Communication", message(world, role, subject={"reference": dossier.patient}), {}

    assert same(answers(world, world.callers[role], ask))[0] == 403


@pytest.mark.parametrize("role", WRITERS)
def test_criteria_match_nothing_foreign(world: World, role: str) -> None:
    caller, known = world.callers[role], f"identifier=urn:canary|{world.own.mark}"
    expected = 201 if role in {*CLIENTS, "bound system"} else 403

    def create(dossier: Dossier) -> Any:
        return "POST", "Communication", message(world, role), {"If_None_Exist": f"identifier=urn:canary|{dossier.mark}"}

    assert same(answers(world, caller, create))[0] == expected
    refers = [{"reference": f"CommunicationRequest?identifier=urn:canary|{world.absent.mark}"}]

    def transaction(dossier: Dossier) -> Any:
        refers[0] = {"reference": f"CommunicationRequest?identifier=urn:canary|{dossier.mark}"}
        entry = {"resource": message(world, role, partOf=refers), "request": {"method": "POST", "url": "Communication"}}
        return "POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}, {}

    assert same(answers(world, caller, transaction))[0] in {400, 403, 412, 422}
    for method in ("PUT", "PATCH", "DELETE"):
        for type_ in ("Task", "Consent", "Communication"):

            def change(dossier: Dossier, method: str = method, type_: str = type_) -> Any:
                body = b"[]" if method == "PATCH" else None if method == "DELETE" else {"resourceType": type_, "status": "x"}
                headers = {"Content_Type": "application/json-patch+json"} if method == "PATCH" else {}
                return method, f"{type_}?identifier=urn:canary|{dossier.mark}", body, headers

            assert same(answers(world, caller, change))[0] in {204, 400, 403, 404, 405, 422}
    if role in CLIENTS:
        assert caller.request("POST", "Communication", message(world, role), If_None_Exist=known).status == 200


@pytest.mark.parametrize("role", WRITERS)
def test_a_batch_tells_no_more_than_its_entries(world: World, role: str) -> None:
    caller = world.callers[role]

    def searches(dossier: Dossier) -> Any:
        urls = [f"{type_}?_id={dossier.ids[type_]}" for type_ in STORED]
        return "POST", "", batch(*urls), {}

    def reads(dossier: Dossier) -> Any:
        urls = [url for type_ in STORED for url in (f"{type_}/{dossier.ids[type_]}", f"{type_}/{dossier.ids[type_]}/_history/3")]
        return "POST", "", batch(*urls), {}

    assert same(answers(world, caller, searches))[0] == 200
    foreign, gone, _ = answers(world, caller, reads)
    assert foreign == gone
    assert world.foreign.mark not in foreign[2]


def batch(*urls: str) -> Json:
    entries = [{"request": {"method": "GET", "url": url}} for url in urls]
    return {"resourceType": "Bundle", "type": "batch", "entry": entries}


OPERATIONS = ("$who-can-see", "$explain-access", "$everything", "$nothing")


@pytest.mark.parametrize("role", [*WRITERS, "operator", "source", "pgo", "nobody"])
def test_no_operation_tells_a_foreign_client_from_none(world: World, role: str) -> None:
    for operation in OPERATIONS:
        if role == "operator" and operation in {"$who-can-see", "$explain-access"}:
            continue  # the operator is told who has access to a dossier, not what is in it

        def ask(dossier: Dossier, operation: str = operation) -> Any:
            return "GET", f"{dossier.patient}/{operation}", None, {}

        same(answers(world, world.callers[role], ask))
    # The record tells people what they were told before: here, only that there is nothing else in it.
    for dossier in (world.foreign, world.gone):
        assert f'"{dossier.mark}"' not in world.callers[role].get(f"{dossier.patient}/$access-log").body.decode()


@pytest.mark.parametrize("role", ["member", "carer", "stranger", "another client", "client"])
def test_the_own_record_does_not_say_whose_a_foreign_resource_is(world: World, role: str) -> None:
    caller, name = world.callers[role], f"{role.replace(' ', '-')}-{world.foreign.mark}"
    client = world.system.put({"resourceType": "Patient", "id": f"p-{name}", "name": [{"family": "Kanarie"}]})
    order = {"status": "requested", "intent": "order", "for": {"reference": f"Patient/p-{name}"}}
    task = world.system.put({"resourceType": "Task", "id": f"t-{name}", **order})
    assert (client.status, task.status, caller.get(f"Task/t-{name}").status) == (201, 201, 403)
    events = caller.get("AuditEvent?_count=100").body.decode()
    assert f"p-{name}" not in events
    assert caller.get(f"AuditEvent?patient=Patient/p-{name}").json["total"] == 0
    assert "first" not in caller.get(f"Patient/p-{name}/$access-log").body.decode()
    assert caller.get(f"Patient/p-{name}").status == 403
    events = caller.get("AuditEvent?_count=100").body.decode()
    assert f"t-{name}" in events or role in {"client", "another client"}
    assert "Kanarie" not in events


def test_the_own_record_names_the_clients_of_the_own_network(world: World) -> None:
    caller = world.callers["member"]
    assert caller.get(world.own.reference("Task")).status == 200
    found = caller.get(f"AuditEvent?patient={world.own.patient}")
    assert found.json["total"] > 0
    assert world.own.patient.encode() in found.body


def test_the_page_of_another_caller_is_refused_whatever_is_on_it(world: World) -> None:
    first = world.hub.as_("system").get(f"?_tag=urn:tag|{world.foreign.mark}&_type=Task,Communication,CareTeam&_count=1")
    link = next(each["url"] for each in first.json["link"] if each["relation"] == "next").partition("/fhir/")[2]
    for role, caller in world.callers.items():
        reply = caller.get(link)
        assert reply.status == (401 if role == "nobody" else 403), role
        assert world.foreign.mark not in reply.body.decode()


def test_a_foreign_link_does_not_show_by_what_it_links_to(world: World) -> None:
    stored = message(
        world, "member", id=f"link-{world.own.mark}", basedOn=[{"reference": world.foreign.reference("CommunicationRequest")}]
    )
    assert world.system.put(stored).status == 201
    for role in CLIENTS:
        caller, chosen = world.callers[role], f"Communication?_id={stored['id']}"
        assert caller.get(chosen).json["total"] == 1
        for more in (
            "based-on:CommunicationRequest.status=active",
            f"based-on:CommunicationRequest.identifier={world.foreign.mark}",
        ):
            assert caller.get(f"{chosen}&{more}").json["total"] == 0, more
        for more in ("_include=Communication:based-on", "_include:iterate=*", "_include=*&_revinclude:iterate=*"):
            assert world.foreign.mark not in caller.get(f"{chosen}&{more}").body.decode().replace(
                world.foreign.reference("CommunicationRequest"), ""
            ), more


def draft(dossier: Dossier, *recipients: str, performer: str = "", **limits: Any) -> Json:
    """Return a choice of the client of ``dossier``, given by the client or by ``performer``."""
    root = provision("permit", *(recipients or (dossier.reference("CareTeam"),)), purposes=("TREAT",), **limits)
    client = {"reference": dossier.patient}
    return consent(root, "draft", patient=client, performer=[{"reference": performer} if performer else client], status="draft")


@pytest.mark.parametrize("role", EVERYBODY)
def test_a_choice_is_tried_out_in_no_foreign_dossier(world: World, role: str) -> None:
    """Whoever is named as its client, and whoever says to have made it."""
    caller, person = world.callers[role], world.people.get(role, "")

    def own_draft(dossier: Dossier) -> Any:
        return "POST", f"{dossier.patient}/{WHAT_IF}", draft(dossier, performer=person), {}

    def of_another(dossier: Dossier) -> Any:
        return "POST", f"{world.own.patient}/{WHAT_IF}", draft(dossier), {}

    def about_another(dossier: Dossier) -> Any:
        return "POST", f"{dossier.patient}/{WHAT_IF}", draft(world.own), {}

    for ask in (own_draft, of_another, about_another):
        status = same(answers(world, caller, ask))[0]
        assert status in ({401} if role == "nobody" else {403, 422}), (role, status)


def answered(role: str) -> int:
    """Return the status of what the client, and the system that acts for the client, may ask."""
    return {"client": 200, "bound system": 200, "nobody": 401}.get(role, 403)


@pytest.mark.parametrize("role", EVERYBODY)
def test_what_a_draft_names_does_not_tell_what_is_there(world: World, role: str) -> None:
    caller = world.callers[role]
    for name in ("CareTeam", "RelatedPerson"):

        def to_foreign(dossier: Dossier, name: str = name) -> Any:
            return "POST", f"{world.own.patient}/{WHAT_IF}", draft(world.own, dossier.reference(name)), {}

        status, _, body = same(answers(world, caller, to_foreign))
        assert status == answered(role), body
    for meaning, name in (("instance", "Communication"), ("dependents", "CommunicationRequest"), ("authoredby", "RelatedPerson")):

        def about_foreign(dossier: Dossier, meaning: str = meaning, name: str = name) -> Any:
            named = ((meaning, dossier.reference(name)),)
            return "POST", f"{world.own.patient}/{WHAT_IF}", draft(world.own, data=named), {}

        assert same(answers(world, caller, about_foreign))[0] == answered(role)


def test_the_client_tries_out_the_own_choice(world: World) -> None:
    reply = world.callers["client"].request("POST", f"{world.own.patient}/{WHAT_IF}", draft(world.own))
    assert reply.status == 200
    assert world.people["member"] in reply.body.decode()
    assert not [each for each in world.names if each in reply.body.decode()]


def referred(world: World, name: str) -> tuple[str, str]:
    """Store a conversation to which a Task of its own client refers and one of a foreign client; return it and the own Task."""
    id_ = f"{name.replace(' ', '-')}-{world.own.mark}"
    thread: Json = {"resourceType": "CommunicationRequest", "id": id_, "status": "active"}
    order: Json = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "basedOn": [{"reference": f"{thread['resourceType']}/{id_}"}],
    }
    subject = {"reference": world.own.patient}
    made = [
        thread | {"subject": subject},
        order | {"id": f"own-{id_}", "for": subject},
        order | {"id": f"{world.foreign.mark}-{id_}", "for": {"reference": world.foreign.patient}},
    ]
    assert [world.system.put(each).status for each in made] == [201] * 3
    return f"CommunicationRequest/{id_}", f"Task/own-{id_}"


def refusals(world: World, role: str, reference: str) -> Iterator[tuple[str, Reply]]:
    """Yield what comes of deleting ``reference`` in every way."""
    caller, (type_, _, id_) = world.callers[role], reference.partition("/")
    yield "by id", caller.request("DELETE", reference)
    yield "by criteria", caller.request("DELETE", f"{type_}?_id={id_}")
    for kind in ("batch", "transaction"):
        entry = {"request": {"method": "DELETE", "url": reference}}
        yield kind, caller.request("POST", "", {"resourceType": "Bundle", "type": kind, "entry": [entry]})


@pytest.mark.parametrize("role", EVERYBODY)
def test_a_refused_deletion_names_nothing_foreign(world: World, role: str) -> None:
    thread, own = referred(world, f"t-{role}")
    for way, reply in refusals(world, role, thread):
        told = reply.body.decode()
        assert world.foreign.mark not in told, way
        assert (own in told) == (role == "bound system"), (way, told)
        if role == "bound system":
            assert "still-referenced" in told, way
            assert "1 others" in told, way
    assert world.system.get(thread).status == 200


def test_the_system_is_told_all_that_is_in_the_way(world: World) -> None:
    thread, own = referred(world, "whole")
    told = world.system.request("DELETE", thread).body.decode()
    assert own in told
    assert world.foreign.mark in told


def test_a_professional_is_not_removed_and_their_foreign_networks_not_named(world: World) -> None:
    for _, reply in refusals(world, "bound system", world.people["gpgone"]):
        assert "still-referenced" in reply.body.decode() or reply.status in {403, 405}, reply.body
        assert world.foreign.mark not in reply.body.decode()
