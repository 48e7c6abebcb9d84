"""Whom a message reaches: teams become the people in them, and teams in teams too."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.period import lasting

PEOPLE: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Patient"})
TEAM: Final = "CareTeam"
Teams = Mapping[str, Mapping[str, Any]]
"""CareTeams by their reference ("CareTeam/id"); one that is not there has no members."""


def people(references: Iterable[str], teams: Teams, at: int, base: str = "") -> tuple[str, ...]:
    """Return the people ("Type/id") that ``references`` come to at the instant ``at``, each once, in the order found.

    A team that is in itself, directly or through others, is gone through once.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = list(references)
    while waiting:
        each = waiting.pop(0)
        if each.partition("/")[0] in PEOPLE:
            found[each] = None
        elif each in teams and each not in seen:
            seen.add(each)
            waiting.extend(members(teams[each], at, base))
    return tuple(found)


def members(team: Mapping[str, Any], at: int, base: str = "") -> tuple[str, ...]:
    """Return the members ("Type/id") of a CareTeam at the instant ``at``; none unless it is active then.

    https://hl7.org/fhir/R4/careteam-definitions.html#CareTeam.participant
    """
    if team.get("status") != "active" or not _lasts(team, at):
        return ()
    return tuple(dict.fromkeys(filter(None, _members(team, at, base))))


def as_of(team: Mapping[str, Any], at: int, base: str = "") -> dict[str, Any]:
    """Return the team with those who were its members at the instant ``at`` as members for ever."""
    rest = {name: value for name, value in team.items() if name != "period"}
    there = [{"member": {"reference": each}} for each in members(team, at, base)]
    return {**rest, "status": "active", "participant": there}


def is_of_organisation(team: Mapping[str, Any], base: str = "") -> bool:
    """Tell whether the team is about no patient: a department, whose members stand in for each other."""
    return not literal(mapped(team, "subject"), base)


def _members(team: Mapping[str, Any], at: int, base: str) -> Iterator[str]:
    return (literal(mapped(each, "member"), base) for each in listed(team, "participant") if _lasts(each, at))


def _lasts(element: Mapping[str, Any], at: int) -> bool:
    low, high = lasting(element.get("period"))
    return low <= at < high
