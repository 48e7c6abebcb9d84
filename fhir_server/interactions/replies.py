"""In which dossier a reply is stored, and whether the caller may add it: both say the conversation that it is part of."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import OUTSIDE, Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.circle import THREAD, thread_of
from fhir_server.search.extract import extract
from fhir_server.storage.repository import Change

_READING: Final = parse_scopes("user/*.r")


async def placed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, in which every reply lies in the dossier of its conversation.

    The conversation may be among ``changes`` itself. Raises Forbidden when the caller does not see it, whether or not there is one,
    and Unprocessable when the reply is about another client.
    """
    return [await _placed(call, each, changes) if is_reply(each) else each for each in changes]


def is_reply(change: Change) -> bool:
    """Tell whether ``change`` stores a message that is part of a conversation."""
    return change.type == "Communication" and change.indexed is not None and change.circle.of.startswith(f"{THREAD}/")


async def _placed(call: Call, change: Change, changes: Sequence[Change]) -> Change:
    assert change.indexed is not None
    dossier = await thread_dossier(call, change.circle.of, changes)
    if dossier is None:
        if call.actor.role == "system" and not call.actor.patient:
            return change  # there is none, and that is refused as every other dangling reference is
        raise Forbidden(OUTSIDE)
    if change.indexed.dossier not in {"", dossier}:
        text = "This is about another client than the conversation that it is part of. Leave the subject out, or correct it."
        raise Unprocessable(text, expression="Communication.subject", detail="subject-of-thread")
    return replace(change, indexed=replace(change.indexed, dossier=dossier))


async def thread_dossier(call: Call, thread: str, changes: Sequence[Change] = ()) -> str | None:
    """Return the dossier of ``thread`` ("CommunicationRequest/id"), "" when it is in none, None when the caller sees no such thing.

    The token's scopes play no part: they say what an app may read, not which conversations a person is in.
    """
    for each in changes:
        if each.reference == thread:
            return each.indexed.dossier if each.indexed is not None else None
    reader, id_ = replace(call.actor, scopes=_READING), thread.partition("/")[2]
    for grant in call.services.gate.permitted(reader, "read", [THREAD]):
        stored = await call.services.repository.read(grant, THREAD, id_)
        if stored is not None and stored.visible and not stored.deleted:
            return extract(_content(stored.body), call.services.catalog.types[THREAD], call.services.base).dossier
    return None


async def dossier_of(call: Call, message: dict[str, Any], changes: Sequence[Change] = ()) -> str:
    """Return the dossier of a stored ``message``, "" when it is in none."""
    own = extract(message, call.services.catalog.types["Communication"], call.services.base).dossier
    thread = thread_of(message, call.services.base)
    return own or (thread and await thread_dossier(call, thread, changes)) or ""


def _content(body: bytes) -> dict[str, Any]:
    return read(body, OWN).resource
