"""Expands value sets to codes, as far as the code systems of the same package are complete.

A value set that cannot be expanded exactly (a code system that is not there, a filter other than ``is-a`` over a hierarchy) gives
None: whoever checks a code must then say "could not be checked" and never "wrong". Codes that only group others (not selectable)
are counted in.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Artefacts = Mapping[str, Mapping[str, Any]]
Expansion = dict[str, set[str]]


class _Unknown(Exception):
    """The value set cannot be expanded from what the package holds."""


def expand(url: str, value_sets: Artefacts, code_systems: Artefacts) -> dict[str, list[str]] | None:
    """Return the codes of the value set ``url`` by system, sorted, or None where they cannot be known.

    ``value_sets`` and ``code_systems`` are FHIR resources by their canonical url, without version.
    """
    try:
        expansion = _value_set(url, value_sets, code_systems, ())
    except _Unknown:
        return None
    return {system: sorted(codes) for system, codes in sorted(expansion.items())}


def _value_set(url: str, value_sets: Artefacts, code_systems: Artefacts, seen: tuple[str, ...]) -> Expansion:
    url = url.split("|", maxsplit=1)[0]
    if url not in value_sets or url in seen:
        raise _Unknown
    compose = value_sets[url].get("compose")
    if compose is None:
        raise _Unknown
    inside = (*seen, url)
    result: Expansion = {}
    for include in compose["include"]:
        for system, codes in _part(include, value_sets, code_systems, inside).items():
            result.setdefault(system, set()).update(codes)
    for exclude in compose.get("exclude", []):
        for system, codes in _part(exclude, value_sets, code_systems, inside).items():
            result.get(system, set()).difference_update(codes)
    return result


def _part(part: Mapping[str, Any], value_sets: Artefacts, code_systems: Artefacts, seen: tuple[str, ...]) -> Expansion:
    """Expand one include or exclude: what all of its value sets and its system selection have in common."""
    parts = [_value_set(url, value_sets, code_systems, seen) for url in part.get("valueSet", [])]
    if "system" in part:
        parts.append({part["system"]: _selection(part, code_systems)})
    common = parts[0]
    for other in parts[1:]:
        common = {system: codes & other[system] for system, codes in common.items() if system in other}
    return common


def _selection(part: Mapping[str, Any], code_systems: Artefacts) -> set[str]:
    if "concept" in part:
        return {concept["code"] for concept in part["concept"]}
    code_system = code_systems.get(part["system"], {})
    if code_system.get("content") != "complete":
        raise _Unknown
    parents = dict(_parents(code_system.get("concept", []), ""))
    codes = set(parents)
    for criterion in part.get("filter", []):
        codes &= _matches(criterion, parents)
    return codes


def _parents(concepts: list[dict[str, Any]], parent: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Give every code with its direct parents: by nesting, and by the property ``subsumedBy``."""
    for concept in concepts:
        stated = {each.get("valueCode", "") for each in concept.get("property", []) if each["code"] in {"subsumedBy", "parent"}}
        yield concept["code"], frozenset((stated | {parent}) - {""})
        yield from _parents(concept.get("concept", []), concept["code"])


def _matches(criterion: Mapping[str, Any], parents: Mapping[str, frozenset[str]]) -> set[str]:
    operation, top = criterion["op"], criterion["value"]
    if criterion["property"] != "concept" or operation not in {"is-a", "descendent-of"} or top not in parents:
        raise _Unknown
    found = {top}
    while more := {code for code, above in parents.items() if above & found} - found:
        found |= more
    return found if operation == "is-a" else found - {top}
