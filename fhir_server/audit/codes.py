"""The codes of the AuditEvents that the server writes."""

from collections.abc import Mapping
from typing import Any, Final

Coding = dict[str, str]
_OWN: Final = "https://netwerkdossier.example/fhir/CodeSystem/"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
_EVENT: Final = _HL7 + "audit-event-type"
SOURCE: Final = _HL7 + "security-source-type"
_SYSTEMS: Final = {"purpose": _HL7 + "v3-ActReason", "role": _OWN + "actor-role"}
_DISPLAYS: Final[Mapping[tuple[str, str], str]] = {
    (_EVENT, "rest"): "RESTful Operation",
    (SOURCE, "4"): "Application Server",
    (_DICOM, "110150"): "Application",
    (_DICOM, "110152"): "Destination Role ID",
    (_DICOM, "110153"): "Source Role ID",
}
_KINDS: Final = {"history-instance": "history", "history-type": "history", "history-system": "history"}
_SEARCHES: Final = frozenset({"search-type", "search-system"})
_SINGLE: Final = frozenset({"read", "vread", "update", "patch", "delete", "create", "capabilities", "batch", "transaction"})


def coding(code: str, system: str = _EVENT) -> Coding:
    """Return a Coding, with its display where it has one."""
    found = {"system": system, "code": code}
    display = _DISPLAYS.get((system, code))
    return found | {"display": display} if display else found


def coded(code: str, what: str) -> dict[str, Any]:
    """Return a CodeableConcept for a "purpose" (v3-ActReason) or a "role" of ours."""
    return {"coding": [coding(code, _SYSTEMS[what])]}


def outcome(status: int) -> str:
    """Return the outcome code of an HTTP status: 0 done, 4 refused, 8 failed."""
    return "0" if status < 400 else "4" if status < 500 else "8"  # noqa: PLR2004 - the classes of status codes


def subtypes(interaction: str) -> list[Coding]:
    """Return what kind of interaction it was, none for a request that never became one.

    OZO knows ``search`` and ``history`` only; FHIR's own finer codes stand beside them.
    """
    if interaction in _SINGLE:
        return [coding(interaction, _INTERACTION)]
    if interaction in _SEARCHES:
        return [coding("search", _INTERACTION), coding(interaction, _INTERACTION)]
    if interaction in _KINDS:
        return [coding(_KINDS[interaction], _INTERACTION), coding(interaction, _INTERACTION)]
    if interaction == "unknown":
        return []
    return [coding("operation", _INTERACTION), coding(interaction.removeprefix("$"), _OWN + "operation")]


def agent_type(agent: str, action: str) -> dict[str, Any]:
    """Return the type of the agent that is the "person", "software", "server" or "organisation" of an event.

    BALP: in a read the data flows from the server to the software, in everything else the question does, the other way round; a
    deletion has types of its own.
    """
    return {"coding": [_agent_type(agent, action)]}


def _agent_type(agent: str, action: str) -> Coding:
    if agent == "organisation":
        return coding("PROV", _HL7 + "v3-RoleClass")
    if agent == "person":
        return coding("IRCP" if action in {"R", "E"} else "AUT", _HL7 + "v3-ParticipationType")
    if action == "D":
        return coding("110150", _DICOM) if agent == "software" else coding("custodian", _HL7 + "provenance-participant-type")
    return coding("110152" if (agent == "software") == (action == "R") else "110153", _DICOM)


def _entity(system: str, code: str, display: str) -> Coding:
    return {"system": system, "code": code, "display": display}


ENTITY: Final[Mapping[str, Coding]] = {
    "person": _entity(_HL7 + "audit-entity-type", "1", "Person"),
    "object": _entity(_HL7 + "audit-entity-type", "2", "System Object"),
    "patient": _entity(_HL7 + "object-role", "1", "Patient"),
    "resource": _entity(_HL7 + "object-role", "4", "Domain Resource"),
    "query": _entity(_HL7 + "object-role", "24", "Query"),
    "consent": _entity("http://hl7.org/fhir/resource-types", "Consent", "Consent"),
    "source": _entity(_OWN + "record-entity", "source", "Source system that was asked"),
}
"""Types and roles of entities."""
REQUEST_ID: Final = {"system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": "XrequestId"}
