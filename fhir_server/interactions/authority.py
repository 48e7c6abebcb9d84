"""Whether the caller may say what a resource says: in whose name, to whom, and with which labels. ``system`` may say everything."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.interactions.integrity import is_of_nobody
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.authority import claims_origin, claims_state, lowers, recipients, speaks_for_others
from fhir_server.network.conversation import closes
from fhir_server.network.message_thread import RETRACTED
from fhir_server.storage.repository import Change

_READING: Final = parse_scopes("user/*.r")


def require_own_words(call: Call, resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    """Raise Forbidden when ``resource`` speaks for others or loses a label of ``before``, Unprocessable for a tag of the hub."""
    if claims_origin(resource):
        text = "This tag is the server's own: it says where a resource comes from. Leave it out."
        raise Unprocessable(text, expression=f"{call.type}.meta.tag", detail="tag-of-server")
    if claims_state(resource, before) and not call.loading:
        text = "What was found of a signal is told by Task/$verify, and stays as it is in the tags. Leave it out of what is new."
        raise Unprocessable(text, expression=f"{call.type}.meta.tag", detail="tag-of-server")
    if call.actor.role == "system":
        return
    if before is not None and lowers(before, resource):
        text = "A security label of the stored version is missing. Keep it, or give a higher confidentiality."
        raise Forbidden(text, expression=f"{call.type}.meta.security", detail="label-lowered")
    _require_closing(call, resource, before)
    _require_taking_back(call, resource, before)
    if before is not None:  # of what speaks in a name nobody else changes more than the status
        return
    own = (*call.actor.people, *call.actor.teams)
    if place := speaks_for_others(resource, own, call.services.base):
        raise Forbidden("This names somebody else than you as who acts. Write in your own name.", expression=place)


def _require_closing(call: Call, resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    if call.type != "CommunicationRequest" or (before is None and call.interaction == "create"):
        return
    if before is None:
        raise Forbidden("A conversation begins with POST CommunicationRequest.", detail="conversation-update")
    states = call.services.ozo.close
    if not closes(resource, before, states):
        text = f"Who asked for a conversation may set its status to {' or '.join(sorted(states))}, and change nothing else."
        raise Forbidden(text, expression=call.type, detail="conversation-update")


def _require_taking_back(call: Call, resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    if call.type != "Communication" or (before is None and call.interaction == "create"):
        return
    if before is None or not closes(resource, before, {RETRACTED}):
        text = f"Who sent a message may set its status to {RETRACTED}, and change nothing else. Post a new message instead."
        raise Forbidden(text, expression=call.type, detail="message-update")


async def require_recipients(call: Call, changes: Sequence[Change]) -> None:
    """Raise Forbidden when a new message is to somebody with whom the caller shares no network, or to nobody known here."""
    if call.actor.role == "system":
        return
    for change in changes:
        if change.expected == 0 and change.type in {"Communication", "CommunicationRequest"}:
            found = dict(recipients(read(change.body, OWN).resource, call.services.base))
            known = await _known(call, [each for each in found.values() if each])
            for place, each in found.items():
                if each and each not in known:
                    raise Forbidden(
                        "This recipient takes part in no network of yours.", expression=place, detail="recipient-outside"
                    )


async def _known(call: Call, references: Sequence[str]) -> set[str]:
    services, person = call.services, replace(call.actor, scopes=_READING)
    types = dict.fromkeys(each.partition("/")[0] for each in references)
    grants = services.gate.permitted(person, "read", types)
    seen = {f"{each.type}/{each.id}" for each in await services.repository.fetch(grants, references)}
    grant = services.gate.locating("CareTeam")
    teams = await services.repository.fetch([grant], [each for each in references if each not in seen])
    return seen | {f"CareTeam/{each.id}" for each in teams if is_of_nobody(each)}
