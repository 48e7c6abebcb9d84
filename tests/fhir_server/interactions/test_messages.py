"""What readers see of messages: plain language, messages taken back, and messages forwarded; on every way out, on both engines."""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from consents import consent, provision
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, Json, ref
from engines import PostgresServer
from ladder_room import LadderRoom, ladder_room

from fhir_server.errors import FhirError, Forbidden
from fhir_server.network.plain_language import AUDIENCE

_numbers = count()


def payload(audience: str) -> Json:
    return {"extension": [{"url": AUDIENCE, "valueCode": audience}], "contentString": f"for {audience} readers"}


BOTH = [payload("professional"), payload("lay"), {"contentString": "for everybody"}]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LadderRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"messages_{next(_numbers)}", "template1")
    with ladder_room(tmp_path_factory.mktemp("messages"), database) as found:
        yield found


def texts(answered: Json) -> list[str]:
    return [each.get("contentString", "") for each in answered["payload"]]


def ways(hub: LadderRoom, who: Any, message: str) -> list[Json]:
    """Return the message as it comes out of every door."""
    id_ = message.partition("/")[2]
    versions = [hub.shown(who, "vread", message, version=1)]
    searched = hub.shown(who, "search-type", "Communication/", ("_id", id_))["entry"]
    history = hub.shown(who, "history-instance", message)["entry"]
    of_type = hub.shown(who, "history-type", "Communication/", ("_count", "100"))["entry"]
    entries = [each["resource"] for each in [*searched, *history, *of_type] if each["resource"]["id"] == id_]
    parts = [hub.shown(who, "read", message, ("_elements", "payload.contentString"))]
    return [hub.shown(who, "read", message), *versions, *entries, *parts]


def test_each_reader_gets_the_payloads_for_them(hub: LadderRoom) -> None:
    thread = hub.hub.thread(DAUGHTER, [NETWORK])
    message = hub.hub.reply(NURSE, thread, payload=BOTH)
    for who in (NURSE, DOCTOR, SYSTEM):
        assert all(
            texts(each) == ["for professional readers", "for lay readers", "for everybody"] for each in ways(hub, who, message)
        )
    for who in (DAUGHTER, CLIENT):
        assert all(texts(each) == ["for lay readers", "for everybody"] for each in ways(hub, who, message))


def test_without_plain_language_the_client_sees_what_there_is(hub: LadderRoom) -> None:
    thread = hub.hub.thread(DAUGHTER, [NETWORK], payload=[payload("professional")])
    assert texts(hub.shown(CLIENT, "read", thread)) == ["for professional readers"]


def test_a_payload_cannot_hide_behind_another_way_of_writing(hub: LadderRoom) -> None:
    thread = hub.hub.thread(NURSE, [NETWORK])
    message = {
        "resourceType": "Communication",
        "status": "completed",
        "partOf": [{"reference": thread, "type": "CommunicationRequest"}],
        "sender": {"reference": NURSE, "type": "Practitioner"},
        "payload": BOTH,
    }
    body = json.dumps(message).replace("/", "\\/").replace("professional", "\\u0070rofessional")
    id_ = hub.post(NURSE, "Communication", body)
    assert texts(hub.shown(DAUGHTER, "read", f"Communication/{id_}")) == ["for lay readers", "for everybody"]


def test_who_sent_a_message_may_take_it_back_and_nothing_else(hub: LadderRoom) -> None:
    thread = hub.hub.thread(DAUGHTER, [NETWORK])
    message = hub.hub.reply(NURSE, thread, payload=[{"contentString": "secret"}])
    stored = hub.shown(NURSE, "read", message)
    for who, change in (
        (NURSE, {"payload": [{"contentString": "better"}]}),
        (NURSE, {"status": "stopped"}),
        (DOCTOR, {"status": "entered-in-error"}),
        (DAUGHTER, {"status": "entered-in-error"}),
        (NURSE, {"status": "entered-in-error", "payload": [{"contentString": "other"}]}),
    ):
        with pytest.raises(Forbidden):
            hub.hub.write(who, stored | change)
    hub.hub.write(NURSE, stored | {"status": "entered-in-error"})
    for who in (NURSE, DOCTOR, DAUGHTER, CLIENT):
        found = ways(hub, who, message)
        assert "secret" not in str(found)
        assert len(found) > 5
    assert "secret" in str(hub.shown(SYSTEM, "vread", message, version=1))
    with pytest.raises(FhirError):
        hub.hub.write(NURSE, stored)


