"""An invitation to a client's network: a Task that waits for its invitee (https://hl7.org/fhir/R4/task.html).

Nothing of the dossier is open to the invitee before it is accepted; the Task itself tells who invites, and as what.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from fhir_server.access.actor import Actor
from fhir_server.access.invited import CODES, INVITATION, WAITING
from fhir_server.errors import Conflict, Unprocessable
from fhir_server.model.meta import instant
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.participation import reference
from fhir_server.network.period import lasting
from fhir_server.network.standing import address

Answered = Literal["completed", "rejected"]
ACCEPTED: Final = "completed"
DECLINED: Final = "rejected"
OVER: Final = "cancelled"
WITHDRAWN, EXPIRED, CONSENT = "withdrawn", "expired", "consent"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who is invited to what. ``owner`` ("Type/id") is the invitee where known, ``identifier`` else; ``expires`` an instant.

    ``requester`` is who invites, under the name ``display``; ``role`` is a CodeableConcept, ``categories`` are Codings.
    """

    id: str
    team: str
    client: str
    requester: str
    role: Mapping[str, Any]
    expires: str
    owner: str = ""
    identifier: Mapping[str, str] = field(default_factory=dict)
    display: str = ""
    organisation: str = ""
    period: Mapping[str, Any] = field(default_factory=dict)
    categories: tuple[Mapping[str, Any], ...] = ()
    message: str = ""


def task(invitation: Invitation, at: int) -> dict[str, Any]:
    """Return the Task of a new invitation, made at the moment ``at`` (microseconds)."""
    inputs = [
        _input("role", "valueCodeableConcept", invitation.role),
        *([_input("period", "valuePeriod", invitation.period)] if invitation.period else []),
        *([_input("on-behalf-of", "valueReference", reference(invitation.organisation))] if invitation.organisation else []),
        *(_input("category", "valueCoding", each) for each in invitation.categories),
    ]
    owner = {**(reference(invitation.owner) if invitation.owner else {})}
    if invitation.identifier:
        owner["identifier"] = dict(invitation.identifier)  # type: ignore[assignment]
    display = {"display": invitation.display} if invitation.display else {}
    return {
        "resourceType": "Task",
        "id": invitation.id,
        "status": WAITING,
        "intent": "proposal",
        "code": concept(INVITATION),
        **({"description": invitation.message} if invitation.message else {}),
        "focus": reference(invitation.team),
        "for": reference(invitation.client),
        "authoredOn": instant(at),
        "lastModified": instant(at),
        "requester": {**reference(invitation.requester), **display},
        "owner": owner,
        "restriction": {"period": {"end": invitation.expires}},
        "input": inputs,
    }


def is_invitation(resource: Mapping[str, Any]) -> bool:
    """Tell whether a Task invites somebody."""
    codings = listed(mapped(resource, "code"), "coding")
    return any((text(each, "system"), text(each, "code")) == (CODES, INVITATION) for each in codings)


def invitation_of(resource: Mapping[str, Any], base: str = "") -> Invitation:
    """Read the Task of an invitation."""
    owner = mapped(resource, "owner")
    return Invitation(
        id=text(resource, "id"),
        team=literal(mapped(resource, "focus"), base),
        client=literal(mapped(resource, "for"), base),
        requester=literal(mapped(resource, "requester"), base),
        role=next(iter(_inputs(resource, "role", "valueCodeableConcept")), {}),
        expires=text(mapped(mapped(resource, "restriction"), "period"), "end"),
        owner=literal(owner, base),
        identifier={name: text(mapped(owner, "identifier"), name) for name in ("system", "value") if "identifier" in owner},
        display=text(mapped(resource, "requester"), "display"),
        organisation=literal(next(iter(_inputs(resource, "on-behalf-of", "valueReference")), {}), base),
        period=next(iter(_inputs(resource, "period", "valuePeriod")), {}),
        categories=tuple(_inputs(resource, "category", "valueCoding")),
        message=text(resource, "description"),
    )


def is_for(invitation: Invitation, actor: Actor) -> bool:
    """Tell whether ``actor`` is who was invited: in person, by an identifier, or as somebody of the organisation."""
    known = (*actor.people, *actor.organisations)
    identifier = invitation.identifier
    return invitation.owner in known or (
        bool(identifier) and address(identifier["system"], identifier["value"]) in {*actor.addresses}
    )


def is_expired(resource: Mapping[str, Any], at: int) -> bool:
    """Tell whether an invitation can be accepted no longer at the moment ``at`` (microseconds)."""
    return lasting(mapped(resource, "restriction").get("period")).high <= at


def is_answered(resource: Mapping[str, Any], answer: Answered, people: Iterable[str], at: int, base: str = "") -> bool:
    """Tell whether one of ``people`` gave this very answer before; raises for an invitation that takes no answer any more.

    Conflict (invitation-answered) when it was answered otherwise, or by somebody else; Unprocessable (invitation-withdrawn,
    invitation-expired).
    """
    status = text(resource, "status")
    if status == WAITING:
        if is_expired(resource, at):
            raise _expired()
        return False
    if status == answer and literal(mapped(resource, "owner"), base) in {*people}:
        return True
    if status == OVER:
        codes = {text(each, "code") for each in listed(mapped(resource, "businessStatus"), "coding")}
        if EXPIRED in codes:
            raise _expired()
        raise Unprocessable("This invitation was withdrawn. Ask for a new one.", detail="invitation-withdrawn")
    raise Conflict("This invitation was answered already, by you or by a colleague.", detail="invitation-answered")


def answered(
    resource: Mapping[str, Any], answer: Answered, by: str, at: int, reason: str = "", consent: str = ""
) -> dict[str, Any]:
    """Return the Task after ``by`` ("Type/id") gave their ``answer``; ``consent`` ("Consent/id") is a choice that followed."""
    output = {"output": [_input(CONSENT, "valueReference", reference(consent))]} if consent else {}
    return {**_ended(resource, answer, at, reason), **output, "owner": reference(by)}


def over(resource: Mapping[str, Any], why: str, at: int, reason: str = "") -> dict[str, Any]:
    """Return a Task that nobody need answer any more; ``why`` is WITHDRAWN, EXPIRED, or another code of ours."""
    return {**_ended(resource, OVER, at, reason), "businessStatus": concept(why)}


def concept(code: str) -> dict[str, Any]:
    """Return a code of ours as a CodeableConcept."""
    return {"coding": [{"system": CODES, "code": code}]}


def _ended(resource: Mapping[str, Any], status: str, at: int, reason: str) -> dict[str, Any]:
    said = {"statusReason": {"text": reason}} if reason else {}
    return {**resource, "status": status, "lastModified": instant(at), **said}


def _input(code: str, name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": concept(code), name: dict(value)}


def _inputs(resource: Mapping[str, Any], code: str, name: str) -> Iterable[Mapping[str, Any]]:
    wanted = concept(code)["coding"][0]
    found = (each for each in listed(resource, "input") if wanted in listed(mapped(each, "type"), "coding"))
    return [mapped(each, name) for each in found]


def _expired() -> Unprocessable:
    return Unprocessable("This invitation has expired. Ask for a new one.", detail="invitation-expired")
