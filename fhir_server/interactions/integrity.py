"""Referential integrity: no literal reference to a resource of the dossier without that resource.

Checked are references to this server, relative or with its base, whose type the catalogue calls "owned"; the repository checks them
in the transaction that writes, so that what it creates counts and what it deletes does not. A reference that the previous version
had too is not checked again: while it was there its target could not be deleted, and if it dangles all the same (it was loaded, or
written while the setting was off), the rest of the resource can still be changed. The references of replaced versions do not count.
A reference to one version wants the resource to be there and that version too, which may be the one that is being written.

What lies in a dossier that the caller does not see counts as missing, so that nobody finds out by a reference what is there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Conflict, Issue, Unprocessable
from fhir_server.federation.sealed_id import LENGTH
from fhir_server.interactions.call import Call
from fhir_server.interactions.reply import is_reply
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.references import local, places, targets, versioned, versions
from fhir_server.search.links import referrers
from fhir_server.search.rows import key
from fhir_server.storage.integrity import MOST_REFERRERS, StillReferred
from fhir_server.storage.repository import Change, Stored

_NAMED: Final = 20
_MOST_ISSUES: Final = 50
_READING: Final = parse_scopes("user/*.r")
_DANGLING: Final = (
    "This resource, or this version of it, is not here, or was deleted. Store it first or in the same transaction, or correct the "
    "reference."
)


def required(call: Call, resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return what must be there ("Type/id") when ``resource`` follows ``before``, none when references are not checked."""
    if not call.services.referential_integrity:
        return ()
    base = call.services.base
    known = {f"{call.type}/{resource['id']}", *(targets(before, base) if before else ())}
    return tuple(each for each in targets(resource, base) if each not in known and _is_kept(call, each))


def required_versions(call: Call, resource: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the versions ("Type/id/_history/n") that must be there, in the same way; the one that is written counts."""
    if not call.services.referential_integrity:
        return ()
    base = call.services.base
    known = set(versions(before, base)) if before else set()
    found = (each for each in versions(resource, base) if each not in known)
    return tuple(each for each in found if _is_kept(call, each.partition("/_history/")[0]))


def _is_kept(call: Call, target: str) -> bool:
    type_, _, id_ = target.partition("/")
    entry = call.services.catalog.types.get(type_)
    if entry is None or entry.home != "owned":
        return False
    return len(id_) != LENGTH or call.services.federation.seal.open_(id_) is None


async def unseen(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return ``changes`` of one commit, each with those of its targets that lie in dossiers which the caller does not see.

    What belongs to no client (a professional, a device, a department) may be referred to by everybody. The token's scopes play no
    part: they say what an app may read, not whom a person knows.
    """
    if call.actor.role == "system" and not call.actor.patient:
        return list(changes)
    known = {change.reference for change in changes}
    if call.actor.role != "system":  # of a reply, ``reply.placed`` has refused a thread that the caller does not see
        known |= {change.circle.of for change in changes if is_reply(change)}
    hidden = await _hidden(call, dict.fromkeys(each for change in changes for each in change.requires if each not in known))
    return [
        replace(each, unseen=[one for one in each.requires if one in hidden - _told(each)]) if each.requires else each
        for each in changes
    ]


def _told(change: Change) -> set[str]:
    """Return the client of a conversation that the caller sees: a reply to it may say whom it is about (``reply``)."""
    return {change.indexed.dossier} if is_reply(change) and change.indexed is not None else set()


async def _hidden(call: Call, targets: Collection[str]) -> set[str]:
    services, person = call.services, replace(call.actor, scopes=_READING)
    types = dict.fromkeys(each.partition("/")[0] for each in targets)
    kept = [each for each in types if services.catalog.types[each].patient]
    grants = services.gate.permitted(person, "read", kept)
    seen = await services.repository.fetch(grants, [*targets])
    left = {each for each in targets if each.partition("/")[0] in kept} - {f"{each.type}/{each.id}" for each in seen}
    grants = tuple(services.gate.locating(each) for each in kept)
    anywhere = await services.repository.fetch(grants, sorted(left)) if left else ()
    return left - {f"{each.type}/{each.id}" for each in anywhere if is_of_nobody(each)}


def is_of_nobody(stored: Stored) -> bool:
    """Tell whether a resource lies in no client's dossier; the team of an organisation has one of its own."""
    return not stored.dossier or stored.dossier == key(f"CareTeam/{stored.id}")


def links(call: Call) -> tuple[int, ...]:
    """Return where the index tells who refers to the resource of ``call``; nothing when references to it are not checked."""
    if not call.services.referential_integrity or call.entry.home != "owned":
        return ()
    return referrers(call.services.catalog.types.values(), f"{call.type}/{call.id}")


def missing_places(change: Change, missing: Collection[str], base: str) -> list[str]:
    """Return the FHIRPath of each reference of ``change`` to what is ``missing``."""
    absent = set(missing).intersection((*change.requires, *change.versions))
    if not absent:
        return []
    literal = places(read(change.body, OWN).resource)
    return [place for place, each in literal if local(each, base) in absent or versioned(each, base) in absent]


def dangling(expressions: Sequence[str]) -> Unprocessable:
    """Return the refusal of references that would dangle; their text is left out, since an id may say who somebody is."""
    issues = [Issue("not-found", _DANGLING, each, detail="dangling-reference") for each in expressions[:_MOST_ISSUES]]
    if len(expressions) > _MOST_ISSUES:
        text = f"{len(expressions) - _MOST_ISSUES} more references dangle and were left out. Correct these first."
        issues.append(Issue("informational", text, severity="information", detail="more-issues"))
    return Unprocessable("references would dangle", issues=issues)


async def still_referred(call: Call, error: StillReferred) -> Conflict:
    """Return the refusal of a deletion: how many resources are in the way, and the first of those that the caller may see."""
    grants = call.services.gate.permitted(call.actor, "read", dict.fromkeys(each.partition("/")[0] for each in error.referrers))
    seen = await call.services.repository.fetch(grants, error.referrers[:_NAMED])
    number = len(error.referrers)
    names = [f"{each.type}/{each.id}" for each in seen]
    about = "at least " if number >= MOST_REFERRERS else ""
    others = f"{about}{number - len(names)} others" if names else f"{about}{number} resources"
    listed = ", ".join([*names, others] if number > len(names) else names)
    text = f"Still referred to by {listed}. Change or delete what refers to it first, or in the same transaction."
    return Conflict(text, detail="still-referenced")
