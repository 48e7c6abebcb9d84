"""Who belongs to which dossier, as a CareTeam says it (https://hl7.org/fhir/R4/careteam.html)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fhir_server.model import reference
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import DateError, Range, span
from fhir_server.storage.repository import Membership

_MEMBERS = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Patient", "Organization", "CareTeam"})
_ALWAYS = Range(EARLIEST, LATEST)
_NEVER = Range(LATEST, EARLIEST)


def memberships(careteam: Mapping[str, Any], base: str = "") -> tuple[Membership, ...]:
    """Return the memberships that a version of a CareTeam gives; none unless its status is ``active``.

    The dossier is that of the subject, or the team itself when it is about no patient. Members are the subject, every
    ``participant.member``, and every ``participant.onBehalfOf``. An Organization opens nothing by being a member, since nobody acts
    as an Organization; it makes the organisation visible to the team. A member that is a CareTeam gives its own members nothing
    either: who follows teams in teams must do so from the actor's side.

    A membership lasts while the period of the participant and that of the team both do; dates count whole days in the Netherlands.
    What overlaps is joined, so that a member has no two memberships that begin at the same instant. ``base`` is the server's own
    FHIR base, below which absolute references are its own.
    """
    dossier = dossier_of(careteam, base)
    if careteam.get("status") != "active" or not dossier:
        return ()
    lasting = _range(careteam.get("period"))
    times: dict[str, list[Range]] = {}
    for member, own in _members(careteam, base):
        times.setdefault(member, []).append(Range(max(lasting.low, own.low), min(lasting.high, own.high)))
    return tuple(Membership(member, dossier, *each) for member, ranges in times.items() for each in _joined(ranges))


def dossier_of(careteam: Mapping[str, Any], base: str = "") -> str:
    """Return the dossier of a team: "Patient/id" of its subject, else "CareTeam/id"; "" for a team without id."""
    subject = _reference(careteam.get("subject"), base)
    if subject.startswith("Patient/"):
        return subject
    return f"CareTeam/{careteam['id']}" if careteam.get("id") else ""


def _members(careteam: Mapping[str, Any], base: str) -> Iterator[tuple[str, Range]]:
    subject = _reference(careteam.get("subject"), base)
    if subject.startswith("Patient/"):
        yield subject, _ALWAYS
    for participant in careteam.get("participant", ()):
        lasting = _range(participant.get("period"))
        for name in ("member", "onBehalfOf"):
            member = _reference(participant.get(name), base)
            if member:
                yield member, lasting


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


def _range(period: object) -> Range:
    """Return the time that a Period covers; none at all when its dates cannot be read: a doubtful period opens nothing."""
    if not isinstance(period, Mapping):
        return _ALWAYS
    start, end = period.get("start"), period.get("end")
    try:
        return Range(span(start).low if start else EARLIEST, span(end).high if end else LATEST)
    except (DateError, TypeError):
        return _NEVER
