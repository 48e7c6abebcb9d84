"""Who belongs to which dossier, as a CareTeam says it (https://hl7.org/fhir/R4/careteam.html)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhir_server.model import reference
from fhir_server.network.consent_names import names
from fhir_server.network.json_parts import listed, text
from fhir_server.network.period import lasting
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import Range
from fhir_server.storage.consent_rule import FUNCTION, in_function
from fhir_server.storage.repository import TEAMS, Membership

_MEMBERS = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Patient", "Organization", "CareTeam"})
_ALWAYS = Range(EARLIEST, LATEST)


def memberships(careteam: Mapping[str, Any], base: str = "") -> tuple[Membership, ...]:
    """Return the memberships that a version of a CareTeam gives; none unless its status is ``active``.

    The dossier is that of the subject, or the team itself when it is about no patient. Members are the subject, every
    ``participant.member``, and every ``participant.onBehalfOf``. An Organization opens nothing by being a member, since nobody acts
    as an Organization; it makes the organisation visible to the team. A member that is a CareTeam gives its own members nothing
    either: who follows teams in teams does so from the actor's side (``standing``), and finds the team under TEAMS.

    A membership lasts while the period of the participant and that of the team both do; dates count whole days in the Netherlands.
    Whoever has a coded role in the network of a patient is besides a member of the dossier of that role (``in_function``), where a
    choice of the client can name such a role as recipient.

    What overlaps is joined, so that a member has no two memberships that begin at the same instant. ``base`` is the server's own
    FHIR base, below which absolute references are its own.
    """
    dossier = dossier_of(careteam, base)
    if careteam.get("status") != "active" or not dossier:
        return ()
    team = lasting(careteam.get("period"))
    times: dict[tuple[str, str], list[Range]] = {}
    for member, through, own in _members(careteam, base):
        times.setdefault((member, through), []).append(Range(max(team.low, own.low), min(team.high, own.high)))
    found = [(*who, each) for who, ranges in times.items() for each in _joined(ranges)]
    if not dossier.startswith("Patient/"):
        return tuple(Membership(member, each, *during, through) for each in (dossier, TEAMS) for member, through, during in found)
    members = (Membership(member, dossier, *during, through) for member, through, during in found)
    return (*members, *_in_functions(careteam, dossier, base))


def dossier_of(careteam: Mapping[str, Any], base: str = "") -> str:
    """Return the dossier of a team: "Patient/id" of its subject, else "CareTeam/id"; "" for a team without id."""
    subject = _reference(careteam.get("subject"), base)
    if subject.startswith("Patient/"):
        return subject
    return f"CareTeam/{careteam['id']}" if careteam.get("id") else ""


def _members(careteam: Mapping[str, Any], base: str) -> Iterator[tuple[str, str, Range]]:
    subject = _reference(careteam.get("subject"), base)
    if subject.startswith("Patient/"):
        yield subject, "", _ALWAYS
    for participant in careteam.get("participant", ()):
        during = lasting(participant.get("period"))
        member, through = (_reference(participant.get(name), base) for name in ("member", "onBehalfOf"))
        if member:
            yield member, through, during
        if through:
            yield through, "", during


def _in_functions(careteam: Mapping[str, Any], dossier: str, base: str) -> Iterator[Membership]:
    team = lasting(careteam.get("period"))
    times: dict[tuple[str, str, str], list[Range]] = {}
    for participant in careteam.get("participant", ()):
        own = lasting(participant.get("period"))
        during = Range(max(team.low, own.low), min(team.high, own.high))
        member, through = (_reference(participant.get(name), base) for name in ("member", "onBehalfOf"))
        for each in functions(participant) if member and not member.startswith("Organization/") else ():
            times.setdefault((member, in_function(dossier, f"{FUNCTION}{each}"), through), []).append(during)
    for (member, within, through), ranges in times.items():
        yield from (Membership(member, within, *during, through) for during in _joined(ranges))


def functions(participant: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the roles of a participant ("system|code") that a choice can name as recipient."""
    codings = (coding for role in listed(participant, "role") for coding in listed(role, "coding"))
    pairs = ((text(each, "system"), text(each, "code")) for each in codings)
    return tuple(dict.fromkeys(f"{system}|{code}" for system, code in pairs if code and system in names().functions))


def _reference(value: object, base: str) -> str:
    literal = value.get("reference") if isinstance(value, Mapping) else None
    found = reference.parse(literal, base) if isinstance(literal, str) else None
    return str(found) if found and found.type in _MEMBERS else ""


def _joined(ranges: Iterable[Range]) -> list[Range]:
    joined: list[Range] = []
    for low, high in sorted(each for each in ranges if each.low < each.high):
        if joined and low <= joined[-1].high:
            joined[-1] = Range(joined[-1].low, max(high, joined[-1].high))
        else:
            joined.append(Range(low, high))
    return joined