def test_nobody_makes_a_message_by_updating_one(hub: LadderRoom) -> None:
    thread = hub.hub.thread(DAUGHTER, [NETWORK])
    message = hub.shown(NURSE, "read", hub.hub.reply(NURSE, thread))
    with pytest.raises(FhirError):
        hub.hub.write(NURSE, {**message, "id": "of-my-own", "status": "entered-in-error"})


def test_a_message_goes_to_somebody_else_of_the_network_with_where_it_comes_from(hub: LadderRoom) -> None:
    thread = hub.hub.thread(DAUGHTER, [NURSE])
    message = hub.hub.reply(NURSE, thread, payload=BOTH)
    before = hub.shown(SYSTEM, "read", message)
    made = json.loads(
        hub.operate(NURSE, message, "forward", recipient={"valueReference": {"reference": DOCTOR}}, comment="Please see").body
    )
    assert texts(made) == ["Please see", "for professional readers", "for lay readers", "for everybody"]
    assert [each["reference"] for each in made["basedOn"]] == [message]
    assert (made["requester"]["reference"], made["recipient"][0]["reference"]) == (NURSE, DOCTOR)
    assert hub.shown(SYSTEM, "read", message) == before
    assert hub.hub.unread(f"CommunicationRequest/{made['id']}") == {DOCTOR}
    origin = next(each for each in hub.hub.stored("Provenance") if each["target"][0]["reference"].endswith(made["id"]))
    assert origin["entity"][0]["what"]["reference"] == f"{message}/_history/1"
    readers = {who for who in (CLIENT, NURSE, DOCTOR, DAUGHTER, OUTSIDER) if hub.sees(who, "Provenance", origin["id"])}
    assert readers == {CLIENT, NURSE, DOCTOR}, "who sees the message"
    again = json.loads(
        hub.operate(DOCTOR, f"CommunicationRequest/{made['id']}", "forward", recipient={"valueReference": {"reference": AIDE}}).body
    )
    assert [each["reference"] for each in again["basedOn"]] == [f"CommunicationRequest/{made['id']}", message]


def test_who_sees_the_plain_language_only_forwards_that(hub: LadderRoom) -> None:
    message = hub.hub.reply(NURSE, hub.hub.thread(DAUGHTER, [NETWORK]), payload=BOTH)
    made = json.loads(hub.operate(DAUGHTER, message, "forward", recipient={"valueReference": {"reference": DOCTOR}}).body)
    assert texts(made) == ["for lay readers", "for everybody"]


def test_a_message_goes_into_another_thread_of_the_same_client(hub: LadderRoom) -> None:
    message = hub.hub.reply(NURSE, hub.hub.thread(DAUGHTER, [NURSE]))
    other = hub.hub.thread(NURSE, [DOCTOR])
    made = json.loads(hub.operate(NURSE, message, "forward", thread={"valueReference": {"reference": other}}).body)
    assert (made["resourceType"], made["partOf"][0]["reference"]) == ("Communication", other)
    assert hub.hub.unread(other) == {DOCTOR}


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        ({}, "parameter-missing"),
        ({"recipient": "Practitioner/outsider"}, "recipient-outside"),
        ({"recipient": "CareTeam/pharmacy"}, "recipient-outside"),
        ({"recipient": "Organization/care"}, "parameter-value"),
        ({"recipient": DOCTOR, "thread": "CommunicationRequest/x"}, "parameter-missing"),
    ],
)
def test_where_a_message_may_not_go(hub: LadderRoom, given: dict[str, str], detail: str) -> None:
    message = hub.hub.reply(NURSE, hub.hub.thread(DAUGHTER, [NURSE]))
    with pytest.raises(FhirError) as refused:
        hub.operate(NURSE, message, "forward", **{name: {"valueReference": {"reference": each}} for name, each in given.items()})
    assert refused.value.issues[0].detail == detail


