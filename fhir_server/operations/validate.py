"""``$validate``: whether a resource is what R4, a profile and this server would take; nothing is stored.

https://hl7.org/fhir/R4/resource-operation-validate.html
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server import validation
from fhir_server.catalog.packages.manifest import PackageError
from fhir_server.errors import BadRequest, Forbidden, Issue
from fhir_server.interactions import as_ozo
from fhir_server.interactions.call import Answer, Call, NoHeaders, resource_type_of
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.model.body import OWN
from fhir_server.model.json import Document, read, write
from fhir_server.model.outcome import operation_outcome
from fhir_server.model.reference import LOGICAL_ID
from fhir_server.network import modifiers, ozo
from fhir_server.network.identifier_rules import broken
from fhir_server.network.json_parts import listed
from fhir_server.validation.packaged.inside import claims
from fhir_server.validation.profile import deviations
from profiles.conformance import structure_definitions
from profiles.operations import takes

_MODES: Final = ("create", "update", "profile")
_CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_NOTHING: Final = Issue("informational", "Nothing is wrong with this resource.", severity="information")

_DAMAGED: Final = Issue(
    "incomplete",
    "The packages of this server cannot be read, so that their profiles were not looked at; `fhir-server check` says why.",
    severity="warning",
    detail="profile-unchecked",
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The ``resource`` to look at, None for the stored one; for which ``mode``, against which profiles beside its own."""

    resource: Any
    mode: str = ""
    profiles: Sequence[str] = ()


async def validate(call: Call) -> Answer:
    """Answer an OperationOutcome, whatever is found. Raises BadRequest, Malformed, Forbidden, and what reading raises."""
    if not any(scope.type in {"*", call.type} for scope in call.actor.scopes):
        raise Forbidden(f"The token's scopes do not name {call.type}.", detail="insufficient_scope")
    asked, version = _asked(call), 0
    if asked.resource is None:
        if not call.id:
            raise BadRequest("Send the resource, or Parameters with it as 'resource'.", detail="parameter-missing")
        stored = await HANDLERS["read"](replace(call, interaction="read", parameters=(), body=b"", headers=NoHeaders()))
        asked, version = replace(asked, resource=read(stored.body, OWN).resource), stored.version
    found = _issues(call, asked)
    issues = list(found) if call.services.profiles.is_empty() else await asyncio.to_thread(list, found)
    return Answer(200, write(operation_outcome(issues or [_NOTHING])), version=version, keep=False)


def _asked(call: Call) -> _Asked:
    """Read what is asked: Parameters, or the resource itself with the parameters in the URL."""
    given = [(name, value) for name, value in call.parameters if name in {"mode", "profile"}]
    body = read(call.body, call.services.limits).resource if call.body.strip() else None
    if body is None or call.type == "Parameters" or resource_type_of(body) != "Parameters":
        return _Asked(body, _mode(given), [value for name, value in given if name == "profile"])
    parts = [each for each in listed(body, "parameter") if isinstance(each, Mapping)]
    if {str(each.get("name")) for each in parts} - set(takes("validate")):
        known = ", ".join(sorted(takes("validate")))
        raise BadRequest(f"There is no such parameter here. There are: {known}.", detail="parameter-unknown")
    resources = [each.get("resource") for each in parts if each.get("name") == "resource"]
    if len(resources) > 1:
        raise BadRequest(
            "Give 'resource' once.", expression="Parameters.parameter.where(name='resource')", detail="parameter-value"
        )
    texts = [(name, value) for each in parts for name in [each.get("name")] for value in _texts(each) if isinstance(name, str)]
    told = [*given, *texts]
    return _Asked(next(iter(resources), None), _mode(told), [value for name, value in told if name == "profile"])


def _texts(part: Mapping[str, Any]) -> Iterator[str]:
    return (value for key, value in part.items() if key.startswith("value") and isinstance(value, str))


def _mode(given: Sequence[tuple[str, str]]) -> str:
    modes = {value for name, value in given if name == "mode"}
    if modes - set(_MODES) or len(modes) > 1:
        raise BadRequest(
            f"'mode' is one of {', '.join(_MODES)}; what a deletion meets is known when it is tried.", detail="search-value"
        )
    return next(iter(modes), "")


def _issues(call: Call, asked: _Asked) -> Iterator[Issue]:
    """Give what is wrong, the form first; profiles are looked at where the form is right."""
    resource = asked.resource
    if isinstance(resource, dict):
        resource = as_ozo.completed(Document(resource, {})).resource
    found = validation.validate(resource)
    if isinstance(resource, dict) and resource.get("resourceType") != call.type:
        yield Issue("invalid", f"The URL says {call.type} and the resource does not.", "resourceType", detail="type-mismatch")
    elif isinstance(resource, dict):
        yield from _identity(call, asked.mode, resource)
    yield from found
    if isinstance(resource, dict) and not any(each.severity == "error" for each in found):
        yield from broken(resource)
        yield from modifiers.faults(resource)
        yield from _profiles(call, resource, asked.profiles)


def _identity(call: Call, mode: str, resource: Mapping[str, Any]) -> Iterator[Issue]:
    id_, place = resource.get("id"), f"{call.type}.id"
    if call.id and id_ is not None and id_ != call.id:
        yield Issue("invalid", "The URL names another id than the resource.", place, detail="id-mismatch")
    elif mode == "update" and id_ is None:
        yield Issue("required", "An update needs the id of the resource.", place, detail="id-missing")
    elif isinstance(id_, str) and LOGICAL_ID.fullmatch(id_) and mode == "create":
        text = "A create gives the resource an id of the server's own; this one is not kept."
        yield Issue("informational", text, place, severity="information", detail="id-not-kept")


def _profiles(call: Call, resource: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[Issue]:
    """Give how ``resource`` deviates from the profiles that are ``wanted``, those it claims, and the one that it must have here."""
    seen: dict[tuple[str, str], Issue] = {}
    try:
        packaged = call.services.profiles.current()
    except PackageError:
        packaged = None
        yield _DAMAGED
    urls = list(dict.fromkeys([*wanted, *claims(resource)]))
    judged = [url for url in urls if packaged is not None and packaged.knows(url) and not _own(url)]
    for url in urls:
        for each in () if url in judged else _against(resource, url.partition("|")[0], asked=url in wanted):
            seen.setdefault((each.expression, each.text), each)
    for each in ozo.judged(resource, call.services.ozo).refused:
        seen.setdefault((each.expression, each.text), each)
    yield from seen.values()
    if packaged is not None:
        yield from packaged.examine(resource, judged)


def _own(url: str) -> bool:
    """Tell whether the server publishes this profile itself; such profiles are carried out as writes carry them out."""
    return url.partition("|")[0] in structure_definitions()


def _against(resource: Mapping[str, Any], url: str, *, asked: bool) -> Iterator[Issue]:
    type_ = resource["resourceType"]
    known = structure_definitions().get(url)
    if url == _CORE + type_:
        return
    if known is None:
        text = f"This server does not know the profile {url}: whether the resource conforms to it was not looked at."
        yield Issue("not-found", text, severity="error" if asked else "warning", detail="profile-unknown")
    elif known["type"] != type_:
        yield Issue("invalid", f"The profile {url} is of {known['type']}.", "resourceType", detail="profile-type")
    else:
        yield from (each.issue for each in deviations(resource, url))
