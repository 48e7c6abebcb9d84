"""Search parameters as the server uses them: the facts of R4 and our own, with the paths to their values."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path as File
from typing import Any, NamedTuple

import profiles
from fhir_server.catalog.composite import Composite, composites
from fhir_server.catalog.expression import LEAVES, ExpressionError, Path, paths
from profiles.definitions import SearchParameterFact, resource_types, search_parameters, value_set_codes

_NAMED_TARGET = re.compile(r"where\(resolve\(\) is (\w+)\)")
BOOLEANS = frozenset({"boolean", "Patient.deceased"})
IMPLIED = frozenset({"boolean", "code", "id", "string", "uri", "Patient.deceased"})

OWN = -1
POINTS = frozenset({"date", "dateTime", "instant"})


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """A search parameter of one resource type; ``targets`` are the types a reference may point to.

    ``place`` numbers the parameters of the type from 0 to 62, the same whatever the catalogue selects: the index keeps it. One that
    was stored as a SearchParameter has none (OWN); its ``generation`` says how often its values were defined anew.
    ``composites`` stand instead of ``paths`` for a composite. ``union`` are the codes of other parameters of the type whose values
    together are exactly those of this one, which then has no place and no rows of its own in the index.
    """

    code: str
    type: str
    url: str
    expression: str
    targets: tuple[str, ...]
    paths: tuple[Path, ...]
    place: int = 0
    composites: tuple[Composite, ...] = ()
    union: tuple[str, ...] = ()
    generation: int = 1

    @property
    def index_code(self) -> str:
        """The code under which the index keeps the values: one of the user's own has another one for each generation."""
        return self.code if self.place != OWN else f"{self.generation}@{self.code}"

    @property
    def implied_system(self) -> bool:
        """Whether the system of the token goes without saying (a code or a boolean)."""
        return all(path.type in IMPLIED for path in self.paths)

    def may_mean(self, system: str) -> bool:
        """Tell whether ``system`` may be the one that goes without saying; it may where it is not known which that is."""
        known = [value_set_codes(path.value_set) for path in self.paths]
        return any(codes is None or system in codes for codes in known)

    @property
    def is_point(self) -> bool:
        """Whether the values are dates or instants only, never Periods or Timings."""
        return all(path.type in POINTS for path in self.paths)

    @property
    def is_boolean(self) -> bool:
        """Whether the tokens are true and false, and no others."""
        return bool(self.paths) and all(path.type in BOOLEANS for path in self.paths)

    @property
    def is_canonical(self) -> bool:
        """Whether values are canonical URLs, which may name a version."""
        return any(path.type == "canonical" for path in self.paths)

    @property
    def repeats(self) -> bool:
        """Whether one resource can have several values."""
        return any(step.many for path in self.paths for step in path.steps)


def search_parameter(resource_type: str, code: str) -> SearchParameter | None:
    """Return the parameter ``code`` of ``resource_type``, None when there is none.

    Raises ExpressionError when its expression lies outside what can be indexed.
    """
    of_r4 = search_parameters(resource_type).get(code)
    fact = own_search_parameters(resource_type).get(code) or of_r4
    if fact is None:
        return None
    if of_r4 and not fact.targets:
        fact = replace(fact, targets=of_r4.targets)  # one of ours that finds more than that of R4 does
    if fact.type == "composite":
        return _composite(fact, resource_type)
    found = paths(fact.expression, resource_type, {**LEAVES, **_SPECIAL}.get(fact.type, ()))
    return SearchParameter(code, fact.type, fact.url, fact.expression, _targets(fact, found), found, _places(resource_type)[code])


@cache
def has_no_systems(resource_type: str, code: str) -> bool:
    """Tell whether ``code`` is a token of which no value has a system, which ``implied_system`` says of what is read already."""
    try:
        found = search_parameter(resource_type, code) if resource_type in resource_types() else None
    except ExpressionError:
        return False
    return found is not None and found.type == "token" and found.implied_system


class Narrowing(NamedTuple):
    """A reference parameter finds, among the values of the parameter ``wide`` of its type, those that point to a ``target``."""

    wide: str
    target: str


