"""Standing in for somebody for a time, and taking over for good: what becomes of one team, on behalf of one organisation."""

from collections.abc import Collection, Mapping
from typing import Any

from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import network_roles
from fhir_server.network.participation import (
    DELEGATED,
    begins,
    ended,
    joined,
    places,
    reference,
    stand_in,
    stand_ins,
    stands_in_for,
)
from fhir_server.network.period import lasting

Resource = dict[str, Any]


def own_places(team: Mapping[str, Any], people: Collection[str], organisation: str, at: int, base: str = "") -> list[int]:
    """Return where ``people`` take part now or later on behalf of ``organisation`` ("Organization/id"), not as a stand-in.

    In a department they do so for the organisation that manages it, unless their place says another one.
    """
    there = listed(team, "participant")
    found = places(team, people, at, base)
    return [each for each in found if _through(team, there[each], base) == organisation and not stands_in_for(there[each], base)]


def covered(
    team: Resource, people: Collection[str], organisation: str, by: str, period: Mapping[str, Any], at: int, base: str = ""
) -> Resource | None:
    """Return the team with ``by`` ("Practitioner/id") as the stand-in of ``people`` for ``period``, None where nothing changes.

    Who takes part anyway needs no such place, and a stand-in has it no longer than who is away has theirs.
    """
    there = listed(team, "participant")
    own = own_places(team, people, organisation, at, base)
    if not own or own_places(team, [by], organisation, at, base):
        return None
    within = _within(period, mapped(there[own[0]], "period"), at)
    known = [there[each] for each in stand_ins(team, people, at, base) if literal(mapped(there[each], "member"), base) == by]
    if within is None or any(lasting(each.get("period")) == lasting(within) for each in known):
        return None
    return joined(team, stand_in(by, organisation, literal(mapped(there[own[0]], "member"), base), within))


def uncovered(team: Resource, people: Collection[str], by: str, at: int, base: str = "") -> Resource | None:
    """Return the team in which ``by`` stands in for ``people`` no longer, None where nothing changes."""
    there = listed(team, "participant")
    over = [each for each in stand_ins(team, people, at, base) if literal(mapped(there[each], "member"), base) == by]
    return ended(team, over, at) if over else None


def handed_over(
    team: Resource, people: Collection[str], to: str, organisation: str, functions: Collection[str], at: int, base: str = ""
) -> Resource | None:
    """Return the team in which ``to`` ("Practitioner/id") has the places of ``people``, None where they have none.

    ``functions`` ("system|code") are those of ``to``: roles that are for others are not handed over, and nor is what the client
    entrusted to one person, to direct the network.
    """
    own = own_places(team, people, organisation, at, base)
    if not own:
        return None
    there = listed(team, "participant")
    after = ended(team, [*own, *stand_ins(team, people, at, base)], at)
    for each in (there[number] for number in own):
        new = _successor(each, to, functions, at)
        if not _has_place(after, to, new, organisation, at, base):
            after = joined(after, new)
    return after


def _successor(each: Mapping[str, Any], to: str, functions: Collection[str], at: int) -> Resource:
    roles = [role for role in listed(each, "role") if _fits(role, functions)]
    extension = [part for part in listed(each, "extension") if part.get("url") != DELEGATED]
    period = _within({}, mapped(each, "period"), at) or {"start": begins(at)}
    kept = {name: value for name, value in each.items() if name not in {"id", "role", "extension", "member", "period"}}
    return {
        **({"extension": extension} if extension else {}),
        **({"role": roles} if roles else {}),
        "member": reference(to),
        **kept,
        "period": period,
    }


def _fits(role: Mapping[str, Any], functions: Collection[str]) -> bool:
    known = network_roles()
    return all(known.roles[code].fits(functions) for code in known.codes([role]) if code in known.roles)


def _has_place(team: Resource, to: str, new: Mapping[str, Any], organisation: str, at: int, base: str) -> bool:
    known, there = network_roles(), listed(team, "participant")
    wanted = set(known.codes(new.get("role")))
    own = own_places(team, [to], organisation, at, base)
    return any(wanted <= set(known.codes(there[each].get("role"))) for each in own)


def _through(team: Mapping[str, Any], each: Mapping[str, Any], base: str) -> str:
    named = literal(mapped(each, "onBehalfOf"), base)
    if named or literal(mapped(team, "subject"), base):
        return named
    return next((literal(one, base) for one in listed(team, "managingOrganization")), "")


def _within(period: Mapping[str, Any], place: Mapping[str, Any], at: int) -> dict[str, Any] | None:
    """Return the time that ``period`` and that of a place have in common from the moment ``at`` on, None when there is none."""
    one, other = lasting(period), lasting(place)
    later, sooner = (period if one.low >= other.low else place), (period if one.high <= other.high else place)
    low, high = max(one.low, other.low), min(one.high, other.high)
    if low >= high or high <= at:
        return None
    start = later["start"] if low > at else begins(at)
    return {"start": start, **({"end": sooner["end"]} if "end" in sooner else {})}
