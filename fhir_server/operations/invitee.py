"""Whom an invitation is for: somebody who is known here, or an identifier that somebody will have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import network_roles
from fhir_server.network.standing import address
from fhir_server.operations.asked_parameters import Asked
from fhir_server.operations.directed import found

_TYPES: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Organization"})
_PLACE: Final = "Parameters.parameter.where(name='who')"


@dataclass(frozen=True, slots=True)
class Invitee:
    """``reference`` ("Type/id") is that of who is known, ``identifier`` (system, value) that of who need not be.

    ``organisation`` ("Organization/id") is the one that goes without saying, "" for none.
    """

    reference: str = ""
    identifier: Mapping[str, str] = field(default_factory=dict)
    organisation: str = ""


async def invitee(call: Call, given: Asked, client: str) -> Invitee:
    """Return who is meant by ``who``; raises BadRequest, and Unprocessable (invitee-unknown) for nobody whom one can invite.

    An identifier is not looked up: whether somebody here has it is nothing to be learned by inviting.
    """
    kinds = {kind for kind, _ in given.all("who")}
    value = given.one("who", "Reference", "Identifier", "ContactPoint", "String")
    if value is None:
        raise BadRequest("Say whom: the parameter 'who' is missing.", expression=_PLACE, detail="parameter-missing")
    if kinds == {"Reference"} and "reference" in value:
        return await _known(call, given.reference("who"), client)
    if kinds == {"Reference"}:
        value = mapped(value, "identifier")
    elif kinds == {"String"}:
        value = {"system": network_roles().email, "value": value}
    elif kinds == {"ContactPoint"}:
        value = {"system": network_roles().email if text(value, "system") == "email" else "", "value": text(value, "value")}
    return Invitee(identifier=_identifier(value))


def _identifier(value: Mapping[str, Any]) -> dict[str, str]:
    roles = network_roles()
    system, _, number = address(text(value, "system"), text(value, "value")).partition("|")
    local, at, domain = number.partition("@")
    is_mail = bool(local and at and domain) and not any(each.isspace() for each in number)
    if system not in roles.identifiers or not number or (system == roles.email and not is_mail):
        text_ = f"Invite somebody by reference, by e-mail address, or by an identifier of {', '.join(sorted(roles.identifiers))}."
        raise Unprocessable(text_, expression=_PLACE, detail="invitee-identifier")
    return {"system": system, "value": number}


async def _known(call: Call, reference: str, client: str) -> Invitee:
    base = call.services.base
    known = (await found(call, [reference])).get(reference) if reference.partition("/")[0] in _TYPES else None
    resource = known.resource if known else {}
    if not resource or resource.get("active") is False or not _may_be(resource, client, base):
        text_ = (
            "There is nobody by this reference whom you can invite. Invite by e-mail address or number whom you do not know here."
        )
        raise Unprocessable(text_, expression=_PLACE, detail="invitee-unknown")
    through = {"Organization": reference, "PractitionerRole": literal(mapped(resource, "organization"), base)}
    return Invitee(reference, organisation=through.get(reference.partition("/")[0], ""))


def _may_be(resource: Mapping[str, Any], client: str, base: str) -> bool:
    """Tell whether a known person or organisation can be invited: a RelatedPerson by the own client only."""
    return resource["resourceType"] != "RelatedPerson" or literal(mapped(resource, "patient"), base) == client
