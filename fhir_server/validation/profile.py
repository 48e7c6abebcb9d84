"""Whether a resource conforms to one of the profiles in ``profiles/`` (https://hl7.org/fhir/R4/profiling.html).

Carried out is what those profiles say: cardinalities, the types that a Reference may point to, extensions by URL, and required
bindings of a Coding. A target is known by its type only: which of two profiles of CareTeam a team has is not looked up.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

from fhir_server.errors import Issue
from fhir_server.validation.location import Location, below, render, root
from fhir_server.validation.references import literal_type, wrong_target
from profiles.conformance import structure_definitions, value_set

_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_UNBOUNDED: Final = "*"


class Deviation(NamedTuple):
    """What does not conform: the ``element`` of the profile whose rule it breaks, and what to tell of it."""

    element: str
    issue: Issue


@dataclass(frozen=True, slots=True)
class _Rule:
    """One element of a differential; ``steps`` lead to its owner, ``name`` is its own (a choice is without "[x]")."""

    element: str
    steps: tuple[str, ...]
    name: str
    choice: bool
    min: int
    max: int | None
    targets: tuple[str, ...]
    extension: str
    codes: frozenset[tuple[str, str]]


def deviations(resource: Mapping[str, Any], profile: str) -> tuple[Deviation, ...]:
    """Return how ``resource``, which is valid FHIR R4, deviates from the profile with this canonical URL. Raises KeyError."""
    return tuple(_deviations(resource, profile, root(resource["resourceType"])))


def types_its_references(resource: Mapping[str, Any], profile: str) -> bool:
    """Tell whether ``resource`` gives, at one place or more, the type that ``profile`` demands beside a reference."""
    pointing = {rule.element for rule in _rules(profile) if rule.targets}
    typing = [rule for rule in _rules(profile) if rule.name == "type" and rule.element.rpartition(".")[0] in pointing]
    at = root(resource["resourceType"])
    return any("type" in owner for rule in typing for owner, _ in _owners(resource, rule.steps, at))


def _deviations(value: Mapping[str, Any], profile: str, location: Location) -> Iterator[Deviation]:
    for rule in _rules(profile):
        for owner, at in _owners(value, rule.steps, location):
            yield from _broken(rule, owner, at)


def _owners(value: Any, steps: tuple[str, ...], at: Location) -> Iterator[tuple[Mapping[str, Any], Location]]:  # noqa: ANN401 - JSON
    if not steps:
        yield value, at
        return
    for each, place in _items(value, steps[0], at):
        if isinstance(each, dict):
            yield from _owners(each, steps[1:], place)


def _items(owner: Mapping[str, Any], name: str, at: Location) -> list[tuple[Any, Location]]:
    found = owner.get(name, owner.get("_" + name))
    if isinstance(found, list):
        return [(each, below(at, name, index)) for index, each in enumerate(found)]
    return [] if found is None else [(found, below(at, name))]


def _broken(rule: _Rule, owner: Mapping[str, Any], at: Location) -> Iterator[Deviation]:
    found = _chosen(rule, owner, at) if rule.choice else _items(owner, rule.name, at)
    if rule.extension:
        found = [(each, place) for each, place in found if each.get("url") == rule.extension]
    if len(found) < rule.min:
        text = "The profile demands this element. Add it."
        yield _deviation(rule, "required", "profile-cardinality-min", text, below(at, rule.name))
    if rule.max is not None and len(found) > rule.max:
        text = "The profile allows no such element here. Remove it." if not rule.max else f"The profile allows {rule.max} of these."
        yield _deviation(rule, "structure", "profile-cardinality-max", text, below(at, rule.name))
    for each, place in found:
        if rule.extension:
            yield from _deviations(each, rule.extension, place)
        elif rule.targets and not _points_to(each, rule.targets):
            yield _deviation(rule, "structure", "profile-reference-target", wrong_target(rule.targets).text, place)
        elif rule.codes and (each.get("system"), each.get("code")) not in rule.codes:
            shown = ", ".join(f"{system}|{code}" for system, code in sorted(rule.codes))
            yield _deviation(rule, "code-invalid", "profile-not-in-value-set", f"The profile demands one of: {shown}.", place)


def _chosen(rule: _Rule, owner: Mapping[str, Any], at: Location) -> list[tuple[Any, Location]]:
    keys = [key for key in owner if key.startswith(rule.name) and key[len(rule.name) :][:1].isupper()]
    return [(owner[key], below(at, rule.name)) for key in keys]


def _points_to(reference: Mapping[str, Any], targets: tuple[str, ...]) -> bool:
    """Tell whether a Reference may point to one of ``targets``; one that does not say what it points to may."""
    type_ = literal_type(str(reference.get("reference", ""))) or str(reference.get("type", "")).removeprefix(_CORE)
    return not type_ or type_ in targets


def _deviation(rule: _Rule, code: str, detail: str, text: str, at: Location) -> Deviation:
    return Deviation(rule.element, Issue(code, text, render(at), detail=detail))


@cache
def _rules(profile: str) -> tuple[_Rule, ...]:
    definition = structure_definitions()[profile]
    elements = [each for each in definition["differential"]["element"] if "." in each["path"]]
    return tuple(rule for each in elements if _says_something(rule := _rule(each)))


def _says_something(rule: _Rule) -> bool:
    return bool(rule.min or rule.max is not None or rule.targets or rule.codes)


def _rule(element: Mapping[str, Any]) -> _Rule:
    _, *steps, name = element["path"].split(".")
    types = element.get("type", ())
    binding = element.get("binding", {})
    most = element.get("max", _UNBOUNDED)
    return _Rule(
        element=element["id"],
        steps=tuple(steps),
        name=name.removesuffix("[x]"),
        choice=name.endswith("[x]"),
        min=element.get("min", 0),
        max=None if most == _UNBOUNDED else int(most),
        targets=tuple(dict.fromkeys(_type(url) for each in types for url in each.get("targetProfile", ()))),
        extension=next((url for each in types for url in each.get("profile", ())), ""),
        codes=value_set(binding["valueSet"]) if binding.get("strength") == "required" else frozenset(),
    )


def _type(profile: str) -> str:
    found = structure_definitions().get(profile)
    return str(found["type"]) if found else profile.removeprefix(_CORE)
