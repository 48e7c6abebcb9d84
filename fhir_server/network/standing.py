"""Who a person is in the network at one moment: under which references, for which organisations, in which roles.

A relation that is over gives nothing any more (https://hl7.org/fhir/R4/practitionerrole.html, relatedperson.html: ``active``,
``period``), and a person who has none left is not let in at all.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.model import reference
from fhir_server.network.network_roles import network_roles
from fhir_server.network.period import lasting

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """``people`` are all references of the person that count now; none: the person has left.

    ``organisations`` ("Organization/id") are those that the person works for, ``left`` those that the person worked for once.
    ``functions`` are the codes of the person's roles ("system|code"), ``addresses`` the identifiers ("system|value") by which the
    person can be invited.
    """

    people: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def of_practitioner(practitioner: str, resource: Resource | None, roles: Sequence[Resource], at: int, base: str = "") -> Standing:
    """Return the standing of a Practitioner ("Practitioner/id") with all their PractitionerRoles, at the instant ``at``.

    ``resource`` is the Practitioner, None when it is not kept here. Whoever has had roles, and has none left, has left.
    """
    now = [role for role in roles if _holds(role, at)]
    if (resource is not None and resource.get("active") is False) or (roles and not now):
        return Standing()
    return _in_roles((practitioner,), now, roles, base, addresses([resource or {}, *now]))


def of_role(role: Resource, practitioner: Resource | None, at: int, base: str = "") -> Standing:
    """Return the standing of who acts in one PractitionerRole only; ``practitioner`` is who that is, if it is known."""
    if not _holds(role, at) or (practitioner is not None and practitioner.get("active") is False):
        return Standing()
    person = practitioner_of(role, base)
    return _in_roles((person,) if person else (), [role], [role], base, addresses([practitioner or {}, role]))


def practitioner_of(role: Resource, base: str = "") -> str:
    """Return the Practitioner ("Practitioner/id") of a PractitionerRole, "" for none."""
    return _reference(role.get("practitioner"), base)


def of_relations(relations: Iterable[Resource], at: int) -> Standing:
    """Return the standing of a person who is each of these RelatedPersons."""
    now = [each for each in relations if _holds(each, at)]
    return Standing(tuple(f"RelatedPerson/{each['id']}" for each in now), addresses=addresses(now))


def addresses(resources: Iterable[Resource]) -> tuple[str, ...]:
    """Return the identifiers ("system|value") of people by which they can be invited, e-mail addresses included.

    Only ``system`` writes who people are, so that nobody is found by what they say of themselves.
    """
    known = network_roles()
    found: dict[str, None] = {}
    for each in resources:
        mails = [
            one.get("value", "") for one in each.get("telecom", ()) if one.get("system") == "email" and one.get("use") != "old"
        ]
        pairs = [*identifiers(each), *((known.email, mail) for mail in mails if mail)]
        found |= {address(system, value): None for system, value in pairs if system in known.identifiers}
    return tuple(found)


def address(system: str, value: str) -> str:
    """Return "system|value"; e-mail addresses that differ in capitals or blanks around them are one."""
    return f"{system}|{value.strip().lower() if system == network_roles().email else value.strip()}"


def identifiers(resource: Resource) -> tuple[tuple[str, str], ...]:
    """Return system and value of each Identifier by which the same person is known again: those with both, not ``old``."""
    return tuple(
        (each["system"], each["value"])
        for each in resource.get("identifier", ())
        if each.get("system") and each.get("value") and each.get("use") != "old"
    )


def _in_roles(
    person: tuple[str, ...], now: Sequence[Resource], ever: Sequence[Resource], base: str, known_by: tuple[str, ...]
) -> Standing:
    organisations = _organisations(now, base)
    return Standing(
        people=(*person, *(f"PractitionerRole/{role['id']}" for role in now)),
        organisations=organisations,
        left=tuple(each for each in _organisations(ever, base) if each not in organisations),
        functions=tuple(dict.fromkeys(code for role in now for concept in role.get("code", ()) for code in codes(concept))),
        addresses=known_by,
    )


def codes(concept: Resource) -> tuple[str, ...]:
    """Return the codes of a CodeableConcept, each as "system|code"."""
    return tuple(f"{coding.get('system', '')}|{coding['code']}" for coding in concept.get("coding", ()) if coding.get("code"))


def _organisations(roles: Iterable[Resource], base: str) -> tuple[str, ...]:
    found = (_reference(role.get("organization"), base) for role in roles)
    return tuple(dict.fromkeys(each for each in found if each))


def _holds(resource: Resource, at: int) -> bool:
    low, high = lasting(resource.get("period"))
    return resource.get("active") is not False and low <= at < high


def _reference(value: object, base: str) -> str:
    literal = value.get("reference") if isinstance(value, Mapping) else None
    found = reference.parse(literal, base) if isinstance(literal, str) else None
    return str(found) if found else ""
