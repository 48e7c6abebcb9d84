"""The patch interaction (https://hl7.org/fhir/R4/http.html#patch): JSON Patch, JSON Merge Patch and FHIRPath Patch."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from fhir_server import validation
from fhir_server.errors import BadRequest, Malformed, NotFound, Unprocessable
from fhir_server.interactions import as_ozo, bsn, conditional, messages, minimised
from fhir_server.interactions.call import Answer, Call, resource_type_of
from fhir_server.interactions.conditional import Resolved
from fhir_server.interactions.next_version import following, require_match, store
from fhir_server.interactions.read import existing
from fhir_server.interactions.warned import look_at
from fhir_server.interactions.write import Write
from fhir_server.model.body import OWN
from fhir_server.model.json import Document, read, write
from fhir_server.model.patch import fhirpath_patch, json_patch
from fhir_server.model.patch.body import read_patch
from fhir_server.model.patch.merge_patch import merge
from fhir_server.storage.repository import Grant


async def patch(call: Call) -> Answer:
    """Store what the patch makes of the current version; 200, and what changes nothing keeps its version.

    A call without an id is a conditional patch: its parameters name the resource, and there must be one.
    Raises BadRequest for what is no patch, Unprocessable when it cannot be applied or its result is not valid, NotFound, Gone,
    PreconditionFailed when ``If-Match`` names another version, Conflict when others keep writing.
    """
    grant = call.services.gate.grant(call.actor, "patch", call.type)
    return await store(call, grant, prepare)


async def prepare(call: Call, grant: Grant, known: Resolved | None = None) -> Write:
    """Check what the patch makes of the version that is stored now.

    ``known`` is what the criteria of a conditional patch came to, where that has been looked up already.
    """
    if known or conditional.is_conditional(call):
        return await _conditional(call, grant, known or await conditional.resolved(call))
    apply = _language(call)
    stored = existing(call, await call.services.repository.read(grant, call.type, call.id))
    require_match(call, stored)
    # The caller changes what the caller can see.
    seen = read(await messages.shown(call, await bsn.shown(call, stored.body)), OWN).resource
    seen = {**minimised.shown(call.actor, seen)}
    return following(call, _next(call, read(stored.body, OWN), apply(seen)), stored)


async def _conditional(call: Call, grant: Grant, known: Resolved) -> Write:
    found = known.found
    if found is None:
        raise NotFound("No resource matches. Check the criteria.")
    return conditional.require_still(await prepare(replace(call, id=found.id), grant), found)


def _language(call: Call) -> Callable[[Any], Any]:
    """Return what the patch does with a resource."""
    if call.patch == "json-patch":
        return partial(json_patch.apply, json_patch.operations(read_patch(call.body, call.services.limits)))
    given = read_patch(call.body, call.services.limits)
    if not isinstance(given, dict):
        raise BadRequest("This patch must be an object: a merge patch, or a Parameters resource with a FHIRPath Patch.")
    if call.patch == "merge-patch" or (call.patch == "json" and resource_type_of(given) != "Parameters"):
        return partial(merge, given)
    if resource_type_of(given) != "Parameters":
        raise BadRequest("A patch in XML is a Parameters resource with a FHIRPath Patch.")
    parameters = read(call.body, call.services.limits).resource
    validation.check(parameters)
    return partial(fhirpath_patch.apply, fhirpath_patch.operations(parameters))


def _next(call: Call, current: Document, result: object) -> Document:
    """Check ``result`` as an update would; raises Unprocessable, TooLarge."""
    if not isinstance(result, dict) or any(result.get(name) != current.resource.get(name) for name in ("resourceType", "id")):
        raise Unprocessable("A patch changes neither resourceType nor id.")
    body = write(result)
    try:
        document = as_ozo.completed(read(body, call.services.limits))
    except Malformed as error:
        raise Unprocessable(f"What the patch makes is refused: {error.text}", expression=error.issues[0].expression) from None
    validation.check(document.resource)
    look_at(call, document.resource)
    document = bsn.sealed(call, as_ozo.profiled(call, document), body)
    result = document.resource
    # What the patch leaves alone keeps the text in which it was sent.
    kept = {name: text for name, text in current.members.items() if name in result and _same(current, name, result[name])}
    return Document(document.resource, {**document.members, **kept})


def _same(current: Document, name: str, value: object) -> bool:
    return write(current.resource[name]) == write(value)
