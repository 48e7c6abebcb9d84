"""The capabilities interaction (https://hl7.org/fhir/R4/http.html#capabilities), generated from the catalogue."""

from collections.abc import Sequence
from typing import Any

from fhir_server import __version__
from fhir_server.access.actor import Role
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.catalog.definitions import SearchParameter
from fhir_server.catalog.topics import topics
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer
from fhir_server.interactions.subsets import one
from fhir_server.interactions.terminology_capabilities import TYPE as TERMINOLOGY
from fhir_server.interactions.terminology_capabilities import terminology
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.network.ozo import BASE, DEFAULT_MODE, PROFILED, STATEMENTS, Mode
from fhir_server.search.include_values import reversible
from fhir_server.subscriptions.manner import BACKPORT
from profiles.conformance import conformance

RELEASED = "2026-11-22"
MODES = ("full", "normative", "terminology")
Operation = tuple[str, str, str]
"""The type that an operation is of ("": the whole system), its code, and the canonical URL of its definition."""
REFERENCES = ("literal", "logical")
ENFORCED = "enforced"
BUILT_IN = (
    {"name": "_id", "definition": "http://hl7.org/fhir/SearchParameter/Resource-id", "type": "token"},
    {"name": "_lastUpdated", "definition": "http://hl7.org/fhir/SearchParameter/Resource-lastUpdated", "type": "date"},
)
OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_URIS = (
    ("authorize", "oauth/authorize"),
    ("token", "oauth/token"),
    ("introspect", "oauth/introspect"),
    ("revoke", "oauth/revoke"),
)
TOPIC = BACKPORT + "capabilitystatement-subscriptiontopic-canonical"
COMPARTMENTS = ("patient", "practitioner", "relatedPerson", "device", "encounter")
PATCH_FORMATS = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/json",
    "application/fhir+json",
    "application/fhir+xml",
)


class Capabilities:
    """The CapabilityStatement, built once for each state of the catalogue."""

    def __init__(
        self,
        catalog: Catalog,
        base: str,
        references: Sequence[str] = REFERENCES,
        operations: Sequence[Operation] = (),
        ozo: Mode = DEFAULT_MODE,
        *,
        cors: bool = False,
    ) -> None:
        """Build it for the server at ``base``, in the mode ``ozo``, with ``references`` and ``operations``.

        ``cors``: somebody lets apps in browsers call it.
        """
        self._cors = cors
        self._references, self._operations, self._ozo = references, operations, ozo
        self._catalog, self._base = catalog, base
        self._types = catalog.types
        self._bodies: dict[str, bytes] = {}

    def answer(self, parameters: Sequence[tuple[str, str]] = (), role: Role | None = None) -> Answer:
        """Answer with the CapabilityStatement for who has ``role``, the TerminologyCapabilities where the ``mode`` is terminology.

        It needs no token: None is anybody. The statement of OZO that it instantiates depends on the role. The mode normative gives
        the whole of it, as R4 permits.

        Raises BadRequest for a mode that R4 does not have, or a subset that the resource does not have.
        """
        mode = _mode(parameters)
        if mode == "terminology":
            return Answer(200, one(write(terminology(self._base, RELEASED)), TERMINOLOGY, parameters))
        if self._types is not self._catalog.types:
            self._types = self._catalog.types
            self._bodies.clear()
        of = statement_of(role)
        if of not in self._bodies:
            self._bodies[of] = write(self._declared(of))
        return Answer(200, one(self._bodies[of], "CapabilityStatement", parameters))

    def _declared(self, of: str) -> dict[str, Any]:
        ours = statement(self._catalog, self._base, self._references, self._operations) | {"instantiates": [STATEMENTS + of]}
        ours["rest"][0]["security"]["cors"] = self._cors
        if not self._ozo.statement:
            return ours
        theirs = read(conformance()["CapabilityStatement"][of], OWN).resource
        formats = ours["format"] if of == _OF_ROLES["system"] else ["application/fhir+json", "json"]
        return {**ours, "format": formats, "rest": theirs["rest"]}


def _mode(parameters: Sequence[tuple[str, str]]) -> str:
    given = [value for name, value in parameters if name == "mode"] or ["full"]
    if any(each not in MODES for each in given):
        raise BadRequest(f"'mode' can be {', '.join(MODES)}.", detail="search-value")
    if len(set(given)) > 1:
        raise BadRequest("'mode' is given twice; choose one.", detail="search-value")
    return given[0]


