"""What a ValueSet comes to: its codes, where all of them can be told (https://hl7.org/fhir/R4/valueset.html#expansion)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from fhir_server.catalog.packages.canonical import Canonicals
from fhir_server.validation.terminology.concepts import concepts, is_complete
from profiles.definitions import value_set_codes

_DEEPEST: Final = 20
_MOST: Final = 100_000


class NotExpandable(Exception):
    """Not all codes of a value set are here; the text says what is missing."""


class Coded(NamedTuple):
    """A code of a system, with what it is called ("" where nobody says)."""

    system: str
    code: str
    display: str


def expansion(canonicals: Canonicals, url: str) -> list[Coded]:
    """Return the codes of the value set ``url`` in its order. Raises NotExpandable, and KeyError when nobody defines it."""
    found = list(_value_set(canonicals, url, ()))
    if len(found) > _MOST:
        raise NotExpandable(f"it has more than {_MOST} codes")
    return list({(each.system, each.code): each for each in reversed(found)}.values())[::-1]


def _value_set(canonicals: Canonicals, url: str, under: tuple[str, ...]) -> Iterable[Coded]:
    definition = canonicals.value_set(url)
    if definition is None:
        return _of_r4(url)
    if url in under or len(under) > _DEEPEST:
        raise NotExpandable(f"{url} is part of itself")
    compose = definition.get("compose")
    if not isinstance(compose, dict):
        contained = list(_contained(definition.get("expansion", {}).get("contains", ())))
        if not contained:
            raise NotExpandable(f"{url} lists no codes")
        return contained
    inside = (*under, url)
    excluded = {each[:2] for part in compose.get("exclude", ()) for each in _part(canonicals, part, inside)}
    included = [each for part in compose.get("include", ()) for each in _part(canonicals, part, inside)]
    return [each for each in included if each[:2] not in excluded]


def _of_r4(url: str) -> list[Coded]:
    """Return the codes of a value set of R4, whose names are no facts of this server's."""
    codes = value_set_codes(url)
    if codes is None:
        raise KeyError(url)
    return [Coded(system, code, "") for system, every in codes.items() for code in sorted(every)]


def _part(canonicals: Canonicals, part: Mapping[str, Any], under: tuple[str, ...]) -> list[Coded]:
    """Return what all that one include or exclude names have in common."""
    parts: list[list[Coded]] = []
    if "system" in part:
        parts.append(list(_selection(canonicals, part)))
    for url in part.get("valueSet", ()):
        try:
            parts.append(list(_value_set(canonicals, url, under)))
        except KeyError as error:
            raise NotExpandable(f"the value set {url} is not here") from error
    first, *others = parts or [[]]
    for other in others:
        known = {each[:2] for each in other}
        first = [each for each in first if each[:2] in known]
    return first


def _selection(canonicals: Canonicals, part: Mapping[str, Any]) -> Iterator[Coded]:
    system = part["system"]
    definition = canonicals.code_system(system)
    if "concept" in part:
        names = {each.get("code"): each.get("display", "") for each in concepts(definition or {})}
        for each in part["concept"]:
            yield Coded(system, each["code"], each.get("display") or names.get(each["code"], ""))
    elif "filter" in part:
        raise NotExpandable(f"codes of {system} are chosen by a filter")
    elif definition is None or not is_complete(definition):
        raise NotExpandable(f"the codes of {system} are not all here")
    else:
        yield from (Coded(system, each["code"], each.get("display", "")) for each in concepts(definition))


def _contained(contains: Iterable[Mapping[str, Any]]) -> Iterator[Coded]:
    for each in contains:
        if "code" in each and not each.get("abstract"):
            yield Coded(each.get("system", ""), each["code"], each.get("display", ""))
        yield from _contained(each.get("contains", ()))
