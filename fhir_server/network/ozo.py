"""What OZO clients rely on: the profile that each resource claims, what is filled in, and the mode that the server is in.

Profiles stand in ``profiles/ozo``; what the two modes differ in stands in ``profiles/ozo/modes.toml`` and is read here only.
"""

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

from fhir_server.errors import Issue
from fhir_server.validation.profile import deviations, types_its_references
from profiles.conformance import identifier_systems

BASE: Final = "http://ozoverbindzorg.nl/fhir/StructureDefinition/"
STATEMENTS: Final = "http://ozoverbindzorg.nl/fhir/CapabilityStatement/"
PROFILED: Final[Mapping[str, tuple[str, ...]]] = {
    "Patient": ("OZOPatient",),
    "Practitioner": ("OZOPractitioner",),
    "RelatedPerson": ("OZORelatedPerson",),
    "Organization": ("OZOOrganization",),
    "CareTeam": ("OZOCareTeam", "OZOOrganizationalCareTeam"),
    "CommunicationRequest": ("OZOCommunicationRequest",),
    "Communication": ("OZOCommunication",),
    "Task": ("OZOTask",),
    "AuditEvent": ("OZOAuditEvent",),
    "Device": ("OZODevice",),
}
"""The profiles of each type, without ``BASE``; a CareTeam about nobody has the second one."""

_ALL: Final = "*"
_SOURCE_TYPE: Final = {"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4"}
_AGENTS: Final = "http://dicom.nema.org/resources/ontology/DCM"
_PERSON, _APPLICATION = "110153", "110150"


@dataclass(frozen=True, slots=True)
class Mode:
    """How much the server is like OZO; the names are those of ``modes.toml``."""

    binding: Mapping[str, Sequence[str]]
    binds: Literal["everybody", "speakers"]
    typed: frozenset[str]
    parameters: frozenset[str]
    json_only: bool
    operations: bool
    no_store: Literal["warn", "refuse"]
    delete: frozenset[str]
    hide: bool
    statement: bool
    close: frozenset[str]
    client_tasks: bool
    topics: bool
    letters: Mapping[str, Mapping[str, str]]
    types: frozenset[str]


@cache
def mode(*, strict: bool) -> Mode:
    """Return what holds in the strict or the default mode."""
    tables = tomllib.loads((files("profiles.ozo") / "modes.toml").read_text(encoding="utf-8"))
    table = tables["strict" if strict else "default"]
    sets = {name: frozenset(table[name]) for name in ("parameters", "delete", "close", "typed", "types")}
    return Mode(**{**table, **sets})


DEFAULT_MODE: Final = mode(strict=False)


def profile_of(resource: Mapping[str, Any]) -> str:
    """Return the name of the OZO profile that is for ``resource``, "" for none: of the Tasks those of a conversation have one."""
    type_ = resource["resourceType"]
    names = PROFILED.get(type_, ("",))
    if type_ == "Task" and not any(_is_about_a_conversation(each) for each in resource.get("basedOn", ())):
        return ""
    return names[-1] if type_ == "CareTeam" and "subject" not in resource else names[0]


def _is_about_a_conversation(reference: Mapping[str, Any]) -> bool:
    return "CommunicationRequest/" in str(reference.get("reference", ""))


def completed(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of ``resource`` that OZO clients leave out, or leave incomplete, as they are to be stored.

    https://hl7.org/fhir/R4/communication.html, https://hl7.org/fhir/R4/auditevent.html
    """
    type_ = resource.get("resourceType")
    if type_ == "Communication" and resource.keys().isdisjoint({"status", "_status"}):
        return {"status": "preparation"}
    return _completed_event(resource) if type_ == "AuditEvent" else {}


def _completed_event(event: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if event.keys().isdisjoint({"outcome", "_outcome"}):
        found["outcome"] = "0"
    source, agents = event.get("source"), event.get("agent")
    if isinstance(source, dict) and "type" not in source:
        found["source"] = {**source, "type": [_SOURCE_TYPE]}
    if isinstance(agents, list) and any(isinstance(each, dict) and "type" not in each for each in agents):
        found["agent"] = [_typed(each) if isinstance(each, dict) else each for each in agents]
    return found


def _typed(agent: Mapping[str, Any]) -> Mapping[str, Any]:
    who = agent.get("who")
    system = isinstance(who, dict) and (who.get("type") == "Device" or str(who.get("reference", "")).startswith("Device/"))
    return {"type": {"coding": [{"system": _AGENTS, "code": _APPLICATION if system else _PERSON}]}, **agent}


def speaks_ozo(resource: Mapping[str, Any], profile: str, typed: Collection[str]) -> bool:
    """Tell whether ``resource`` was written for OZO, and so for its ``profile``: by what it claims, or is known as.

    For the profiles ``typed`` also by the type of its references, unless it claims another profile, which may want that too.
    """
    claims = resource.get("meta", {}).get("profile", ())
    systems = {each.get("system") for each in resource.get("identifier", ())}
    if not systems.isdisjoint(_systems()) or any(isinstance(each, str) and each.startswith(BASE) for each in claims):
        return True
    return profile in typed and not claims and types_its_references(resource, BASE + profile)


@cache
def _systems() -> frozenset[str]:
    return frozenset(each for names in identifier_systems() for each in names)


class Judged(NamedTuple):
    """What became of the profile of a resource: the ``profiles`` to claim, and what refuses it."""

    profiles: tuple[str, ...]
    refused: tuple[Issue, ...]


def judged(resource: Mapping[str, Any], mode: Mode) -> Judged:
    """Say which profiles ``resource``, which is valid FHIR R4, is to claim, and what of it ``mode`` refuses.

    Whatever it claims of OZO is replaced by the profile for it, if it conforms; other claims stay beside.
    """
    claims = resource.get("meta", {}).get("profile", ())
    others = tuple(each for each in claims if isinstance(each, str) and not each.startswith(BASE))
    name = profile_of(resource)
    if not name:
        return Judged(others, ())
    found = deviations(resource, BASE + name)
    bound = found and (mode.binds == "everybody" or speaks_ozo(resource, name, mode.typed))
    binding = mode.binding.get(name, ()) if bound else ()
    refused = tuple(each.issue for each in found if _ALL in binding or each.element in binding)
    return Judged(others if found else (BASE + name, *others), refused)
