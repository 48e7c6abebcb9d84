"""A question on its way into the store: brought to its first level, and kept where it stands when somebody changes it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.interactions.question_network import network_asked, who_could
from fhir_server.interactions.thread_store import ThreadStore
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.network import escalation
from fhir_server.network.circle import circle
from fhir_server.network.message_thread import CLOSED
from fhir_server.network.question import Question, asks, categories, is_question, new_question, question_of, reference, with_state
from fhir_server.search.extract import extract
from fhir_server.storage.repository import Change

_THREAD: Final = "CommunicationRequest"
_KEPT: Final = ("recipient", "category", "requester", "subject", "priority")
Resource = dict[str, Any]


async def placed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, in which every new question is at its level, and every other one where it was.

    Who asks names the team of the client; the hub names the people of the level instead. Raises Unprocessable when nobody in the
    network could answer, or when it has no team.
    """
    return [await _placed(call, each, changes) if _is_of_interest(call, each) else each for each in changes]


def _is_of_interest(call: Call, change: Change) -> bool:
    return change.type == _THREAD and change.indexed is not None and not call.loading


async def _placed(call: Call, change: Change, changes: Sequence[Change]) -> Change:
    resource = read(change.body, OWN).resource
    before = await ThreadStore(call, ()).before(change.reference) if change.expected else None
    if before is not None and is_question(before):
        return _with(call, change, _kept(call, resource, before))
    if before is None and asks(resource):
        return _with(call, change, await _asked(call, resource, changes))
    return _with(call, change, _plain(resource)) if is_question(resource) else change


async def _asked(call: Call, resource: Resource, changes: Sequence[Change]) -> Resource:
    network = await network_asked(call, ThreadStore(call, changes), resource)
    if network is None:
        text = "This client has no network here to which the question can go. Name the team of the client as its recipient."
        raise Unprocessable(text, expression=f"{_THREAD}.recipient", detail="question-without-network")
    question = new_question(resource, network.reference, network.ladder.canonical, call.services.base)
    asker = call.actor.people if question.asker in call.actor.people else (question.asker,)
    there = await who_could(call, network, question.patient, asker)
    begun = escalation.begun(question, network.ladder, there, call.now)
    if begun is None:
        text = "Nobody in this network is at a level of its ladder: their roles (CareTeam.participant.role) say who is."
        raise Unprocessable(text, expression=f"{_THREAD}.recipient", detail="question-without-level")
    people = escalation.reached(begun, network.ladder, network.careteam, call.now, call.services.base)
    return standing(resource, begun, people)


def standing(resource: Mapping[str, Any], question: Question, people: Sequence[str]) -> Resource:
    """Return the CommunicationRequest of ``question`` with where it stands, and whom it reached (``people``) as its recipients."""
    recipients = [reference(each) for each in people]
    return {
        **resource,
        "category": categories(resource, question),
        "recipient": recipients,
        "extension": with_state(resource, question),
    }


def _kept(call: Call, resource: Resource, before: Resource) -> Resource:
    question = question_of(before, call.services.base)
    if resource.get("status") in CLOSED and question.state == "open":
        question = escalation.withdrawn(question, call.now, call.actor.reference)
    kept: Resource = {name: before[name] for name in _KEPT if name in before}
    others = {name: value for name, value in resource.items() if name not in _KEPT}
    return {**others, **kept, "extension": with_state(resource, question)}


def _plain(resource: Resource) -> Resource:
    extensions = with_state(resource, None)
    rest = {name: value for name, value in resource.items() if name != "extension"}
    return {**rest, "extension": extensions} if extensions else rest


def _with(call: Call, change: Change, resource: Resource) -> Change:
    """Return ``change`` with the content of ``resource``; what is as it was keeps its text."""
    document = read(change.body, OWN)
    members = {
        name: document.members[name] if name in document.members and value == document.resource[name] else write(value).decode()
        for name, value in resource.items()
    }
    body = ("{" + ",".join(f"{write(name).decode()}:{text}" for name, text in members.items()) + "}").encode()
    entry = call.services.catalog.indexing(change.type)
    base = call.services.base
    return replace(change, body=body, indexed=extract(resource, entry, base), circle=circle(resource, base))
