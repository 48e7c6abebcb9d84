"""Who takes part in a client's network, from when until when: joining, leaving, and leading it in the client's name.

A period that ends is all that is left of who left (https://hl7.org/fhir/R4/careteam-definitions.html#CareTeam.participant.period).
Memberships count in whole seconds: who joins does so from the beginning of this second, who leaves has left before it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import STAND_IN, network_roles
from fhir_server.network.period import lasting

DELEGATED: Final = f"{CANONICAL}/StructureDefinition/delegated-direction"
"""The extension of a participant whom the client lets invite and remove others; its value is the period."""
STANDS_IN: Final = f"{CANONICAL}/StructureDefinition/stands-in-for"
"""The extension of a participant that says in whose place they are there."""
_SECOND: Final = 1_000_000
_MILLISECOND: Final = 1_000

Participant = Mapping[str, Any]


def begins(at: int) -> str:
    """Return from when who joins at the moment ``at`` (microseconds) takes part."""
    return instant(at // _SECOND * _SECOND)


def ends(at: int) -> str:
    """Return until when who leaves at the moment ``at`` took part: the last millisecond before this second."""
    return instant(at // _SECOND * _SECOND - _MILLISECOND)


def places(careteam: Mapping[str, Any], people: Collection[str], at: int, base: str = "") -> list[int]:
    """Return the places among the participants at which ``people`` ("Type/id") take part now or later."""
    found = enumerate(listed(careteam, "participant"))
    return [number for number, each in found if _member(each, base) in people and lasting(each.get("period")).high > at]


def stand_ins(careteam: Mapping[str, Any], people: Collection[str], at: int, base: str = "") -> list[int]:
    """Return the places of those who stand in for ``people`` ("Type/id") now or later."""
    found = enumerate(listed(careteam, "participant"))
    return [number for number, each in found if stands_in_for(each, base) in people and lasting(each.get("period")).high > at]


def gone(careteam: Mapping[str, Any], since: int, at: int, base: str = "") -> dict[str, str]:
    """Return whose place ended after ``since``, and by the moment ``at`` ("Type/id"), each with who they stood in for or ""."""
    ended_ = (each for each in listed(careteam, "participant") if since < lasting(each.get("period")).high <= at)
    return {_member(each, base): stands_in_for(each, base) for each in ended_ if _member(each, base)}


def without_stand_ins(after: Mapping[str, Any], before: Mapping[str, Any] | None, at: int, base: str = "") -> dict[str, Any] | None:
    """Return the team in which nobody stands in for longer than those are there for whom they do; None where nothing changes.

    That is asked of those whose place ends sooner in ``after`` than in ``before``, however it is written: dropped, or with an end.
    """
    there = listed(after, "participant")
    kept = [_stand_in_within(each, after, before or {}, at, base) for each in there]
    return {**after, "participant": kept} if kept != there else None


def in_whose_place(careteam: Mapping[str, Any], person: str, at: int, base: str = "") -> str:
    """Return for whom ``person`` stands in ("Type/id"), "" for nobody."""
    there = listed(careteam, "participant")
    return next(filter(None, (stands_in_for(there[each], base) for each in places(careteam, [person], at, base))), "")


def stands_in_for(each: Participant, base: str = "") -> str:
    """Return in whose place ("Type/id") a participant is there, "" for nobody's."""
    known = (mapped(part, "valueReference") for part in listed(each, "extension") if part.get("url") == STANDS_IN)
    return next(filter(None, (literal(one, base) for one in known)), "")


def stand_in(member: str, organisation: str, person: str, period: Mapping[str, Any]) -> dict[str, Any]:
    """Return the place of ``member`` ("Type/id") as the stand-in of ``person``."""
    place = participant(member, [network_roles().concept(STAND_IN)], organisation, period)
    return {"extension": [{"url": STANDS_IN, "valueReference": reference(person)}], **place}


def current(careteam: Mapping[str, Any], at: int) -> Iterator[Participant]:
    """Yield the participants of a team at the instant ``at``; none unless it is active then."""
    if text(careteam, "status") == "active" and _lasts(careteam, at):
        yield from (each for each in listed(careteam, "participant") if _lasts(each, at))


