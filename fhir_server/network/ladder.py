"""The ladder of a network: which levels answer questions, from the lowest to the highest, and how long each has for it.

A ladder is a PlanDefinition whose actions are its levels, the lowest first. The code of an action names the level, its participants
are who is at it, its reasons the topics that it answers (none: all of them). https://hl7.org/fhir/R4/plandefinition.html
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fhir_server.errors import Issue, Unprocessable
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.period import lasting

TYPE: Final = (f"{CANONICAL}/CodeSystem/plan-type", "ladder")
"""The type of a PlanDefinition that is a ladder."""
OF_NETWORK: Final = f"{CANONICAL}/StructureDefinition/network-ladder"
"""The extension of a CareTeam that names its ladder (a canonical)."""
TIME_OUT: Final = f"{CANONICAL}/StructureDefinition/ladder-time-out"
"""The extension of a level: how long it has (``after``) for a question of a ``priority``; without one there is no end to it."""
EMERGENCY: Final = f"{CANONICAL}/StructureDefinition/ladder-emergency"
"""The extension of a level: a topic that makes a question an emergency, which goes right to this level."""
PRIORITIES: Final = ("routine", "urgent", "asap", "stat")
_UCUM: Final = "http://unitsofmeasure.org"
_UNITS: Final = {"s": 1, "min": 60, "h": 3_600, "d": 86_400, "wk": 604_800}
_SECOND: Final = 1_000_000
_TYPES: Final = {
    "patient": ("Patient",),
    "practitioner": ("Practitioner", "PractitionerRole", "CareTeam"),
    "related-person": ("RelatedPerson",),
    "": ("Patient", "Practitioner", "PractitionerRole", "CareTeam", "RelatedPerson"),
}
_NO_TIME_OUT: Final = (
    "A time-out has a 'priority' (routine, urgent, asap, stat; each once) and 'after', a UCUM duration in s, min, h, d or wk."
)
Code = tuple[str, str]
"""System and code."""


@dataclass(frozen=True, slots=True)
class Place:
    """Who is at a level: participants of the ``types``, with the ``role`` where there is one."""

    types: tuple[str, ...]
    role: Code | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One level. ``topics`` are those that it answers (none: all), ``time_outs`` by priority in microseconds."""

    code: Code
    title: str
    places: tuple[Place, ...]
    topics: frozenset[Code] = frozenset()
    emergencies: frozenset[Code] = frozenset()
    time_outs: Mapping[str, int] | None = None

    def answers(self, topics: Sequence[Code]) -> bool:
        """Tell whether the level may answer a question about ``topics``: all of them; one without a topic everybody may."""
        return not self.topics or not topics or all(each in self.topics for each in topics)

    def time_out(self, priority: str) -> int | None:
        """Return how long the level has for a question of ``priority``, None for no end to it."""
        return (self.time_outs or {}).get(priority)


@dataclass(frozen=True, slots=True)
class Ladder:
    """All levels, the lowest first; ``canonical`` is "url" or "url|version"."""

    canonical: str
    levels: tuple[Level, ...]

    def index(self, code: Code, otherwise: int) -> int:
        """Return the place of the level ``code``; of one that the ladder lacks by now, the place ``otherwise`` or the last one."""
        found = (number for number, each in enumerate(self.levels) if each.code == code)
        return next(found, min(otherwise, len(self.levels) - 1))

    def emergency(self, topics: Sequence[Code]) -> int | None:
        """Return the level to which a question about ``topics`` goes right away, None when it is no emergency."""
        found = [number for number, each in enumerate(self.levels) if each.emergencies.intersection(topics)]
        return max(found, default=None)


def is_ladder(plan: Mapping[str, Any]) -> bool:
    """Tell whether a PlanDefinition is a ladder."""
    return TYPE in codes(mapped(plan, "type"))


def check(plan: Mapping[str, Any]) -> None:
    """Raise Unprocessable for a ladder on which questions could not go up; any other PlanDefinition is none of our business."""
    if is_ladder(plan) and (issues := list(_faults(plan))):
        raise Unprocessable("not a ladder", issues=issues)


def ladder_of(plan: Mapping[str, Any]) -> Ladder:
    """Read a PlanDefinition that ``check`` accepts."""
    version = text(plan, "version")
    canonical = f"{text(plan, 'url')}|{version}" if version else text(plan, "url")
    return Ladder(canonical, tuple(_level(each) for each in listed(plan, "action")))


@cache
def default_ladder() -> Ladder:
    """Return the ladder of networks that name none."""
    return ladder_of(default_plan())


@cache
def default_plan() -> Mapping[str, Any]:
    """Return it as a PlanDefinition."""
    file = files("profiles") / "ladder" / "PlanDefinition-default-ladder.json"
    plan: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return plan


