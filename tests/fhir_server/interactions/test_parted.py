"""Who may still hear of what was deleted, by a choice of the client that was made afterwards."""

from collections.abc import Iterator
from typing import Any

import pytest
from consents import ANY, consent, provision
from dossier_room import CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, SYSTEM, Room, actor, asked, message, ref, room

from fhir_server.interactions.subscription import access_of
from fhir_server.storage.subscriptions.store import Notice
from fhir_server.subscriptions import subscriber

Json = dict[str, Any]
RESTRICTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
CONFIDENCE = {"system": "https://netwerkdossier.example/fhir/CodeSystem/label", "code": "third-party"}
OPEN = [True, True, True]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    database = server.create("parted", "template1") if server else ""
    with room(tmp_path_factory.mktemp("parted"), database) as found:
        yield found


def deleted(opened: Room, security: Json | None = None, by: str = DAUGHTER) -> tuple[str, Notice]:
    """Store a message in a thread and delete it; return the thread and what is to be told."""
    thread = f"CommunicationRequest/{opened.write(SYSTEM, asked(DAUGHTER, [NETWORK, CLIENT])).id}"
    labelled = {"meta": {"security": [security]}} if security else {}
    reply = f"Communication/{opened.write(SYSTEM, message(by, thread) | labelled).id}"
    for task in opened.stored("Task"):
        opened.delete(SYSTEM, f"Task/{task['id']}")
    answer = opened.delete(SYSTEM, reply)
    return thread, Notice("s", 1, "Communication", reply.partition("/")[2], answer.version, 1, 1)


def hear(opened: Room, deletion: Notice) -> list[bool]:
    """Return whether the nurse, the doctor and the client may be told."""
    access = access_of(opened.services)
    told = [access.hears(subscriber.written(actor(each)), deletion) for each in (NURSE, DOCTOR, CLIENT)]
    return [opened.runner.run(each) is not None for each in told]


def choose(opened: Room, denied: Json | None) -> None:
    permit = provision("permit", NURSE, DOCTOR, purposes=["TREAT"], categories=["message"])
    root = {**permit, "provision": [denied]} if denied else permit
    opened.write(SYSTEM, consent(root, "only", [ANY], patient=ref(CLIENT), performer=[ref(CLIENT)]))


@pytest.mark.parametrize(
    ("denied", "security", "heard"),
    [
        ({}, None, OPEN),
        ({"label": "R"}, RESTRICTED, [False, True, True]),
        ({"label": "R"}, None, OPEN),
        ({"data": [("authoredby", DAUGHTER)]}, None, [False, True, True]),
        ({"data": [("authoredby", DOCTOR)]}, None, OPEN),
        ({"data": [("dependents", "THREAD")]}, None, [False, True, True]),
    ],
)
def test_a_choice_made_after_the_deletion_counts(opened: Room, denied: Json, security: Json | None, heard: list[bool]) -> None:
    thread, deletion = deleted(opened, security)
    choose(opened, None)
    assert hear(opened, deletion) == OPEN
    limits = {**denied, "data": [(meaning, each.replace("THREAD", thread)) for meaning, each in denied.get("data", ())]}
    choose(opened, provision("deny", NURSE, **limits) if denied else None)
    assert hear(opened, deletion) == heard


def test_what_was_told_in_confidence_is_kept_from_the_client_when_it_is_gone(opened: Room) -> None:
    _, deletion = deleted(opened, CONFIDENCE)
    choose(opened, None)
    assert hear(opened, deletion) == [True, True, False]


def test_of_what_is_not_known_any_more_nobody_hears(opened: Room) -> None:
    _, deletion = deleted(opened)
    choose(opened, None)
    unknown = deletion._replace(version=deletion.version + 5)
    assert hear(opened, unknown) == [False, False, False]
    access = access_of(opened.services)
    assert opened.runner.run(access.hears(subscriber.written(SYSTEM), unknown)) is not None
