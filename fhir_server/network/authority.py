"""What people may say in their own name, and what they may not take off: rules on the content of what they write."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from fhir_server.model import reference
from fhir_server.network.message_thread import SENDER_TEAM

OWN_TAGS: Final = "https://netwerkdossier.example/fhir/CodeSystem/hub-tag"
"""The tags by which the server says where a resource comes from."""
SIGNAL_STATE: Final = "https://netwerkdossier.example/fhir/CodeSystem/signal-state"
"""The tags by which the server says what was found of a signal."""
_CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_ORDER: Final = ("U", "L", "M", "N", "R", "V")
_RECEIVE: Final = frozenset({"Communication", "CommunicationRequest"})


def claims_origin(resource: Mapping[str, Any]) -> bool:
    """Tell whether a resource has a tag that only the server gives."""
    return any(system == OWN_TAGS for system, _ in _codings(resource, "tag"))


def claims_state(resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Tell whether a resource says other than ``before`` (None: there is none) what was found of a signal."""
    states = [{code for system, code in _codings(each, "tag") if system == SIGNAL_STATE} for each in (resource, before or {})]
    return states[0] != states[1]


def lowers(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Tell whether ``after`` lacks a security label of ``before``; a confidentiality may give way to a higher one."""
    left = set(_codings(after, "security"))
    highest = max((_rank(*each) for each in left), default=-1)
    return any(each not in left and not -1 < _rank(*each) < highest for each in _codings(before, "security"))


def speaks_for_others(resource: Mapping[str, Any], own: Collection[str], base: str) -> str:
    """Return the FHIRPath of what names somebody else as who acts or sends, "" for nothing.

    ``own`` are the caller's references and teams.
    """
    for path, value in _speakers(resource):
        if _local(value, base) not in own:
            return path
    return ""


def recipients(resource: Mapping[str, Any], base: str) -> Iterator[tuple[str, str]]:
    """Yield the place and the reference ("Type/id", "" for none of this server) of whom a message is to."""
    if resource.get("resourceType") in _RECEIVE:
        for number, each in enumerate(resource.get("recipient", ())):
            yield f"{resource['resourceType']}.recipient[{number}]", _local(each, base)


def _speakers(resource: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    match resource.get("resourceType"):
        case "CommunicationRequest":
            if "sender" in resource:
                yield "CommunicationRequest.sender", resource["sender"]
            for number, each in enumerate(resource.get("extension", ())):
                if each.get("url") == SENDER_TEAM:
                    yield f"CommunicationRequest.extension[{number}].value", each.get("valueReference")
        case "AuditEvent":
            for number, agent in enumerate(resource.get("agent", ())):
                if agent.get("requestor") is True:
                    yield f"AuditEvent.agent[{number}].who", agent.get("who")


def _local(value: object, base: str) -> str:
    literal = value.get("reference") if isinstance(value, Mapping) else None
    found = reference.parse(literal, base) if isinstance(literal, str) else None
    return f"{found.type}/{found.id}" if found else ""


def _codings(resource: Mapping[str, Any], name: str) -> Iterator[tuple[str, str]]:
    meta = resource.get("meta")
    for each in meta.get(name, ()) if isinstance(meta, Mapping) else ():
        yield str(each.get("system", "")), str(each.get("code", ""))


def _rank(system: str, code: str) -> int:
    return _ORDER.index(code) if system == _CONFIDENTIALITY and code in _ORDER else -1
