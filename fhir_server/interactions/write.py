"""What create and update share: from the caller's bytes to one checked change, and from the change to the answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fhir_server import validation
from fhir_server.access.gate import RECORD
from fhir_server.access.private import shared
from fhir_server.audit.fhir_event import RECORD as OF_THE_RECORD
from fhir_server.errors import BadRequest, Forbidden, NotAllowed, Unprocessable
from fhir_server.interactions import (
    as_ozo,
    attachment_claims,
    binary,
    bsn,
    consent,
    consequences,
    deletion_heard,
    leaving,
    own_part,
    question_placed,
    reply,
    response_valid,
    subscription,
)
from fhir_server.interactions.authority import require_own_words, require_recipients
from fhir_server.interactions.authorship import require_authorship
from fhir_server.interactions.call import OUTSIDE, Answer, Call, resource_type_of
from fhir_server.interactions.derived import members_of
from fhir_server.interactions.integrity import dangling, missing_places, required, required_versions, still_referred, unseen
from fhir_server.interactions.own_id import require_own
from fhir_server.interactions.prefer import preferences
from fhir_server.interactions.recorded import line
from fhir_server.interactions.warned import look_at, outcome, warned
from fhir_server.model.body import OWN
from fhir_server.model.bsn import is_bsn
from fhir_server.model.json import Document, read, splice
from fhir_server.model.meta import instant, version_headers
from fhir_server.model.subset import is_part
from fhir_server.network import consent_check, ladder, modifiers, network_roles, search_parameter
from fhir_server.network.circle import circle
from fhir_server.network.consent import rules
from fhir_server.search.extract import extract
from fhir_server.search.rows import Indexed
from fhir_server.storage.integrity import Dangling, StillReferred
from fhir_server.storage.repository import Change, Criteria, Grant, OutOfGrant, Stored


class Write(NamedTuple):
    """A write that was checked and is still to be made: the change (None: all stays as it is), and what is answered then.

    ``unmatched`` are criteria that nothing matched, and nothing may match when the change is made.
    """

    change: Change | None
    answer: Answer
    unmatched: Sequence[Criteria] = ()


def checked(call: Call) -> Document:
    """Read and validate the body, and seal the numbers in it; raises Malformed, BadRequest or Unprocessable."""
    document = as_ozo.completed(read(call.body, call.services.limits))
    named = resource_type_of(document.resource)
    if named != call.type:
        raise BadRequest(f"The URL says {call.type} and the body does not.", expression="resourceType")
    try:
        validation.check(document.resource)
    except Unprocessable as error:
        if any(issue.detail == "reference-conditional" for issue in error.issues):
            raise BadRequest(error.text, issues=error.issues) from error
        raise
    if call.type == RECORD and document.resource.get("meta", {}).get("source", "").startswith(OF_THE_RECORD):
        text = "This meta.source is that of the server's own record. Leave it out."
        raise Unprocessable(text, expression=f"{call.type}.meta.source", detail="source-of-record")
    if is_part(document.resource):
        text = "This is a part of a resource, as _summary and _elements give it: it would overwrite the rest. Send the whole."
        raise Unprocessable(text, expression=f"{call.type}.meta.tag", detail="part-of-resource")
    look_at(call, document.resource)
    return bsn.sealed(call, as_ozo.profiled(call, document), call.body)


def change(call: Call, document: Document, id_: str, previous: Stored | None) -> Change:
    """Build the next version of ``id_`` after ``previous`` (None: there is none); raises NotAllowed for what lives at a source."""
    if call.entry.home == "federated":
        raise NotAllowed(f"{call.type} stays in the source systems and is never stored here.")
    require_own(call, id_)
    if is_bsn(id_):
        raise BadRequest("A BSN is no id: it would stand in URLs.", expression=f"{call.type}.id", detail="bsn-in-url")
    expected = previous.version if previous else 0
    updated, before = instant(call.now), content(previous)
    document = leaving.with_stand_ins_ended(call, as_ozo.received(call, document, before, updated), before)
    subscribing = None
    if call.type == subscription.TYPE:
        document, subscribing = subscription.read(call, document, id_)
    body = splice(document, id=id_, version=expected + 1, updated=updated)
    if call.type == "PlanDefinition":
        ladder.check(document.resource)
    if call.type == "SearchParameter":
        search_parameter.check(document.resource, id_, call.services.catalog)
    resource = {**document.resource, "id": id_, "meta": {**document.resource.get("meta", {}), "lastUpdated": updated}}
    require_own_words(call, resource, before)
    _require_rules(call, resource, before)
    made = Change(
        type=call.type,
        id=id_,
        expected=expected,
        updated=call.now,
        body=body,
        indexed=extract(resource, call.services.catalog.indexing(call.type), call.services.base),
        previous=indexed(call, before),
        members=members_of(resource, call.services.base),
        rules=rules(resource, call.services.base, call.now, expected + 1) if call.type == "Consent" else (),
        circle=circle(resource, call.services.base),
        requires=required(call, resource, before),
        versions=required_versions(call, resource, before),
    )
    return made if subscribing is None else subscription.owned(call, made, subscribing, previous)


def _require_rules(call: Call, resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    """Raise what the rules of the dossier on one type say of ``resource`` after ``before``."""
    modifiers.check(resource)
    base = call.services.base
    match call.type:
        case "CareTeam":
            network_roles.check(resource, base)
        case "Consent":
            consent_check.check(resource, before, call.actor, base)


def content(stored: Stored | None) -> dict[str, Any] | None:
    """Return the resource of a stored version, None when there is none."""
    return None if stored is None or stored.deleted else read(stored.body, OWN).resource


def indexed(call: Call, resource: Mapping[str, Any] | None) -> Indexed | None:
    """Return the index content of a stored ``resource``, None when there is none."""
    return None if resource is None else extract(resource, call.services.catalog.indexing(call.type), call.services.base)


def written(call: Call, made: Change, status: int) -> Answer:
    """Return what is answered, apart from a body, once ``made`` is stored."""
    version = made.expected + 1
    headers: tuple[tuple[str, str], ...] = version_headers(version, made.updated)
    if status == 201:  # noqa: PLR2004 - Created
        headers = (*headers, location(call, made.id, version))
    told = made.indexed or made.previous  # of a deletion, what was there
    return warned(call, Answer(status, b"", headers, made.id, version, shared(told.dossier) if told else "", made.updated))


def location(call: Call, id_: str, version: int) -> tuple[str, str]:
    """Return the header Location for a version."""
    return ("location", f"{call.services.base}/{call.type}/{id_}/_history/{version}")


async def in_dossiers(call: Call, writes: Sequence[Write]) -> list[Write]:
    """Return ``writes`` of one commit, each in its dossier, which its answer tells the record.

    Raises as ``reply.placed``, ``binary.placed``, ``consent.require_mandates`` and ``attachment_claims.claimed`` do.
    """
    changes = await reply.placed(call, [each.change for each in writes if each.change is not None])
    changes = await binary.placed(call, changes)
    changes = await subscription.completed(call, changes)
    changes = await deletion_heard.heard(call, changes)
    await require_recipients(call, changes)
    await require_authorship(call, changes)
    changes = await question_placed.placed(call, changes)
    changes = await unseen(call, changes)
    await consent.require_mandates(call, changes)
    await own_part.require_own_part(call, changes)
    await response_valid.require_valid(call, changes)
    changes = await attachment_claims.claimed(call, changes)
    found = {change.reference: change for change in changes}
    return [each if each.change is None else _placed(each, found[each.change.reference]) for each in writes]


def _placed(write: Write, change: Change) -> Write:
    if change.indexed is not None:
        write.answer.dossier = shared(change.indexed.dossier)
    if write.change is not None and write.answer.body == write.change.body:
        write.answer.body = change.body
    return write._replace(change=change)


async def commit(call: Call, grant: Grant, write: Write) -> Answer:
    """Make the change of ``write`` together with its line of the record; without a change there is nothing to do.

    Raises Forbidden outside the caller's dossiers, Unprocessable or Conflict when a reference would be left without its target;
    VersionConflict passes.
    """
    (write,) = await in_dossiers(call, [write])
    if write.change is None:
        return write.answer
    try:
        await consequences.commit(call, [grant], [write.change], [line(call, write.answer)], write.unmatched)
    except OutOfGrant as error:
        raise Forbidden(OUTSIDE) from error
    except Dangling as error:
        raise dangling(missing_places(write.change, error.missing, call.services.base)) from error
    except StillReferred as error:
        raise await still_referred(call, error) from error
    write.answer.recorded = True
    return write.answer


def preferred(call: Call, body: bytes) -> bytes:
    """Return the body that ``Prefer: return`` asks for (https://hl7.org/fhir/R4/http.html#ops)."""
    wish = preferences(call.headers.get("prefer")).get("return")
    if wish == "minimal":
        return b""
    if wish == "operationoutcome":
        return outcome(call)
    return body
