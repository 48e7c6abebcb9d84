"""The values of ``_include`` and ``_revinclude`` (https://hl7.org/fhir/R4/search.html#include).

``:iterate`` may start at any type, since what it starts from may have been included itself.
"""

from collections.abc import Iterator

from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.errors import BadRequest
from fhir_server.search.search import Include


def forward(entry: Entry, catalog: Catalog | None, modifier: str, value: str) -> Include:
    """Read an ``_include`` of a search of ``entry``. Raises BadRequest."""
    iterate = _iterate("_include", modifier, catalog)
    if value == "*":
        return Include("*" if iterate else entry.name, "*", iterate=iterate)
    type_, param, target = _parts(value)
    source = catalog.types.get(type_) if iterate and catalog else entry
    if source is None or type_ != source.name or param not in {"*", *source.includes}:
        raise _refused("_include", [f"{entry.name}:{code}" for code in ("*", *entry.includes)], entry, iterate=iterate)
    _require_target(source, param, target)
    return Include(type_, param, target, iterate)


def backward(entry: Entry, catalog: Catalog | None, modifier: str, value: str) -> Include:
    """Read a ``_revinclude`` of a search of ``entry``. Raises BadRequest."""
    iterate = _iterate("_revinclude", modifier, catalog)
    if catalog is None:
        raise BadRequest("'_revinclude' is not supported here.", detail="search-not-supported")
    if value == "*":
        return Include("*", "*", iterate=iterate)
    type_, param, target = _parts(value)
    source = catalog.types.get(type_)
    possible = list(reversible(catalog, entry.name))
    if source is None or not is_kept(source) or param not in {"*", *source.includes}:
        raise _refused("_revinclude", possible, entry, iterate=iterate)
    if not iterate and (param != "*" and f"{type_}:{param}" not in possible):
        raise _refused("_revinclude", possible, entry, iterate=iterate)
    _require_target(source, param, target)
    if target and not iterate and target != entry.name:
        raise BadRequest(f"'_revinclude' of {entry.name} leads from {entry.name}, not from another type.", detail="search-include")
    return Include(type_, param, target, iterate)


def reversible(catalog: Catalog, type_: str) -> Iterator[str]:
    """Yield, as "Type:parameter", every way in which ``_revinclude`` may lead from ``type_``."""
    for source in catalog.types.values():
        if is_kept(source):
            yield from (f"{source.name}:{code}" for code in source.includes if type_ in source.search[code].targets)


def is_kept(entry: Entry) -> bool:
    """Tell whether resources of the type are kept here and can be searched."""
    return entry.is_stored and "search-type" in entry.interactions


def _iterate(name: str, modifier: str, catalog: Catalog | None) -> bool:
    if modifier not in {"", "iterate"} or (modifier and catalog is None):
        raise BadRequest(f"'{name}' takes no modifier but :iterate.", detail="search-modifier")
    return modifier == "iterate"


def _parts(value: str) -> tuple[str, str, str]:
    type_, _, rest = value.partition(":")
    param, _, target = rest.partition(":")
    return type_, param, target


def _require_target(source: Entry, param: str, target: str) -> None:
    if target and param != "*" and target not in source.search[param].targets:
        targets = ", ".join(source.search[param].targets)
        raise BadRequest(f"{source.name}:{param} points to {targets}.", detail="search-include")


def _refused(name: str, possible: list[str], entry: Entry, *, iterate: bool) -> BadRequest:
    if iterate:
        text = f"'{name}:iterate' is Type:parameter, of a type and a reference parameter that the CapabilityStatement lists."
    else:
        hint = "each also with :Type; from what was included, use :iterate"
        text = f"'{name}' of {entry.name} can be {', '.join(possible)}, {hint}."
    return BadRequest(text, detail="search-include")
