"""The value of ``_sort``: keys between commas, each with "-" in front when descending (https://hl7.org/fhir/R4/search.html#sort)."""

from dataclasses import replace

from fhir_server.catalog.catalog import LAST_UPDATED, Entry
from fhir_server.errors import BadRequest
from fhir_server.search.tree import Sort

_RANGES = frozenset({"date", "number", "quantity"})


def sort(entry: Entry, value: str) -> Sort:
    """Return the order that ``value`` asks of the type ``entry``. Raises BadRequest with the keys that are possible."""
    possible = _possible(entry)
    keys: dict[str, Sort] = {}
    for part in value.split(","):
        code = part.removeprefix("-")
        if code not in possible:
            text = f"{entry.name} can be sorted by: {', '.join(possible)} (with '-' in front: descending; several between commas)."
            raise BadRequest(text, detail="search-sort")
        if code in keys:
            raise BadRequest(f"'_sort' names '{code}' twice; name it once.", detail="search-sort")
        keys[code] = replace(possible[code], descending=part.startswith("-"))
    if len(keys) == 1:
        return next(iter(keys.values()))
    first, *others = (_exact(entry, key) for key in keys.values())
    return replace(first, then=tuple(others))


def _exact(entry: Entry, key: Sort) -> Sort:
    """Return the main date as any other date: alone it takes ``meta.lastUpdated`` for a date that is missing, and is fast."""
    return replace(key, by="date", param=entry.main_date) if key.by == "main" else key


def _possible(entry: Entry) -> dict[str, Sort]:
    """Return every key by its code."""
    found = {entry.main_date: Sort("main"), LAST_UPDATED: Sort("_lastUpdated"), "_id": Sort("_id")}
    for code, parameter in entry.search.items():
        if code in found:
            continue
        if parameter.type in _RANGES:
            found[code] = Sort("date", param=parameter.index_code)
        elif parameter.type == "string":
            found[code] = Sort("string", param=parameter.index_code)
        elif code in entry.sort:
            found[code] = Sort("token", param=parameter.index_code)
    return found
