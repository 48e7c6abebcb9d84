"""Whether a code is in a value set: yes, no, or that it cannot be told from what is here.

Enumerated codes and complete code systems decide. A selection from SNOMED CT by its hierarchy does not, nor does a code system that
is not here (https://hl7.org/fhir/R4/valueset.html).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from fhir_server.catalog.packages.canonical import Canonicals
from profiles.definitions import value_set_codes

Known = bool | None
"""True, False, or None: it cannot be told."""
Membership = Callable[[str | None, str], Known]
"""From system (None: a code of which the element says the system) and code to whether it is in."""


def any_of(answers: Iterable[Known]) -> Known:
    """Return True when one is, False when none is, None when it cannot be told."""
    unknown = False
    for each in answers:
        if each:
            return True
        unknown = unknown or each is None
    return None if unknown else False


def all_of(answers: Iterable[Known]) -> Known:
    """Return False when one is not, True when all are, None when it cannot be told."""
    unknown = False
    for each in answers:
        if each is False:
            return False
        unknown = unknown or each is None
    return None if unknown else True


class Codes:
    """Answers for value sets by canonical URL; what was worked out of one is kept."""

    def __init__(self, canonicals: Canonicals) -> None:
        self._canonicals = canonicals
        self._made: dict[str, Membership] = {}
        self._systems: dict[str, frozenset[str] | None] = {}

    def membership(self, url: str) -> Membership:
        """Return the test of the value set ``url``; one that nobody defines, or that is part of itself, cannot tell of any code."""
        found = self._made.get(url)
        if found is None:
            self._made[url] = _nobody_knows
            try:
                found = self._made[url] = self._make(url)
            except RecursionError:
                found = _nobody_knows
        return found

    def _make(self, url: str) -> Membership:
        definition = self._canonicals.value_set(url)
        if definition is None:
            expanded = value_set_codes(url)
            return _nobody_knows if expanded is None else _listed(expanded)
        compose = definition.get("compose")
        if not isinstance(compose, dict):
            return _expanded(definition)
        include = [self._part(each) for each in compose.get("include", ())]
        exclude = [self._part(each) for each in compose.get("exclude", ())]

        def member(system: str | None, code: str) -> Known:
            inside = any_of(part(system, code) for part in include)
            outside = any_of(part(system, code) for part in exclude)
            return inside if outside is False else False if outside or inside is False else None

        return member

    def _part(self, part: Mapping[str, Any]) -> Membership:
        """Return the test of one include or exclude: all that it names must hold."""
        tests = [self.membership(each) for each in part.get("valueSet", ())]
        if "system" in part:
            tests.append(self._selection(part))
        return lambda system, code: all_of(test(system, code) for test in tests)

    def _selection(self, part: Mapping[str, Any]) -> Membership:
        named = part["system"]
        if "concept" in part:
            codes: frozenset[str] | None = frozenset(each["code"] for each in part["concept"])
        else:
            codes = None if "filter" in part else self._system(named)

        def selected(system: str | None, code: str) -> Known:
            if system is not None and system != named:
                return False
            return None if codes is None else code in codes

        return selected

    def _system(self, url: str) -> frozenset[str] | None:
        """Return all codes of a code system, None where not all of them are here."""
        if url not in self._systems:
            found = self._canonicals.code_system(url)
            whole = found is not None and found.get("content") == "complete"
            self._systems[url] = frozenset(_concepts(found.get("concept", ()))) if whole and found else None
        return self._systems[url]


def _nobody_knows(_system: str | None, _code: str) -> Known:
    return None


def _listed(systems: Mapping[str, frozenset[str]]) -> Membership:
    every = frozenset[str]().union(*systems.values())
    return lambda system, code: code in (every if system is None else systems.get(system, ()))


def _expanded(definition: Mapping[str, Any]) -> Membership:
    contains = definition.get("expansion", {}).get("contains")
    if not contains:
        return _nobody_knows
    pairs = frozenset(_contained(contains))
    codes = frozenset(code for _, code in pairs)
    return lambda system, code: code in codes if system is None else (system, code) in pairs


def _contained(contains: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for each in contains:
        if "code" in each and not each.get("abstract"):
            yield each.get("system", ""), each["code"]
        yield from _contained(each.get("contains", ()))


def _concepts(concepts: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for each in concepts:
        yield each["code"]
        yield from _concepts(each.get("concept", ()))
