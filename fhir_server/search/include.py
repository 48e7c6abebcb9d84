"""Which resources ``_include`` asks for beside those of a page (https://hl7.org/fhir/R4/search.html#include)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.search.leaves import target
from fhir_server.search.search import Include
from fhir_server.search.walk import walk

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}")


def targets(resources: Sequence[Mapping[str, Any]], includes: Sequence[Include], catalog: Catalog, base: str = "") -> list[str]:
    """Return the references ("Type/id") that ``includes`` follow out of ``resources``, in order, each once.

    Only literal references to this server and to types of the catalogue are followed; what is among ``resources`` is left out.
    ``base`` is the server's FHIR base without a slash at the end.
    """
    present = {f"{resource['resourceType']}/{resource.get('id')}" for resource in resources}
    found = (one for resource in resources for one in _of(resource, includes, catalog, base))
    return [one for one in dict.fromkeys(found) if one not in present]


def _of(resource: Mapping[str, Any], includes: Sequence[Include], catalog: Catalog, base: str) -> Iterator[str]:
    entry = catalog.types.get(resource["resourceType"])
    if entry is None:
        return
    for include in includes:
        if include.type == entry.name:
            yield from _follow(resource, include, entry, catalog, base)


def _follow(resource: Mapping[str, Any], include: Include, entry: Entry, catalog: Catalog, base: str) -> Iterator[str]:
    for code in entry.includes if include.param == "*" else (include.param,):
        for path in entry.search[code].paths:
            for value in walk(resource, path):
                literal = value.get("reference", "") if path.type == "Reference" else value
                local = _LOCAL.fullmatch(target(literal, base))
                if local and local[1] in catalog.types and include.target in {"", local[1]}:
                    yield local[0]