def statement_of(role: Role | None) -> str:
    """Return the id of the statement of OZO for who has ``role``, None for anybody."""
    return _ANYBODY if role is None else _OF_ROLES.get(role, _PERSON)


_ANY = "Resource"  # an operation of every type
_ANYBODY, _PERSON = "OZO-Server", "OZO-Client"
_OF_ROLES = {"system": "OZO-System"}


def statement(
    catalog: Catalog, base: str, references: Sequence[str] = REFERENCES, operations: Sequence[Operation] = ()
) -> dict[str, Any]:
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
        "rest": [_rest(catalog, base, references, operations)],
    }


def _rest(catalog: Catalog, base: str, references: Sequence[str], operations: Sequence[Operation]) -> dict[str, Any]:
    resources = [_resource(catalog, entry, references) | _operations(operations, name) for name, entry in catalog.types.items()]
    rest = {
        "mode": "server",
        "security": _security(base),
        "resource": resources,
        "interaction": [{"code": code} for code in ("batch", "history-system", "search-system", "transaction")],
        "searchParam": _of_all_types(catalog),
        "compartment": [f"http://hl7.org/fhir/CompartmentDefinition/{name}" for name in COMPARTMENTS],
    }
    return rest | _operations(operations, "")


def _operations(operations: Sequence[Operation], type_: str) -> dict[str, Any]:
    types = {type_, _ANY} if type_ else {type_}
    found = [{"name": code, "definition": definition} for of, code, definition in operations if of in types]
    return {"operation": found} if found else {}


def _of_all_types(catalog: Catalog) -> list[dict[str, str]]:
    searched = [entry.search for entry in catalog.types.values() if "search-type" in entry.interactions]
    common = [each for code, each in searched[0].items() if all(code in other for other in searched)] if searched else []
    return [*BUILT_IN, *map(_parameter, common)]


def _parameter(parameter: SearchParameter) -> dict[str, str]:
    return {"name": parameter.code, "definition": parameter.url, "type": parameter.type}


def _security(base: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/restful-security-service", "code": "SMART-on-FHIR"}
    return {
        "extension": [
            {"url": OAUTH_URIS, "extension": [{"url": name, "valueUri": f"{_root(base)}/{path}"} for name, path in _URIS]}
        ],
        "cors": False,
        "service": [{"coding": [coding]}],
        "description": f"Bearer tokens (JWT) whose audience is {base}",
    }


def _root(base: str) -> str:
    return base.removesuffix("/fhir")


def _resource(catalog: Catalog, entry: Entry, references: Sequence[str]) -> dict[str, Any]:
    owned = entry.is_stored
    result: dict[str, Any] = {
        "type": entry.name,
        "documentation": _HOMES[entry.home],
        "interaction": [{"code": code} for code in sorted(entry.interactions)],
        "versioning": "versioned" if owned else "no-version",
        "readHistory": "vread" in entry.interactions,
        "conditionalRead": "full-support" if owned else "not-supported",
    }
    if owned:
        result["referencePolicy"] = list(references)
    if profiles := [BASE + name for name in PROFILED.get(entry.name, ())]:
        result |= {"profile": profiles[0], "supportedProfile": profiles}
    if entry.name == "Subscription":
        result["extension"] = [{"url": TOPIC, "valueCanonical": each} for each in topics()]
    if "update" in entry.interactions:
        result["updateCreate"] = True
    result |= {
        name: value for name, (interaction, value) in _CONDITIONAL.items() if _CRITERIA | {interaction} <= entry.interactions
    }
    return result | _search(catalog, entry) if "search-type" in entry.interactions else result


def _search(catalog: Catalog, entry: Entry) -> dict[str, Any]:
    include = [f"{entry.name}:{code}" for code in entry.includes]
    reverse = list(reversible(catalog, entry.name)) if entry.is_stored else []
    found = {"searchInclude": include, "searchRevInclude": reverse, "searchParam": list(map(_parameter, entry.search.values()))}
    return {name: values for name, values in found.items() if values}


_CRITERIA = frozenset({"search-type"})
_CONDITIONAL: dict[str, tuple[str, bool | str]] = {
    "conditionalCreate": ("create", True),
    "conditionalUpdate": ("update", True),
    "conditionalDelete": ("delete", "single"),
}
_HOMES = {
    "owned": "Stored here.",
    "federated": "Asked from the source systems at the moment of the request; never stored here.",
    "published": "What this server says of itself; the same for everybody.",
    "both": "Stored here, and asked from the source systems.",
}