def named_ladder(careteam: Mapping[str, Any]) -> str:
    """Return the canonical of the ladder that a CareTeam names, "" for none."""
    found = (each for each in listed(careteam, "extension") if each.get("url") == OF_NETWORK)
    return next((text(each, "valueCanonical") or text(each, "valueUri") for each in found), "")


def at_level(level: Level, careteam: Mapping[str, Any], at: int, base: str = "") -> tuple[str, ...]:
    """Return which participants ("Type/id") of a client's CareTeam are at ``level`` at the instant ``at``.

    A department that takes part is there as a whole, where a practitioner in its role would be.
    """
    if text(careteam, "status") != "active" or not _lasts(careteam, at):
        return ()
    here = (each for each in listed(careteam, "participant") if _lasts(each, at))
    found = (literal(mapped(each, "member"), base) for each in here if _fits(level, each, base))
    return tuple(dict.fromkeys(found))


def with_role(careteam: Mapping[str, Any], roles: Sequence[Code], at: int, base: str = "") -> tuple[str, ...]:
    """Return which participants ("Type/id") have one of ``roles`` in a CareTeam at the instant ``at``."""
    return at_level(Level(("", ""), "", tuple(Place(_TYPES[""], each) for each in roles)), careteam, at, base)


def codes(concept: Mapping[str, Any]) -> list[Code]:
    """Return what a CodeableConcept is coded as."""
    return [(text(each, "system"), text(each, "code")) for each in listed(concept, "coding")]


def _fits(level: Level, participant: Mapping[str, Any], base: str) -> bool:
    type_ = literal(mapped(participant, "member"), base).partition("/")[0]
    roles = {code for each in listed(participant, "role") for code in codes(each)}
    return any(type_ in place.types and (place.role is None or place.role in roles) for place in level.places)


def _lasts(element: Mapping[str, Any], at: int) -> bool:
    low, high = lasting(element.get("period"))
    return low <= at < high


def _level(action: Mapping[str, Any]) -> Level:
    code = next((code for each in listed(action, "code") for code in codes(each)), ("", ""))
    places = (
        Place(_TYPES.get(text(each, "type"), ()), next(iter(codes(mapped(each, "role"))), None))
        for each in listed(action, "participant")
    )
    return Level(
        code=code,
        title=text(action, "title") or code[1],
        places=tuple(places),
        topics=frozenset(code for each in listed(action, "reason") for code in codes(each)),
        emergencies=frozenset(_emergencies(action)),
        time_outs=dict(filter(None, map(_time_out, _extensions(action, TIME_OUT)))),
    )


def _emergencies(action: Mapping[str, Any]) -> Iterator[Code]:
    for each in _extensions(action, EMERGENCY):
        coding = mapped(each, "valueCoding")
        yield text(coding, "system"), text(coding, "code")


def _extensions(element: Mapping[str, Any], url: str) -> list[Mapping[str, Any]]:
    return [each for each in listed(element, "extension") if each.get("url") == url]


def _time_out(extension: Mapping[str, Any]) -> tuple[str, int] | None:
    parts = {text(each, "url"): each for each in listed(extension, "extension")}
    priority = text(parts.get("priority", {}), "valueCode")
    after = mapped(parts.get("after", {}), "valueDuration")
    value, unit = after.get("value"), _UNITS.get(text(after, "code"))
    if priority not in PRIORITIES or unit is None or text(after, "system") != _UCUM or value is None or not float(value) > 0:
        return None
    return priority, int(float(value) * unit * _SECOND)


def _faults(plan: Mapping[str, Any]) -> Iterator[Issue]:
    levels = listed(plan, "action")
    if not text(plan, "url"):
        yield _fault("A ladder needs a url, by which networks name it.", "PlanDefinition.url")
    if not levels:
        yield _fault("A ladder needs a level: an action with a code and participants.", "PlanDefinition.action")
    seen: set[Code] = set()
    for number, action in enumerate(levels):
        place, level = f"PlanDefinition.action[{number}]", _level(action)
        if not level.code[1] or level.code in seen:
            yield _fault("A level needs a code of its own.", f"{place}.code")
        seen.add(level.code)
        if not any(each.types for each in level.places):
            yield _fault("A level needs participants: a type (patient, practitioner, related-person), or a role too.", place)
        if "action" in action:
            yield _fault(
                "Nobody would come to a level within a level: put it in the list of levels, in its turn.", f"{place}.action"
            )
        if len(_extensions(action, TIME_OUT)) != len(level.time_outs or {}):
            yield _fault(_NO_TIME_OUT, f"{place}.extension")


def _fault(told: str, place: str) -> Issue:
    return Issue("invalid", told, place, detail="ladder")
