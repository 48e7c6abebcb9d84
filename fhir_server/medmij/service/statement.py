"""The CapabilityStatement of one data service of one provider (https://hl7.org/fhir/R4/capabilitystatement.html)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_server import __version__
from fhir_server.catalog.catalog import Catalog
from fhir_server.medmij.catalogue import Query, Service
from fhir_server.medmij.registry import Provider

Json = dict[str, Any]
RELEASED: Final = "2026-11-23"


def statement(provider: Provider, service: Service, catalog: Catalog, base: str) -> Json:
    """Return what ``service`` of ``provider`` answers at ``base``."""
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/metadata",
        "version": __version__,
        "name": f"DataService{service.id}",
        "title": f"{service.name}, {provider.name}",
        "status": "active",
        "date": RELEASED,
        "kind": "instance",
        "software": {"name": "Network dossier hub", "version": __version__},
        "implementation": {"description": f"{service.role} of {provider.id}@medmij", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "A bearer token of MedMij, which names the client and the provider."},
                "resource": [_resource(type_, service, catalog) for type_ in service.types],
            }
        ],
    }


def _resource(type_: str, service: Service, catalog: Catalog) -> Json:
    searches = [each for each in service.searches if each.type == type_]
    interactions = (["read"] if type_ in service.read else []) + (["search-type"] if searches else [])
    found: Json = {"type": type_, "interaction": [{"code": each} for each in interactions]}
    parameters = [each for query in searches for each in _parameters(query, catalog)]
    included = [each for query in searches for each in sorted(query.include | query.iterate)]
    return found | ({"searchInclude": included} if included else {}) | ({"searchParam": parameters} if parameters else {})


def _parameters(query: Query, catalog: Catalog) -> Iterator[Mapping[str, str]]:
    known = catalog.types[query.type].search
    for name in sorted({*query.parameters, *dict(query.fixed)}):
        code = name.partition(".")[0]
        if code in known:
            yield {"name": name, "definition": known[code].url, "type": known[code].type}
