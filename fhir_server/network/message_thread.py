"""A thread of messages: a CommunicationRequest, its first message, with the Communications that are part of it.

https://hl7.org/fhir/R4/communicationrequest.html, https://hl7.org/fhir/R4/communication.html
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.model import reference
from fhir_server.network.confidence import Label, confidence
from fhir_server.network.json_parts import listed, mapped, text

SENDER_TEAM: Final = "http://ozoverbindzorg.nl/fhir/StructureDefinition/ozo-sender-careteam"
"""The extension that names the team in whose name the thread was begun, to which replies go."""
CLOSED: Final = frozenset({"completed", "revoked", "entered-in-error"})
"""The statuses of a thread to which nobody replies any more."""
RETRACTED: Final = "entered-in-error"
_THREAD = "CommunicationRequest"


@dataclass(frozen=True, slots=True)
class MessageThread:
    """What a CommunicationRequest says as a thread; all references are "Type/id", "" for none.

    ``confidence`` are the labels by which it is told in confidence.
    """

    reference: str
    status: str
    subject: str
    requester: str
    recipients: tuple[str, ...]
    sender_team: str
    confidence: tuple[Label, ...] = ()

    @property
    def closed(self) -> bool:
        """Whether nobody replies any more."""
        return self.status in CLOSED


def thread_of(request: Mapping[str, Any], base: str = "") -> MessageThread:
    """Read a CommunicationRequest; ``base`` is the server's own FHIR base."""
    return MessageThread(
        reference=f"{_THREAD}/{request['id']}",
        status=text(request, "status"),
        subject=literal(mapped(request, "subject"), base),
        requester=literal(mapped(request, "requester"), base),
        recipients=tuple(dict.fromkeys(_literals(request, "recipient", base))),
        sender_team=next(_sender_teams(request, base), ""),
        confidence=confidence(request),
    )


def threads_of(communication: Mapping[str, Any], base: str = "") -> tuple[str, ...]:
    """Return the threads ("CommunicationRequest/id") that a Communication is part of."""
    return tuple(dict.fromkeys(each for each in _literals(communication, "partOf", base) if each.startswith(f"{_THREAD}/")))


def literal(value: Mapping[str, Any], base: str = "") -> str:
    """Return the resource ("Type/id") that a Reference leads to, "" when that is none of this server's."""
    found = reference.parse(text(value, "reference"), base)
    return str(found) if found else ""


def _literals(resource: Mapping[str, Any], name: str, base: str) -> Iterator[str]:
    return filter(None, (literal(each, base) for each in listed(resource, name)))


def _sender_teams(request: Mapping[str, Any], base: str) -> Iterator[str]:
    found = (mapped(each, "valueReference") for each in listed(request, "extension") if each.get("url") == SENDER_TEAM)
    return filter(None, (literal(each, base) for each in found))
