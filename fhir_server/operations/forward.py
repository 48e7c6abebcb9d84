"""``Communication/{id}/$forward``, also of a CommunicationRequest (the first message of a thread): a message to somebody else.

Parameters: ``recipient`` (somebody of the client's network, or a team; may come several times) or ``thread`` (a conversation of the
same client), and ``comment`` (text).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.errors import BadRequest, Forbidden, Unprocessable
from fhir_server.interactions import messages
from fhir_server.interactions.able_to_see import able_to_see
from fhir_server.interactions.anew import anew
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.hub_change import origin_change
from fhir_server.interactions.read import existing
from fhir_server.interactions.thread_store import ThreadStore
from fhir_server.interactions.write import change, checked, location
from fhir_server.model import reference
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.model.meta import version_headers
from fhir_server.network import forwarding
from fhir_server.network.audience import people
from fhir_server.network.json_parts import mapped
from fhir_server.network.message_thread import literal, thread_of, threads_of
from fhir_server.network.plain_language import is_taken_back
from fhir_server.network.question import reference as referring
from fhir_server.operations.asked_parameters import Asked, asked
from fhir_server.operations.committed import commit
from fhir_server.search.tree import MemberOf
from fhir_server.storage.repository import Stored

_THREAD: Final = "CommunicationRequest"
_RECIPIENTS: Final = frozenset({"Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "CareTeam"})
Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Original:
    """A message as the caller sees it, and the client ("Patient/id") whom it is about."""

    stored: Stored
    resource: Resource
    patient: str


async def forward(call: Call) -> Answer:
    """Store the message anew for others, who must be able to see a message of this client now; 200 with what was stored.

    Raises NotFound, Gone and Forbidden for a message that the caller may not read, Unprocessable (message-retracted) for one that
    was taken back, Forbidden (disclosure-not-permitted) for one that the caller may not pass on, Forbidden (recipient-outside,
    recipient-not-permitted) and Unprocessable (thread-of-another, thread-closed) for where it may not go.
    """
    call.services.gate.operating(call.actor, f"{call.type}/{call.interaction}")
    given = asked(call)

    async def forwarded() -> Answer:
        original = await _original(call)
        return await _stored(call, original, await _made(call, original, given))

    return await anew(forwarded, "Others are writing in this dossier at the same moment. Try again.")


async def _original(call: Call) -> _Original:
    services = call.services
    grant = services.gate.grant(call.actor, "read", call.type)
    stored = existing(call, await services.repository.read(grant, call.type, call.id))
    whole = read(stored.body, OWN).resource
    if is_taken_back(whole):
        raise Unprocessable("This message was taken back: nobody forwards it any more.", detail="message-retracted")
    await _require_disclosure(call)
    seen = read(await messages.shown(call, stored.body), OWN).resource
    patient = literal(mapped(whole, "subject"), services.base) or await _of_thread(call, whole)
    if not patient.startswith("Patient/"):
        raise Unprocessable("This message is about no client.", expression=f"{call.type}.subject", detail="message-without-client")
    return _Original(stored, seen, patient)


async def _require_disclosure(call: Call) -> None:
    """Raise Forbidden for a message that the client lets the caller see, and not pass on."""
    grant = call.services.gate.disclosing(call.actor, call.type)
    stored = await call.services.repository.read(grant, call.type, call.id)
    if stored is None or not stored.visible:
        text = "The client lets you see this message, and not pass it on to others."
        raise Forbidden(text, detail="disclosure-not-permitted")


async def _of_thread(call: Call, message: Resource) -> str:
    found = await ThreadStore(call, ()).after(threads_of(message, call.services.base))
    return next((thread_of(each, call.services.base).subject for each in found.values()), "")


async def _made(call: Call, original: _Original, given: Asked) -> Resource:
    """Return what is to be stored, without its id."""
    base, sender, comment = call.services.base, call.actor.reference, given.text("comment")
    recipients = _references(given, base)
    thread = given.reference("thread") or next((each for each in recipients if each.startswith(f"{_THREAD}/")), "")
    people_ = [each for each in recipients if each != thread]
    if bool(thread) == bool(people_):
        raise BadRequest("Say to whom: 'recipient' (one or more), or 'thread', and not both.", detail="parameter-missing")
    if thread:
        await _require_thread(call, thread, original.patient)
        made = forwarding.to_thread(original.resource, sender, thread, comment, call.now, base)
    else:
        await _require_recipients(call, people_, original.patient)
        made = forwarding.to_people(original.resource, sender, people_, comment, call.now, base)
    return {**made, "subject": referring(original.patient)}


def _references(given: Asked, base: str) -> list[str]:
    found = []
    for type_, value in given.all("recipient"):
        literal_ = value.get("reference") if type_ == "Reference" and isinstance(value, dict) else None
        parsed = reference.parse(literal_, base) if isinstance(literal_, str) else None
        if parsed is None or parsed.version or parsed.type not in {*_RECIPIENTS, _THREAD}:
            raise BadRequest("A recipient is a person, a team or a thread of this server.", detail="parameter-value")
        found.append(str(parsed))
    return list(dict.fromkeys(found))


async def _require_recipients(call: Call, recipients: Sequence[str], patient: str) -> None:
    repository = call.services.repository
    teams = await ThreadStore(call, ()).teams(recipients)
    for each in recipients:
        own = each in teams and literal(mapped(teams[each], "subject"), call.services.base) == patient
        if not own and each != patient and not await repository.is_member(MemberOf((each,), call.now), patient):
            raise Forbidden("This recipient does not take part in the network of this client.", detail="recipient-outside")
    await _require_sight(call, recipients, patient)


async def _require_thread(call: Call, reference_: str, patient: str) -> None:
    services, id_ = call.services, reference_.partition("/")[2]
    grant = services.gate.grant(call.actor, "read", _THREAD)
    target = replace(call, entry=services.catalog.types[_THREAD], id=id_)
    thread = thread_of(
        read(existing(target, await services.repository.read(grant, _THREAD, id_)).body, OWN).resource, services.base
    )
    if thread.subject != patient:
        raise Unprocessable("This thread is about another client than the message.", detail="thread-of-another")
    everybody = [*thread.recipients, thread.requester, thread.sender_team]
    teams = await ThreadStore(call, ()).teams(everybody)
    others = [each for each in people(filter(None, everybody), teams, call.now, services.base) if each not in call.actor.people]
    if others and not await able_to_see(call, patient, others):
        raise _not_permitted()


async def _require_sight(call: Call, recipients: Sequence[str], patient: str) -> None:
    able = await able_to_see(call, patient, recipients)
    if any(each not in able for each in recipients):
        raise _not_permitted()


def _not_permitted() -> Forbidden:
    return Forbidden("This recipient may not see messages of this client.", detail="recipient-not-permitted")


async def _stored(call: Call, original: _Original, made: Resource) -> Answer:
    services, type_, id_ = call.services, made["resourceType"], call.services.new_id()
    grant = services.gate.grant(call.actor, "create", type_)
    entry = services.catalog.types[type_]
    creating = replace(call, interaction="create", entry=entry, id=id_, body=write(made))
    message = change(creating, checked(creating), id_, None)
    version = original.stored.version
    source = f"{original.stored.type}/{original.stored.id}"
    origin = forwarding.provenance(
        services.new_id(), message.reference, original.patient, source, version, call.actor.reference, call.now
    )
    headers = (*version_headers(1, call.now), location(creating, id_, 1))
    answer = Answer(200, message.body, headers, original.stored.id, version, original.patient, call.now)
    await commit(call, [grant], [message, origin_change(services, origin, [message], call.now)], answer)
    return answer
