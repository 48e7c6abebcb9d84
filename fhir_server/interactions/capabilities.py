"""The capabilities interaction (https://hl7.org/fhir/R4/http.html#capabilities), generated from the catalogue."""

from typing import Any

from fhir_server import __version__
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.interactions.call import Answer
from fhir_server.model.json import write

RELEASED = "2026-11-22"


class Capabilities:
    """The CapabilityStatement, built once."""

    def __init__(self, catalog: Catalog, base: str) -> None:
        """Build it for the server at ``base``."""
        self._body = write(statement(catalog, base))

    def answer(self) -> Answer:
        """Answer with the CapabilityStatement; it needs no token."""
        return Answer(200, self._body)


def statement(catalog: Catalog, base: str) -> dict[str, Any]:
    """Return the CapabilityStatement (https://hl7.org/fhir/R4/capabilitystatement.html) of the server at ``base``."""
    return {
        "resourceType": "CapabilityStatement",
        "url": f"{base}/metadata",
        "version": __version__,
        "name": "NetworkDossierHub",
        "title": "Network dossier hub",
        "status": "active",
        "date": RELEASED,
        "kind": "instance",
        "software": {"name": "Network dossier hub", "version": __version__},
        "implementation": {"description": "The dossier of the network, and the door to the source systems", "url": base},
        "fhirVersion": "4.0.1",
        "format": ["application/fhir+json", "application/fhir+xml", "json", "xml"],
        "rest": [_rest(catalog, base)],
    }


def _rest(catalog: Catalog, base: str) -> dict[str, Any]:
    return {"mode": "server", "security": _security(base), "resource": [_resource(entry) for entry in catalog.types.values()]}


def _security(base: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {"cors": False, "service": [{"coding": [coding]}], "description": f"Bearer tokens (JWT) whose audience is {base}"}


def _resource(entry: Entry) -> dict[str, Any]:
    owned = entry.home != "federated"
    result: dict[str, Any] = {
        "type": entry.name,
        "documentation": _HOMES[entry.home],
        "interaction": [{"code": code} for code in sorted(entry.interactions)],
        "versioning": "versioned" if owned else "no-version",
        "conditionalRead": "full-support" if owned else "not-supported",
    }
    if "update" in entry.interactions:
        result["updateCreate"] = True
    if entry.includes:
        result["searchInclude"] = list(entry.includes)
    result["searchParam"] = [{"name": each.code, "definition": each.url, "type": each.type} for each in entry.search.values()]
    return result


_HOMES = {
    "owned": "Stored here.",
    "federated": "Asked from the source systems at the moment of the request; never stored here.",
    "both": "Stored here, and asked from the source systems.",
}
