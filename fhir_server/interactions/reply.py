"""A reply belongs to the dossier of the thread that it is part of, whether or not it names the client itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import OUTSIDE, Call
from fhir_server.model.json import own
from fhir_server.network.message_thread import threads_of
from fhir_server.search.extract import extract
from fhir_server.storage.repository import Change

_READING: Final = parse_scopes("user/*.r")  # the token's scopes say what an app may read, not what a person may answer
_PLACE: Final = "Communication.partOf"


async def placed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, in which every reply is in the dossier of its thread, which may be among them itself.

    Raises Forbidden for a thread that the caller may not see, whether or not there is one, Unprocessable for a reply to threads of
    several clients, or to that of another client than its own.
    """
    return [await _placed(call, each, changes) if each.type == "Communication" else each for each in changes]


async def _placed(call: Call, change: Change, changes: Sequence[Change]) -> Change:
    if change.indexed is None:
        return change
    threads = threads_of(own(change.body), call.services.base)
    if not threads:
        return change
    found = {dossier for each in threads if (dossier := await _dossier(call, each, changes))}
    if len(found | ({change.indexed.dossier} - {""})) > 1:
        text = "This message is about another client than its thread. A message belongs to one client's dossier."
        raise Unprocessable(text, expression=_PLACE, detail="thread-of-another")
    return replace(change, indexed=replace(change.indexed, dossier=found.pop())) if found else change


async def _dossier(call: Call, thread: str, changes: Sequence[Change]) -> str:
    """Return the dossier of ``thread``, "" when it is in none or not there at all; raises Forbidden."""
    for change in changes:
        if change.reference == thread:
            return change.indexed.dossier if change.indexed else ""
    services, person = call.services, replace(call.actor, scopes=_READING)
    grants = services.gate.permitted(person, "read", ["CommunicationRequest"])
    stored = await services.repository.fetch(grants, [thread])
    if stored:
        entry = services.catalog.types["CommunicationRequest"]
        return extract(own(stored[0].body), entry, services.base).dossier
    if call.actor.role == "system":
        return ""  # ``integrity`` says whether it must be there
    raise Forbidden(OUTSIDE)


def is_reply(change: Change) -> bool:
    """Tell whether ``change`` stores a message in a thread, whose circle it is then in."""
    return change.type == "Communication" and change.circle.of not in {"", change.reference}


async def dossier_of(call: Call, message: Mapping[str, Any]) -> str:
    """Return the dossier of a stored ``message`` that the caller sees, "" when it is in none."""
    own = extract(message, call.services.catalog.types["Communication"], call.services.base).dossier
    found = [await _dossier(call, each, ()) for each in threads_of(message, call.services.base) if not own]
    return next(filter(None, (own, *found)), "")
