"""A message takes the attachments that it names, in the transaction that stores it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fhir_server.errors import Issue, Unprocessable
from fhir_server.interactions.attachments import FOLDER
from fhir_server.interactions.call import Call
from fhir_server.interactions.stored_signs import may_hide
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.attachment import MESSAGES, attached
from fhir_server.network.message_thread import threads_of
from fhir_server.storage.attachments.store import Attachment, Claim
from fhir_server.storage.repository import Change

_FOLDER: Final = f"{FOLDER}/".encode()
_REFUSED: Final = (
    "This attachment is not here any more, is not yours, was sent to a team of another dossier, or belongs to another message."
    " Send the file again, and name its new address."
)

_TWICE: Final = (
    "Another message of this transaction names this attachment too, and a file belongs to one message. Send the file once for each"
    " message, and name the address of its own in each."
)


async def claimed(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, each with the attachments that belong to it from then on.

    An attachment can be taken by a message of who sent the file, or of `system`, in the dossier of the team to which it was sent;
    by one message only, also of the same commit, or by one in the thread for which it was sent. Raises Unprocessable for any other.
    """
    taken: dict[str, str] = {}
    return [await _claimed(call, each, taken) if _may_name(each) else each for each in changes]


def _may_name(change: Change) -> bool:
    return change.type in MESSAGES and change.indexed is not None and (_FOLDER in change.body or may_hide(change.body))


async def _claimed(call: Call, change: Change, taken: dict[str, str]) -> Change:
    """``taken`` is by which message of the commit each attachment is taken (its id), as far as is known."""
    message = read(change.body, OWN).resource
    before = ("", *threads_of(message, call.services.base))
    store = call.services.repository.attachments()
    claims: dict[str, Claim] = {}
    refused = []
    for place, id_ in attached(message, call.services.base):
        found = await store.find(id_) if id_ else None
        if found is not None and found.claimed == change.reference:
            continue
        if taken.get(id_, change.reference) != change.reference:
            refused.append(Issue("duplicate", _TWICE, place, detail="attachment-twice"))
            continue
        if found is None or found.claimed not in before or not _may(call, found, change):
            if call.loading:
                continue  # what was elsewhere before may well have its files there
            refused.append(Issue("not-found", _REFUSED, place, detail="attachment-unknown"))
        else:
            assert change.indexed is not None
            claims[id_] = Claim(id_, found.claimed, change.reference, change.indexed.dossier)
            taken[id_] = change.reference
    if refused:
        error = Unprocessable("attachments that cannot be taken", issues=refused)
        error.about = change.reference
        raise error
    return replace(change, claims=tuple(claims.values())) if claims else change


def _may(call: Call, found: Attachment, change: Change) -> bool:
    assert change.indexed is not None
    mine = call.actor.role == "system" or found.role == "system" or found.uploader in call.actor.people
    lasting = bool(found.claimed) or found.expires > call.now
    return mine and lasting and (found.dossier == change.indexed.dossier or found.dossier.startswith("CareTeam/"))