def participant(member: str, role: Sequence[Mapping[str, Any]], organisation: str, period: Mapping[str, Any]) -> dict[str, Any]:
    """Return somebody's place in a team; only a Practitioner has one on behalf of an organisation (ctm-1)."""
    through = {"onBehalfOf": reference(organisation)} if organisation and member.startswith("Practitioner/") else {}
    return {**({"role": list(role)} if role else {}), "member": reference(member), **through, "period": dict(period)}


def joined(careteam: Mapping[str, Any], new: Participant) -> dict[str, Any]:
    """Return the team with one participant more."""
    return {**careteam, "participant": [*listed(careteam, "participant"), new]}


def ended(careteam: Mapping[str, Any], numbers: Collection[int], at: int) -> dict[str, Any]:
    """Return the team in which the participants at these places take part no longer, nor ever will."""
    everybody = enumerate(listed(careteam, "participant"))
    return {**careteam, "participant": [_ended(each, at) if number in numbers else each for number, each in everybody]}


def replaced(careteam: Mapping[str, Any], number: int, by: Participant) -> dict[str, Any]:
    """Return the team with another participant at the place ``number``."""
    everybody = enumerate(listed(careteam, "participant"))
    return {**careteam, "participant": [by if place == number else each for place, each in everybody]}


def delegated(careteam: Mapping[str, Any], people: Collection[str], left: Collection[str], at: int, base: str = "") -> bool:
    """Tell whether the client lets one of ``people`` direct this network now; on behalf of who they ``left`` nobody does."""
    return any(
        _member(each, base) in people and literal(mapped(each, "onBehalfOf"), base) not in left and directs(each, at)
        for each in current(careteam, at)
    )


def directs(each: Participant, at: int) -> bool:
    """Tell whether a participant has the client's delegation at the instant ``at``, in a role that can have it."""
    given = [part for part in listed(each, "extension") if part.get("url") == DELEGATED]
    return may_be_delegated(each) and any(_in(part.get("valuePeriod"), at) for part in given)


def may_be_delegated(each: Participant) -> bool:
    """Tell whether the client may let a participant direct the network: the role says so."""
    rules = network_roles().roles
    return any(code in rules and rules[code].delegated for code in network_roles().codes(each.get("role")))


def with_delegation(each: Participant, period: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a participant with the client's delegation for ``period``, or without any (None)."""
    rest = [part for part in listed(each, "extension") if part.get("url") != DELEGATED]
    extension = [*rest, *([{"url": DELEGATED, "valuePeriod": dict(period)}] if period is not None else [])]
    bare = {name: value for name, value in each.items() if name != "extension"}
    return {**({"extension": extension} if extension else {}), **bare}


def reference(target: str) -> dict[str, str]:
    """Return a Reference to ``target`` ("Type/id") that names its type."""
    return {"reference": target, "type": target.partition("/")[0]}


def _ended(each: Participant, at: int) -> dict[str, Any]:
    period, end = mapped(each, "period"), ends(at)
    begun = {"start": end} if "start" in period and lasting({"start": period["start"]}).low >= at // _SECOND * _SECOND else {}
    return {**each, "period": {**period, **begun, "end": end}}


def _stand_in_within(each: Participant, after: Mapping[str, Any], before: Mapping[str, Any], at: int, base: str) -> Participant:
    person = stands_in_for(each, base)
    was, now = (_longest(team, person, base) for team in (before, after))
    own, until = lasting(each.get("period")), lasting(now.get("period")).high if now else at
    if was is None or until >= lasting(was.get("period")).high or own.high <= max(until, at):
        return each
    if until <= at or own.low >= until:
        return _ended(each, at)
    return {**each, "period": {**mapped(each, "period"), "end": mapped(now or {}, "period")["end"]}}


def _longest(careteam: Mapping[str, Any], person: str, base: str) -> Participant | None:
    """Return the place of ``person`` that lasts longest."""
    own = [each for each in listed(careteam, "participant") if person and _member(each, base) == person]
    return max(own, key=lambda each: lasting(each.get("period")).high, default=None)


def _member(each: Participant, base: str) -> str:
    return literal(mapped(each, "member"), base)


def _lasts(element: Mapping[str, Any], at: int) -> bool:
    return _in(element.get("period"), at)


def _in(period: object, at: int) -> bool:
    low, high = lasting(period)
    return low <= at < high
