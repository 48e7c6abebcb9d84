"""The capabilities interaction (https://hl7.org/fhir/R4/http.html#capabilities), generated from the catalogue."""

from typing import Any

from fhir_server import __version__
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.interactions.call import Answer
from fhir_server.model.json import write
from fhir_server.search.include_values import reversible

RELEASED = "2026-11-22"
COMPARTMENTS = ("patient", "practitioner", "relatedPerson", "device", "encounter")
PATCH_FORMATS = ("application/json-patch+json", "application/merge-patch+json", "application/fhir+json", "application/fhir+xml")


class Capabilities:
    """The CapabilityStatement, built once for each state of the catalogue."""

    def __init__(self, catalog: Catalog, base: str) -> None:
        """Build it for the server at ``base``."""
        self._catalog, self._base = catalog, base
        self._types = catalog.types
        self._body = write(statement(catalog, base))

    def answer(self) -> Answer:
        """Answer with the CapabilityStatement; it needs no token."""
        if self._types is not self._catalog.types:
            self._types = self._catalog.types
            self._body = write(statement(self._catalog, self._base))
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
        "patchFormat": list(PATCH_FORMATS),
        "rest": [_rest(catalog, base)],
    }


def _rest(catalog: Catalog, base: str) -> dict[str, Any]:
    return {
        "mode": "server",
        "security": _security(base),
        "resource": [_resource(catalog, entry) for entry in catalog.types.values()],
        "interaction": [{"code": "batch"}, {"code": "transaction"}],
        "compartment": [f"http://hl7.org/fhir/CompartmentDefinition/{name}" for name in COMPARTMENTS],
    }


def _security(base: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {"cors": False, "service": [{"coding": [coding]}], "description": f"Bearer tokens (JWT) whose audience is {base}"}


def _resource(catalog: Catalog, entry: Entry) -> dict[str, Any]:
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
    result |= {
        name: value for name, (interaction, value) in _CONDITIONAL.items() if _CRITERIA | {interaction} <= entry.interactions
    }
    if entry.includes:
        result["searchInclude"] = list(entry.includes)
    if reverse := list(reversible(catalog, entry.name)):
        result["searchRevInclude"] = reverse
    result["searchParam"] = [{"name": each.code, "definition": each.url, "type": each.type} for each in entry.search.values()]
    return result


_CRITERIA = frozenset({"search-type"})
_CONDITIONAL: dict[str, tuple[str, bool | str]] = {
    "conditionalCreate": ("create", True),
    "conditionalUpdate": ("update", True),
    "conditionalDelete": ("delete", "single"),
}
_HOMES = {
    "owned": "Stored here.",
    "federated": "Asked from the source systems at the moment of the request; never stored here.",
    "both": "Stored here, and asked from the source systems.",
}
