"""Loading many resources: each is checked and indexed as by an update, and many are written in one transaction."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from fhir_server import validation
from fhir_server.access.actor import local_system
from fhir_server.errors import BadRequest, FhirError, Issue
from fhir_server.interactions.call import Call, resource_type_of
from fhir_server.interactions.create import create
from fhir_server.interactions.followers import follow
from fhir_server.interactions.recorded import line
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.interactions.write import change, checked, written
from fhir_server.model.json import read
from fhir_server.storage.integrity import Dangling
from fhir_server.storage.repository import AuditRow, Change, Doubled, OutOfGrant, SearchTooSlow, VersionConflict


class Refused(NamedTuple):
    """Why a resource is not stored."""

    issues: tuple[Issue, ...]


class New(NamedTuple):
    """The first version of a resource, and its line of the record."""

    change: Change
    line: AuditRow


class Stored(NamedTuple):
    """A resource that is stored; ``changed`` is False when it had been stored like that before."""

    changed: bool


def prepare(services: Services, body: bytes) -> New | Refused:
    """Check one resource and make what is to be stored of it if it is new; the repository of ``services`` is not asked."""
    try:
        call = _call(services, body)
        made = change(call, checked(call), call.id or services.new_id(), None)
        made = replace(made, put=bool(call.id))
    except FhirError as error:
        return Refused(error.issues)
    return New(made, line(call, written(call, made, 201)))


async def known(services: Services, made: Sequence[New]) -> dict[str, bool]:
    """Return the references of those resources among ``made`` that are stored already, and whether with the same text.

    Nothing is known when one resource is there twice: then each has to be compared with what the one before it left.
    """
    texts = {one.change.reference: _text(one.change.body) for one in made}
    if len(texts) < len(made):
        return {}
    grants = services.gate.permitted(local_system(), "read", {one.change.type for one in made})
    stored = await services.repository.fetch(grants, list(texts))
    return {reference: _text(one.body) == texts[reference] for one in stored for reference in [f"{one.type}/{one.id}"]}


def _text(body: bytes) -> bytes:
    """Return what follows the version and its moment, which ``splice`` puts first."""
    return body.partition(b'"lastUpdated":"')[2].partition(b'"')[2]


async def store_new(services: Services, made: Sequence[New]) -> bool:
    """Store all of ``made`` in one transaction; False when one of them keeps that from being: ``store`` tells which, and why."""
    actor = local_system()
    try:
        grants = [services.gate.grant(actor, each[0], each[1]) for each in {(one.line.interaction, one.line.type) for one in made}]
        await services.repository.commit(grants, [one.change for one in made], [one.line for one in made])
        await follow(services, [one.change for one in made])
    except (FhirError, VersionConflict, Doubled, OutOfGrant, Dangling, SearchTooSlow):
        return False
    return True


async def store(services: Services, body: bytes) -> Stored | Refused:
    """Store one resource as an update (without an id: a create) would."""
    try:
        call = _call(services, body)
        answer = await (update(call) if call.id else create(call))
    except FhirError as error:
        return Refused(error.issues)
    return Stored(answer.recorded)


def _call(services: Services, body: bytes) -> Call:
    try:
        resource = orjson.loads(body)
    except orjson.JSONDecodeError:
        resource = read(body, services.limits).resource
    named = resource_type_of(resource) if isinstance(resource, dict) else ""
    entry = services.catalog.types.get(named)
    if entry is None:
        raise BadRequest("There is no such resource type here; /metadata lists those that are.", expression="resourceType")
    id_ = resource.get("id", "")
    if not isinstance(id_, str):
        validation.check(resource)
    return Call(
        services,
        local_system(),
        "update" if id_ else "create",
        entry,
        id=id_,
        body=body,
        request=services.new_id(),
        now=services.clock(),
        loading=True,
    )
