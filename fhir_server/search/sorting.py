"""The value of ``_sort``: keys between commas, each with "-" in front when descending (https://hl7.org/fhir/R4/search.html#sort)."""

from dataclasses import replace

from fhir_server.catalog.catalog import LAST_UPDATED, Entry
from fhir_server.errors import BadRequest
from fhir_server.search.tree import Sort

_RANGES = frozenset({"date", "number", "quantity"})


def sort(entry: Entry, value: str) -> Sort:
    """Return the order that ``value`` asks of the type ``entry``. Raises BadRequest with the keys that are possible."""
    keys: dict[str, Sort] = {}
    for part in value.split(","):
        code = part.removeprefix("-")
        key = _key(entry, code, descending=part.startswith("-"))
        if key is None:
            possible = ", ".join(_possible(entry))
            text = f"{entry.name} can be sorted by: {possible} (with '-' in front: descending; several between commas)."
            raise BadRequest(text, detail="search-sort")
        if code in keys:
            raise BadRequest(f"'_sort' names '{code}' twice; name it once.", detail="search-sort")
        keys[code] = key
    if len(keys) == 1:
        return next(iter(keys.values()))
    first, *others = (_exact(entry, key) for key in keys.values())
    return replace(first, then=tuple(others))


def _exact(entry: Entry, key: Sort) -> Sort:
    """Return the main date as any other date: alone it takes ``meta.lastUpdated`` for a date that is missing, and is fast."""
    return replace(key, by="date", param=entry.main_date) if key.by == "main" else key


def _possible(entry: Entry) -> list[str]:
    codes = dict.fromkeys([entry.main_date, LAST_UPDATED, "_id", *entry.search])
    return [code for code in codes if _key(entry, code, descending=False) is not None]


def _key(entry: Entry, code: str, *, descending: bool) -> Sort | None:
    """Return the key ``code``, None when the type cannot be sorted by it."""
    if code == LAST_UPDATED:
        return Sort("_lastUpdated", descending)
    if code == entry.main_date:
        return Sort("main", descending)
    if code == "_id":
        return Sort("_id", descending)
    parameter = entry.search.get(code)
    if parameter is None:
        return None
    if parameter.type in _RANGES:
        return Sort("date", descending, parameter.index_code)
    if parameter.type == "string":
        return Sort("string", descending, parameter.index_code)
    return Sort("token", descending, parameter.index_code) if code in entry.sort else None