def test_a_message_taken_back_or_not_seen_is_not_forwarded(hub: LadderRoom) -> None:
    message = hub.hub.reply(NURSE, hub.hub.thread(DAUGHTER, [NURSE]))
    to = {"valueReference": {"reference": DOCTOR}}
    with pytest.raises(Forbidden):
        hub.operate("Practitioner/outsider", message, "forward", recipient=to)
    hub.hub.write(NURSE, hub.shown(NURSE, "read", message) | {"status": "entered-in-error"})
    with pytest.raises(FhirError) as refused:
        hub.operate(NURSE, message, "forward", recipient=to)
    assert refused.value.issues[0].detail == "message-retracted"


def test_whom_the_client_lets_see_no_messages_is_sent_none(hub: LadderRoom) -> None:
    """The client's choice stays in charge: this comes last."""
    message = hub.hub.reply(NURSE, hub.hub.thread(DAUGHTER, [NURSE]))
    permit = provision("permit", NURSE, DOCTOR, purposes=["TREAT"], categories=["message"])
    hub.hub.write(SYSTEM, consent(permit, "some", patient=ref(CLIENT), performer=[ref(CLIENT)]))
    threads = len(hub.hub.stored("CommunicationRequest"))
    with pytest.raises(Forbidden) as refused:
        hub.operate(NURSE, message, "forward", recipient={"valueReference": {"reference": AIDE}})
    assert refused.value.issues[0].detail == "recipient-not-permitted"
    assert len(hub.hub.stored("CommunicationRequest")) == threads
    assert hub.operate(NURSE, message, "forward", recipient={"valueReference": {"reference": DOCTOR}}).status == 200


def test_who_may_see_a_message_and_not_disclose_it_does_not_forward_it(hub: LadderRoom) -> None:
    """A choice that names no action lets people do both; the choices of other tests are withdrawn by it."""
    to = {"recipient": {"valueReference": {"reference": DOCTOR}}}

    def choose(*actions: str, **more: Any) -> None:
        everybody = (NURSE, DOCTOR, DAUGHTER)
        permit = provision("permit", *everybody, purposes=["TREAT", "PATRQT"], categories=["message"], actions=actions, **more)
        hub.hub.write(SYSTEM, consent(permit, "some", patient=ref(CLIENT), performer=[ref(CLIENT)]))

    def refused(who: str, what: str) -> str | None:
        with pytest.raises(Forbidden) as found:
            hub.operate(who, what, "forward", **to)
        return found.value.issues[0].detail

    choose("access")
    thread = hub.hub.thread(DAUGHTER, [NURSE, CLIENT])
    message, secret = hub.hub.reply(NURSE, thread), hub.hub.reply(NURSE, thread)
    threads = len(hub.hub.stored("CommunicationRequest"))
    assert hub.shown(NURSE, "read", message)["id"] == message.partition("/")[2]
    assert refused(NURSE, message) == refused(NURSE, thread) == "disclosure-not-permitted"
    assert refused("Practitioner/outsider", message) == "not-permitted", "nothing about a message that they do not see"
    assert len(hub.hub.stored("CommunicationRequest")) == threads
    assert hub.operate(CLIENT, message, "forward", **to).status == 200, "the client passes on what is their own"

    choose("access", "disclose")
    assert hub.operate(NURSE, message, "forward", **to).status == 200
    choose(exceptions=[provision("deny", NURSE, actions=["disclose"], data=[("instance", secret)])])
    assert refused(NURSE, secret) == "disclosure-not-permitted"
    assert hub.shown(NURSE, "read", secret)["id"] == secret.partition("/")[2]
    assert hub.operate(NURSE, message, "forward", **to).status == 200
