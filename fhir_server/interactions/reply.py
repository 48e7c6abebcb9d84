"""A reply belongs to the dossier of the thread that it is part of, whether or not it names the client itself.

It is told in confidence where its thread is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import OUTSIDE, Call
from fhir_server.model.body import OWN
from fhir_server.model.json import own, read, rewritten
from fhir_server.network.confidence import Label, confided, confidence
from fhir_server.network.message_thread import threads_of
from fhir_server.search.extract import extract
from fhir_server.storage.repository import Change

_READING: Final = parse_scopes("user/*.r")  # the token's scopes say what an app may read, not what a person may answer
_PLACE: Final = "Communication.partOf"


class _Thread(NamedTuple):
    """The dossier of a thread, "" for none, and the labels by which it is told in confidence."""

    dossier: str = ""
    confidence: tuple[Label, ...] = ()


async def placed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, in which every reply is in the dossier of its thread, which may be among them itself.

    What was told in confidence is answered in confidence, also when the reply does not say so; what is loaded stays as it was.

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
    known = [await _thread(call, each, changes) for each in threads]
    found = {each.dossier for each in known if each.dossier}
    if len(found | ({change.indexed.dossier} - {""})) > 1:
        text = "This message is about another client than its thread. A message belongs to one client's dossier."
        raise Unprocessable(text, expression=_PLACE, detail="thread-of-another")
    change = _confided(call, change, [label for each in known for label in each.confidence])
    assert change.indexed is not None
    return replace(change, indexed=replace(change.indexed, dossier=found.pop())) if found else change


def _confided(call: Call, change: Change, labels: Sequence[Label]) -> Change:
    if not labels or call.loading:
        return change
    document = read(change.body, OWN)
    made = confided(document.resource, labels)
    if made is document.resource:
        return change
    indexed = extract(made, call.services.catalog.indexing(change.type), call.services.base)
    return replace(change, body=rewritten(document, made), indexed=indexed)


async def _thread(call: Call, thread: str, changes: Sequence[Change]) -> _Thread:
    """Return what is known of ``thread``, nothing when it is not there at all; raises Forbidden."""
    for change in changes:
        if change.reference == thread:
            return _Thread(change.indexed.dossier, confidence(own(change.body))) if change.indexed else _Thread()
    services, person = call.services, replace(call.actor, scopes=_READING)
    grants = services.gate.permitted(person, "read", ["CommunicationRequest"])
    stored = await services.repository.fetch(grants, [thread])
    if stored:
        entry = services.catalog.types["CommunicationRequest"]
        request = own(stored[0].body)
        return _Thread(extract(request, entry, services.base).dossier, confidence(request))
    if call.actor.role == "system":
        return _Thread()  # ``integrity`` says whether it must be there
    raise Forbidden(OUTSIDE)


def is_reply(change: Change) -> bool:
    """Tell whether ``change`` stores a message in a thread, whose circle it is then in."""
    return change.type == "Communication" and change.circle.of not in {"", change.reference}


async def dossier_of(call: Call, message: Mapping[str, Any]) -> str:
    """Return the dossier of a stored ``message`` that the caller sees, "" when it is in none."""
    own = extract(message, call.services.catalog.types["Communication"], call.services.base).dossier
    found = [(await _thread(call, each, ())).dossier for each in threads_of(message, call.services.base) if not own]
    return next(filter(None, (own, *found)), "")
