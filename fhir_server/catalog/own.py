"""Search parameters of the user's own: read from a stored SearchParameter, remembered, and joined to the catalogue.

https://hl7.org/fhir/R4/searchparameter.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.catalog.definitions import OWN, SearchParameter
from fhir_server.catalog.expression import HAND_WRITTEN, LEAVES, ExpressionError, paths
from fhir_server.catalog.registered import Registered
from fhir_server.errors import Issue
from profiles.definitions import resource_types

MOST: Final = 40
"""Own parameters of one type: each costs every write."""
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")
_LONGEST = 1_000
_DEEPEST = 10  # steps of a path: it becomes a function, which cannot nest more than 20 loops


def read(resource: Mapping[str, Any], id_: str, now: int = 0) -> tuple[Registered, ...]:
    """Return what a SearchParameter defines, one for each base; nothing unless it is active."""
    if resource.get("status") != "active":
        return ()
    kind, expression, code, url = (str(resource.get(name, "")) for name in ("type", "expression", "code", "url"))
    targets = " ".join(_codes(resource, "target")) if kind == "reference" else ""
    bases = dict.fromkeys(_codes(resource, "base"))
    return tuple(Registered(base, code, 1, "building", id_, kind, expression, targets, url, now) for base in bases)


def _codes(resource: Mapping[str, Any], name: str) -> list[str]:
    return [one for one in resource.get(name, ()) if isinstance(one, str)]  # null where there is only an extension


def faults(resource: Mapping[str, Any], id_: str, catalog: Catalog) -> Iterator[Issue]:
    """Yield why the active SearchParameter ``id_`` cannot be searched by here, nothing when it can."""
    found = read(resource, id_)
    for one in found[:1]:
        yield from _general(one)
    for number, one in enumerate(found):
        place = f"SearchParameter.base[{number}]"
        entry = catalog.types.get(one.type)
        if entry is None or not entry.is_stored or "search-type" not in entry.interactions:
            yield _fault("No such type is stored and searched here; name the types one by one, as /metadata lists them.", place)
        else:
            yield from _on_type(one, entry, catalog, place)


def _general(one: Registered) -> Iterator[Issue]:
    if not _CODE.fullmatch(one.code):
        yield _fault("A code begins with a letter and has letters, digits, '-' and '_' only, at most 64.", "SearchParameter.code")
    if one.kind not in LEAVES:
        yield _fault(f"Parameters of this type cannot be added; possible are {', '.join(LEAVES)}.", "SearchParameter.type")
    if not one.expression or len(one.expression) > _LONGEST:
        text = f"An active parameter needs an expression of at most {_LONGEST:,} characters."
        yield _fault(text, "SearchParameter.expression")
    if unknown := [name for name in one.targets.split() if name not in resource_types()]:
        yield _fault(f"{unknown[0]} is no resource type.", "SearchParameter.target")


def _on_type(one: Registered, entry: Entry, catalog: Catalog, place: str) -> Iterator[Issue]:
    others = [each for each in catalog.own if each.type == one.type and each.state != "retired"]
    taken = one.code in entry.search and entry.search[one.code].place != OWN
    if taken or any(each.code == one.code and each.id != one.id for each in others):
        yield _fault(f"{one.type} has a search parameter of this code already; choose another code.", "SearchParameter.code")
    elif len({each.code for each in others} | {one.code}) > MOST:
        yield _fault(f"{one.type} has {MOST} parameters of its own already; retire one first.", place)
    if one.kind in LEAVES and 0 < len(one.expression) <= _LONGEST:
        try:
            parameter(one)
        except ExpressionError as error:
            yield _fault(f"The expression cannot be indexed: {error}.", "SearchParameter.expression")


def _fault(text: str, place: str) -> Issue:
    return Issue("business-rule", text, place, detail="search-parameter-refused")


@lru_cache(maxsize=1024)
def parameter(one: Registered) -> SearchParameter:
    """Return the parameter that searches and extraction use. Raises ExpressionError when it is outside what can be indexed."""
    if one.expression in HAND_WRITTEN:
        raise ExpressionError(f"'{one.expression}' is outside the grammar")
    if not (one.expression + one.url).isprintable():
        raise ExpressionError("it, or the url, has characters that cannot be printed")
    found = paths(one.expression, one.type, LEAVES[one.kind])
    if any(len(path.steps) > _DEEPEST for path in found):
        raise ExpressionError(f"a path has more than {_DEEPEST} steps")
    if any(path.target and (path.type != "Reference" or path.target not in resource_types()) for path in found):
        raise ExpressionError("'resolve() is' tests the type of something that is no reference to a resource")
    named = tuple(dict.fromkeys(path.target for path in found))
    targets = named if all(named) else tuple(one.targets.split())
    if one.kind == "reference" and not targets:
        raise ExpressionError("it does not tell what the references point to; name it in SearchParameter.target")
    return SearchParameter(one.code, one.kind, one.url, one.expression, targets, found, OWN, generation=one.generation)


def planned(registered: Sequence[Registered], wanted: Iterable[Registered], types: Mapping[str, Entry]) -> list[Registered]:
    """Return what is to be remembered when ``wanted`` are stored (of two with one code the first counts): everything, retired too.

    What is defined as before goes on; what is defined anew is built beside the generation that is ready; all else retires.
    ``types`` are those of the file: what they have, and what cannot be indexed, is left out.
    """
    known: dict[tuple[str, str], list[Registered]] = {}
    for one in sorted(registered, key=lambda one: one.generation):
        known.setdefault((one.type, one.code), []).append(one)
    chosen: dict[tuple[str, str], Registered] = {}
    for one in wanted:
        if _usable(one, types):
            chosen.setdefault((one.type, one.code), one)
    return [each for place in dict.fromkeys([*known, *chosen]) for each in _generations(known.get(place, []), chosen.get(place))]


def _generations(known: Sequence[Registered], wanted: Registered | None) -> list[Registered]:
    ready = next((one for one in known if one.state == "ready"), None)
    live = [one for one in known if one.state != "retired"]
    kept = next((one for one in live if wanted and one.definition == wanted.definition), None)
    staying = {kept, ready if wanted else None}
    after = [one if one in staying else replace(one, state="retired") for one in known]
    if wanted is None:
        return after
    if kept is None:
        return [*after, replace(wanted, generation=1 + max((one.generation for one in known), default=0))]
    return [replace(one, id=wanted.id, url=wanted.url) if one is kept else one for one in after]


def _usable(one: Registered, types: Mapping[str, Entry]) -> bool:
    entry = types.get(one.type)
    if entry is None or not entry.is_stored or one.code in entry.search or one.kind not in LEAVES:
        return False
    try:
        return bool(parameter(one))
    except ExpressionError:
        return False


def built(registered: Sequence[Registered], done: Iterable[Registered]) -> list[Registered]:
    """Return what is to be remembered when all resources are indexed by ``done``: they are ready, what they follow retires."""
    finished = {(one.type, one.code, one.generation) for one in done if one.state == "building"}
    ready = [one for one in registered if (one.type, one.code, one.generation) in finished and one.state == "building"]
    followed = {(one.type, one.code) for one in ready}
    return [
        replace(one, state="ready")
        if one in ready
        else replace(one, state="retired")
        if one.state == "ready" and (one.type, one.code) in followed
        else one
        for one in registered
    ]


def join(catalog: Catalog, types: Mapping[str, Entry], registered: Sequence[Registered]) -> None:
    """Make ``catalog`` that of ``types``, those of the file, and of what was registered; all at once."""
    live: dict[str, list[Registered]] = {}
    for one in registered:
        if one.state != "retired" and _usable(one, types):
            live.setdefault(one.type, []).append(one)
    read_, indexed = dict(types), {}
    for type_, found in live.items():
        ready = [parameter(one) for one in found if one.state == "ready"]
        read_[type_] = _with(types[type_], {one.code: one for one in ready})
        if len(ready) < len(found):
            indexed[type_] = _with(types[type_], {parameter(one).index_code: parameter(one) for one in found})
    catalog.types, catalog.wider, catalog.own = MappingProxyType(read_), indexed, tuple(registered)


def _with(entry: Entry, more: Mapping[str, SearchParameter]) -> Entry:
    references = tuple(code for code, one in more.items() if one.type == "reference")
    search = MappingProxyType({**entry.search, **more})
    return replace(entry, search=search, includes=(*entry.includes, *references)) if more else entry
