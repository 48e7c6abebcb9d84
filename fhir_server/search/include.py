"""Which resources ``_include`` and ``_revinclude`` ask for beside those of a page (https://hl7.org/fhir/R4/search.html#include)."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.search.include_values import is_kept
from fhir_server.search.leaves import target
from fhir_server.search.search import Include
from fhir_server.search.tree import Node, Or, ReferenceTo
from fhir_server.search.walk import walk

_LOCAL = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}")


def targets(resources: Sequence[Mapping[str, Any]], includes: Sequence[Include], catalog: Catalog, base: str = "") -> list[str]:
    """Return the references ("Type/id") that ``includes`` follow out of ``resources``, in order, each once.

    Only literal references to this server and to types of the catalogue are followed; what is among ``resources`` is left out.
    ``base`` is the server's FHIR base without a slash at the end.
    """
    present = {f"{resource['resourceType']}/{resource.get('id')}" for resource in resources}
    return [one for one in pointed_to(resources, includes, catalog, base) if one not in present]


def pointed_to(resources: Iterable[Mapping[str, Any]], includes: Sequence[Include], catalog: Catalog, base: str = "") -> list[str]:
    """Return the same as ``targets``, with what is among ``resources`` itself."""
    return list(dict.fromkeys(one for resource in resources for one in _of(resource, includes, catalog, base)))


def sources(references: Sequence[str], includes: Sequence[Include], catalog: Catalog) -> Iterator[tuple[str, Node]]:
    """Yield, per type, what finds the resources that point to one of ``references`` ("Type/id") as a ``_revinclude`` says."""
    for entry in catalog.types.values():
        wanted = [include for include in includes if include.type in {"*", entry.name}] if is_kept(entry) else []
        nodes = dict.fromkeys(node for include in wanted for node in _pointing(references, include, entry))
        if nodes:
            yield entry.name, Or(tuple(nodes))


def _pointing(references: Sequence[str], include: Include, entry: Entry) -> Iterator[Node]:
    for code in _codes(include, entry):
        for reference in references:
            type_ = reference.partition("/")[0]
            if type_ in entry.search[code].targets and include.target in {"", type_}:
                yield ReferenceTo(entry.search[code].index_code, reference)


def _of(resource: Mapping[str, Any], includes: Sequence[Include], catalog: Catalog, base: str) -> Iterator[str]:
    entry = catalog.types.get(resource["resourceType"])
    if entry is None:
        return
    for include in includes:
        if include.type in {"*", entry.name}:
            yield from _follow(resource, include, entry, catalog, base)


def _follow(resource: Mapping[str, Any], include: Include, entry: Entry, catalog: Catalog, base: str) -> Iterator[str]:
    for code in _codes(include, entry):
        for path in entry.search[code].paths:
            for value in walk(resource, path):
                literal = value.get("reference", "") if path.type == "Reference" else value
                local = _LOCAL.fullmatch(target(literal, base))
                if local and local[1] in catalog.types and include.target in {"", local[1]}:
                    yield local[0]


def _codes(include: Include, entry: Entry) -> Sequence[str]:
    return entry.includes if include.param == "*" else (include.param,)
