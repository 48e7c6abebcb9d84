"""Routing, with what a refused method owes its caller: the methods that are possible (RFC 9110 section 15.5.6)."""

from collections.abc import Iterator, Sequence
from typing import Final

from fhir_server.catalog.catalog import Catalog
from fhir_server.errors import FhirError, NotAllowed
from fhir_server.interactions.route import NO_OPERATIONS, Operations, Route, route

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def routed(
    catalog: Catalog,
    method: str,
    segments: tuple[str, ...],
    parameters: Sequence[tuple[str, str]] = (),
    operations: Operations = NO_OPERATIONS,
) -> Route:
    """Return what the request asks for, as ``route`` does; NotAllowed comes with the header Allow."""
    try:
        return route(catalog, method, segments, parameters, operations)
    except NotAllowed as error:
        error.headers = ((b"allow", ", ".join(_allowed(catalog, segments, parameters, operations)).encode()),)
        raise


def _allowed(
    catalog: Catalog, segments: tuple[str, ...], parameters: Sequence[tuple[str, str]], operations: Operations
) -> Iterator[str]:
    for method in _METHODS:
        try:
            route(catalog, method, segments, parameters, operations)
        except FhirError:
            continue
        yield method
