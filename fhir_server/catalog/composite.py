"""Composite search parameters: several values of one and the same element (https://hl7.org/fhir/R4/search.html#composite)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fhir_server.catalog.expression import LEAVES, ExpressionError, Path, paths
from profiles.definitions import SearchParameterFact

_UNION = re.compile(r"\s*\|\s*")
_ELEMENTS = ("BackboneElement", "UsageContext")
_EQUAL = frozenset({"token", "reference"})  # looked up by equality, so that it can be part of a key
_LEAST = 2

Told = tuple[SearchParameterFact, str]


@dataclass(frozen=True, slots=True)
class Component:
    """One part of a composite: values of the search type ``type`` at ``paths``, which start at the element."""

    type: str
    paths: tuple[Path, ...]
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Composite:
    """The values of a composite parameter in one kind of element: ``at`` leads from the resource to the elements."""

    at: Path
    components: tuple[Component, ...]


def composites(fact: SearchParameterFact, resource_type: str, components: Sequence[Told]) -> tuple[Composite, ...]:
    """Return the composite for each kind of element of ``resource_type`` that the expression of ``fact`` names.

    ``components`` are its parts: the fact of a parameter, and the expression of its values relative to the element. Raises
    ExpressionError.
    """
    types = [of.type for of, _ in components]
    if len(types) < _LEAST or not (_EQUAL.issuperset(types[:-1]) and types[-1] in LEAVES):
        raise ExpressionError(
            f"a composite of '{' and '.join(types)}' is not understood: all but the last are tokens or references"
        )
    terms = [term for term in _UNION.split(fact.expression) if term.partition(".")[0] == resource_type]
    return tuple(_composite(term, resource_type, components) for term in terms)


def _composite(term: str, resource_type: str, components: Sequence[Told]) -> Composite:
    at = paths(term, resource_type, (resource_type, *_ELEMENTS))[0]
    try:
        return Composite(at, tuple(_component(of, _below(term, told), resource_type, at) for of, told in components))
    except ExpressionError:
        # The relationship of DocumentReference has the expressions of its two parts the wrong way round.
        turned = zip(components, reversed(components), strict=True)
        return Composite(at, tuple(_component(of, _below(term, told), resource_type, at) for (of, _), (_, told) in turned))


def _below(term: str, expression: str) -> str:
    return " | ".join(f"{term}.{one}" for one in _UNION.split(expression))


def _component(of: SearchParameterFact, expression: str, resource_type: str, at: Path) -> Component:
    found = paths(expression, resource_type, LEAVES[of.type])
    return Component(of.type, tuple(replace(path, steps=path.steps[len(at.steps) :]) for path in found), of.targets)
