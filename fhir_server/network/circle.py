"""Among whom a conversation, a message, a task or an attachment is: its circle, as the resource says it.

https://hl7.org/fhir/R4/communicationrequest.html, communication.html, task.html
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from fhir_server.model import reference
from fhir_server.network.binary import context
from fhir_server.network.json_parts import listed
from fhir_server.network.message_thread import SENDER_TEAM, threads_of
from fhir_server.storage.circle import CONVERSATION, EVERYBODY, Circle

_THREAD: Final = "CommunicationRequest"
OPEN: Final = frozenset({"draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold"})
"""The states of a Task in which something is still to be done."""


def circle(resource: Mapping[str, Any], base: str = "") -> Circle:
    """Return among whom a resource is; nobody (but those who need no circle) for one that makes no circle and is in none.

    A conversation is among its recipients, requester, sender and the sender's team, a reply is in the circle of its conversation
    (of the first one that it names), and a message that is part of none is among its own recipients and sender. What names no
    recipient at all is for the whole network. What is about no Patient makes no circle.

    A Task is among its owner and requester; one that nobody owns is for the conversation that it is about, else for the network.
    The owner of an open Task that is about no conversation needs no place in the network: the work was given to that very person.
    An attachment is in the circle of its securityContext; that of a message is not known from the attachment alone.
    Where something comes from (Provenance) is told to those who see it: of Tasks and messages that is not known from the Provenance
    alone (``circle_of_origin``).

    ``base`` is the server's own FHIR base, below which absolute references are its own.
    """
    made = _CIRCLES.get(resource.get("resourceType", ""))
    return made(resource, base) if made else Circle()


def circle_of_context(context: Mapping[str, Any], base: str = "") -> str:
    """Return which resource ("Type/id") makes the circle of what has ``context`` as its securityContext, "" for none."""
    return _self(context) if context.get("resourceType") == "Task" else circle(context, base).of


def circle_of_origin(id_: str, about: Mapping[str, Circle]) -> Circle:
    """Return among whom the Provenance ``id_`` is that tells where ``about`` ("Type/id", with their circles) come from.

    Among those who stand in the one circle in which all of these are, or the whole network where none of them is in any. Nobody
    else sees all of it.
    """
    found = {_maker(target, made) for target, made in about.items()}
    if None in found or len(found - {""}) > 1:
        return Circle()
    makers = [each for each in found if each]
    return Circle(makers[0]) if makers else Circle(f"Provenance/{id_}", (EVERYBODY,))


def _maker(target: str, made: Circle) -> str | None:
    """Return which resource makes the circle in which ``target`` is, "" for the whole network, None where nobody can say."""
    type_ = target.partition("/")[0]
    if type_ in _CIRCLES:
        return made.of or (target if made.members else None)
    return "" if type_ in _OF_THE_NETWORK else None


def _of_origin(provenance: Mapping[str, Any], base: str) -> Circle:
    about = [each.partition("/_history/")[0] for each in _local(provenance.get("target"), base)]
    if len(about) < len(listed(provenance, "target")):
        return Circle()  # who sees what lies elsewhere, nobody can say
    threads = {each: Circle(each) if each.startswith(f"{_THREAD}/") else Circle() for each in about}
    return circle_of_origin(str(provenance.get("id")), threads)


def _of_thread(thread: Mapping[str, Any], base: str) -> Circle:
    return Circle(_self(thread), _addressed(thread, base, "recipient", "requester", "sender"))


def _of_message(message: Mapping[str, Any], base: str) -> Circle:
    if found := threads_of(message, base):
        return Circle(found[0])
    return Circle(_self(message), _addressed(message, base, "recipient", "sender"))


def _of_task(task: Mapping[str, Any], base: str) -> Circle:
    about = (*_local(task.get("basedOn"), base), *_local(task.get("focus"), base))
    thread = next((each for each in about if each.startswith(f"{_THREAD}/")), "")
    if not _of_patient(task, "for", base):
        return Circle(thread)
    owner = tuple(_local(task.get("owner"), base))
    anybody = (CONVERSATION if thread else EVERYBODY,) if "owner" not in task else ()
    members = _once(*owner, *_local(task.get("requester"), base), *anybody)
    return Circle(thread, members, () if thread or task.get("status") not in OPEN else owner)


def _of_attachment(binary: Mapping[str, Any], base: str) -> Circle:
    named = context(binary, base)
    if named is None or named.type == "Communication":
        return Circle()
    return Circle(str(named)) if named.type in _CIRCLES else Circle(_self(binary), (EVERYBODY,))


_CIRCLES: Final = {
    _THREAD: _of_thread,
    "Communication": _of_message,
    "Task": _of_task,
    "Binary": _of_attachment,
    "Provenance": _of_origin,
}
_OF_THE_NETWORK: Final = frozenset({"CareTeam", "Consent", "Patient", "RelatedPerson"})
"""What everybody in the network sees, whatever the client chose."""


def _addressed(resource: Mapping[str, Any], base: str, *elements: str) -> tuple[str, ...]:
    if not _of_patient(resource, "subject", base):
        # What is part of a conversation, or of none, may lack a subject; it is then placed before it is stored.
        return ()
    if not resource.get("recipient"):
        return (EVERYBODY,)
    teams = (each.get("valueReference") for each in resource.get("extension", ()) if each.get("url") == SENDER_TEAM)
    found = (each for name in elements for each in _local(resource.get(name), base))
    return _once(*found, *(each for team in teams for each in _local(team, base)))


def _of_patient(resource: Mapping[str, Any], element: str, base: str) -> bool:
    return any(each.startswith("Patient/") for each in _local(resource.get(element), base))


def _local(value: object, base: str) -> Iterator[str]:
    """Yield "Type/id" of each reference to this server in ``value``, an element that is a Reference or a list of them."""
    for each in value if isinstance(value, list) else [value]:
        literal = each.get("reference") if isinstance(each, Mapping) else None
        if isinstance(literal, str) and (found := _named(literal, base)):
            yield found


@lru_cache(maxsize=16384)
def _named(literal: str, base: str) -> str:
    found = reference.parse(literal, base)
    return str(found) if found else ""


def _once(*found: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(found))


def _self(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"
