"""The concepts of a CodeSystem (https://hl7.org/fhir/R4/codesystem.html)."""

from collections.abc import Iterator, Mapping
from typing import Any

Concept = Mapping[str, Any]


def concepts(definition: Mapping[str, Any]) -> Iterator[Concept]:
    """Yield all concepts, those below others after them."""
    waiting = list(reversed(definition.get("concept", ())))
    while waiting:
        concept = waiting.pop()
        yield concept
        waiting.extend(reversed(concept.get("concept", ())))


def concept_of(definition: Mapping[str, Any], code: str) -> Concept | None:
    """Return the concept of ``code``, None where the CodeSystem lists none."""
    cased = definition.get("caseSensitive", True)
    return next((each for each in concepts(definition) if _same(str(each.get("code")), code, cased=cased)), None)


def _same(one: str, other: str, *, cased: bool) -> bool:
    return one == other or (not cased and one.casefold() == other.casefold())


def is_complete(definition: Mapping[str, Any]) -> bool:
    """Tell whether all its codes are listed: of another one can be said that a code is in it, and never that it is not."""
    return definition.get("content") == "complete"


def displays(concept: Concept) -> frozenset[str]:
    """Return what a concept is called."""
    names = [concept.get("display"), *(each.get("value") for each in concept.get("designation", ()))]
    return frozenset(each for each in names if isinstance(each, str))
