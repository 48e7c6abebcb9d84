"""Messages on their way out: each reader sees what is for them, and of a message that was taken back nothing that it said."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.stored_signs import may_hide
from fhir_server.model.body import OWN
from fhir_server.model.json import Document, read, rewritten, write
from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.plain_language import (
    AUDIENCE,
    MESSAGES,
    Resource,
    for_lay_people,
    is_taken_back,
    messages_in,
    restored,
    taken_back,
    with_messages,
)
from fhir_server.storage.repository import Stored

_OF_MESSAGES: Final = tuple(f'"{each}"'.encode() for each in MESSAGES)
_PART: Final = b"SUBSETTED"
_SIGNS: Final = (AUDIENCE.encode(), b"entered-in-error", _PART)
_OLD: Final = frozenset({"vread", "history-instance", "history-type", "history-system", "batch", "transaction"})
"""What can answer with a version that is not the current one."""


async def answered(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` as the caller may see it."""
    if not answer.body or answer.media:
        return answer
    body = await shown(call, answer.body)
    return answer if body is answer.body else replace(answer, body=body)


async def shown(call: Call, body: bytes) -> bytes:
    """Return ``body``, a resource or a Bundle of them, as the caller may see it."""
    if call.actor.role == "system" or not (_has_messages if call.interaction in _OLD else may_differ)(body):
        return body
    document = read(body, OWN)
    messages = messages_in(document.resource)
    back = await _taken_back(call, messages) if messages else set()

    def show(message: Resource) -> Resource:
        if is_taken_back(message) or _reference(message) in back:
            return taken_back(message)
        return message if _sees_all(call, message) else for_lay_people(message)

    made = with_messages(document.resource, show)
    return body if made is document.resource else rewritten(document, made)


def kept(call: Call, document: Document, stored: Stored) -> Document:
    """Return ``document``, the next version of ``stored``, with the payloads that the caller did not see."""
    if document.resource.get("resourceType") not in MESSAGES or "payload" not in document.resource:
        return document
    before = read(stored.body, OWN).resource
    if _sees_all(call, before):
        return document
    payload = restored(document.resource["payload"], listed(before, "payload"))
    if payload is document.resource["payload"]:
        return document
    members = {**document.members, "payload": write(payload).decode()}
    return Document({**document.resource, "payload": payload}, members)


def is_professional(actor: Actor) -> bool:
    """Tell whether ``actor`` sees what is written for professionals."""
    return actor.role in {"system", "practitioner"}


def _sees_all(call: Call, message: Resource) -> bool:
    own = (literal(mapped(message, name), call.services.base) for name in ("sender", "requester"))
    return is_professional(call.actor) or any(each in call.actor.people for each in own)


def may_differ(body: bytes) -> bool:
    """Tell whether somebody may see a message in ``body``, of which there are current versions only, otherwise than it is."""
    return may_hide(body) or (any(sign in body for sign in _SIGNS) and any(each in body for each in _OF_MESSAGES))


def _has_messages(body: bytes) -> bool:
    return may_hide(body) or any(each in body for each in _OF_MESSAGES)


async def _taken_back(call: Call, messages: Iterable[Resource]) -> Collection[str]:
    """Return which of ``messages`` ("Type/id"), of which older versions may be shown, were taken back since."""
    if call.interaction not in _OLD:
        return ()
    wanted = list(dict.fromkeys(_reference(each) for each in messages if "id" in each))
    gate = call.services.gate
    grants = [gate.locating(each) for each in dict.fromkeys(each.partition("/")[0] for each in wanted)]
    found = await call.services.repository.fetch(grants, wanted) if wanted else []
    return {f"{each.type}/{each.id}" for each in found if is_taken_back(read(each.body, OWN).resource)}


def _reference(message: Resource) -> str:
    return f"{message.get('resourceType')}/{message.get('id')}"