@cache
def narrowing(resource_type: str, code: str) -> Narrowing | None:
    """Return what ``code`` narrows, None when it has values of its own. The index keeps such values once, for both.

    That depends on the definitions only, not on which parameters the catalogue selects.
    """
    places = _places(resource_type) if resource_type in resource_types() else {}
    own = _reference_paths(resource_type, code) if code in places else ()
    targets = {path.target for path in own}
    if len(targets) != 1 or "" in targets:
        return None
    steps = {replace(path, target="") for path in own}
    wide = (each for each in places if steps == set(_reference_paths(resource_type, each)))
    return next((Narrowing(each, *targets) for each in wide), None)


def _reference_paths(resource_type: str, code: str) -> tuple[Path, ...]:
    try:
        found = search_parameter(resource_type, code)
    except ExpressionError:
        return ()
    return found.paths if found is not None and found.type == "reference" else ()


_SPECIAL = {"special": ("BackboneElement",)}
"""The leaves of a parameter of which R4 itself says what it means: Location.near has positions."""


def united(search: Mapping[str, SearchParameter]) -> dict[str, SearchParameter]:
    """Return the parameters of one type with their ``union`` filled in.

    Only where the index would hold much twice: combo-value-quantity is value-quantity and component-value-quantity.
    """
    return {code: replace(one, union=_union(one, search.values())) for code, one in search.items()}


def _union(parameter: SearchParameter, others: Iterable[SearchParameter]) -> tuple[str, ...]:
    if parameter.type not in _LARGE:
        return ()
    values = _values(parameter)
    parts = [other for other in others if other.type == parameter.type and _values(other) < values]
    return tuple(part.code for part in parts) if values == frozenset().union(*map(_values, parts)) else ()


def _values(parameter: SearchParameter) -> frozenset[Path | Composite]:
    return frozenset(parameter.composites or parameter.paths)


_LARGE = frozenset({"composite", "quantity"})


def _composite(fact: SearchParameterFact, resource_type: str) -> SearchParameter:
    known = {one.url: one for one in (*search_parameters(resource_type).values(), *own_search_parameters(resource_type).values())}
    if missing := [url for url, _ in fact.components if url not in known]:
        raise ExpressionError(f"its component {missing[0]} is no search parameter of {resource_type}")
    found = composites(fact, resource_type, [(known[url], expression) for url, expression in fact.components])
    return SearchParameter(
        fact.code, fact.type, fact.url, fact.expression, (), (), _places(resource_type)[fact.code], composites=found
    )


@cache
def _places(resource_type: str) -> Mapping[str, int]:
    """Return the number of each parameter: those of R4 by code, then our own as in the file, whose new ones belong at its end."""
    known = sorted(search_parameters(resource_type))
    codes = [*known, *(code for code in own_search_parameters(resource_type) if code not in known)]
    assert len(codes) <= _PLACES
    return {code: place for place, code in enumerate(codes)}


_PLACES = 63  # the bits of a signed number of the index, without its sign


def own_search_parameters(resource_type: str) -> Mapping[str, SearchParameterFact]:
    """Return the parameters that ``profiles/search-parameters.json`` adds to ``resource_type``, by code."""
    return {fact.code: fact for fact in _own() if resource_type in fact.base}


def _targets(fact: SearchParameterFact, found: tuple[Path, ...]) -> tuple[str, ...]:
    if fact.code == "patient":
        return ("Patient",)
    named = tuple(dict.fromkeys(path.target for path in found))
    return named if all(named) else tuple(target for target in fact.targets if target in resource_types())


@cache
def _own() -> tuple[SearchParameterFact, ...]:
    file = File(profiles.__path__[0]) / "search-parameters.json"
    return tuple(_fact(resource) for resource in json.loads(file.read_bytes()))


def _fact(resource: Mapping[str, Any]) -> SearchParameterFact:
    return SearchParameterFact(
        code=resource["code"],
        url=resource["url"],
        type=resource["type"],
        base=tuple(resource["base"]),
        expression=resource["expression"],
        targets=tuple(resource.get("target", ())),
        components=tuple((one["definition"], one["expression"]) for one in resource.get("component", ())),
    )
