"""Removing a client's dossier for good: every version of everything in it, and all that was made of it. The record stays."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fhir_server.access.private import private
from fhir_server.errors import Conflict
from fhir_server.interactions.call import Call
from fhir_server.interactions.followers import follow
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.attachment import MESSAGES
from fhir_server.search.extract import extract
from fhir_server.search.links import referrers
from fhir_server.search.rows import Indexed
from fhir_server.storage.erasure import AT_ONCE, Erasure, Lying, Remains
from fhir_server.storage.repository import Change

BATCH = AT_ONCE
_PASSES: Final = 20
_MOST_REFERRERS: Final = 100
_FILES_AT_ONCE: Final = 100


@dataclass(slots=True)
class Erased:
    """What was removed: resources by type, replaced ``versions`` where only these were, and ``attachments``.

    ``referrers`` ("Type/id") are resources of other dossiers that still refer to what is gone, some of them. ``remains`` tells
    where it may still stand on the disk.
    """

    types: dict[str, int] = field(default_factory=dict)
    versions: int = 0
    attachments: int = 0
    referrers: dict[str, None] = field(default_factory=dict)
    remains: Remains = ""

    @property
    def count(self) -> int:
        """How many resources, versions and attachments that were."""
        return sum(self.types.values()) + self.versions + self.attachments


async def something(call: Call, patient: str) -> bool:
    """Tell whether anything of ``patient`` ("Patient/id") is here."""
    repository = call.services.repository
    return bool(await repository.erasure().lying(patient, most=1)) or await repository.attachments().any_of(patient)


async def dossier(call: Call, patient: str) -> Erased:
    """Remove everything of ``patient``; whoever was stopped on the way calls it again.

    First nobody reaches it any more: memberships, tokens, the Patient. Raises Conflict when others keep writing into it.
    """
    erasure, erased = call.services.repository.erasure(), Erased()
    people = [patient, *await erasure.people(patient)]
    await erasure.close(patient)
    await follow(call.services, [_closing(patient)])
    await _end_tokens(call, erasure, people)
    for each in (*map(private, people), patient):
        await _emptied(call, each, people, erased)
    await follow(call.services, [_closing(patient)])
    await _files_gone(call, patient, erased)
    await call.services.repository.erase_reasons(patient)
    erased.remains = await erasure.settle()
    return erased


async def versions(call: Call, patient: str) -> Erased:
    """Remove the replaced versions of everything of ``patient``; what is current stays."""
    erasure, erased, after = call.services.repository.erasure(), Erased(), 0
    while lying := await erasure.lying(patient, after):
        after = lying[-1].row
        done = False
        while not done:
            count, done = await erasure.forget_versions([each.row for each in lying])
            erased.versions += count
    erased.remains = await erasure.settle()
    return erased


async def deleted(call: Call, patient: str) -> Erased:
    """Remove what was deleted of ``patient``, with its versions."""
    erasure, erased = call.services.repository.erasure(), Erased()
    for _ in range(_PASSES):
        after, left = 0, False
        while lying := await erasure.lying(patient, after):
            after = lying[-1].row
            gone = [each for each in lying if each.deleted]
            left |= await _erase(call, erasure, gone, erased)
            await _files_of(call, gone, erased)
        if not left:
            erased.remains = await erasure.settle()
            return erased
    raise _busy()


async def _end_tokens(call: Call, erasure: Erasure, people: Sequence[str]) -> None:
    authorization = call.services.repository.authorization()
    for each in people:
        await authorization.revoke_subject(each, call.now)
    await erasure.forget_tokens(people, people[0].partition("/")[2], call.now)


async def _emptied(call: Call, dossier_: str, people: Sequence[str], erased: Erased) -> None:
    """Remove all that lies in ``dossier_``, the Patient first, until nothing is left."""
    erasure = call.services.repository.erasure()
    if dossier_ == people[0]:
        client = await _client(call, dossier_)
        await _note_referrers(call, erasure, client, people, erased)
        await _erase(call, erasure, client, erased)
    for _ in range(_PASSES):
        after, left = 0, False
        while lying := await erasure.lying(dossier_, after, BATCH):
            after = lying[-1].row
            await _note_referrers(call, erasure, lying, people, erased)
            left |= await _erase(call, erasure, lying, erased)
        if not left:
            return
    raise _busy()


async def _client(call: Call, patient: str) -> list[Lying]:
    grant = call.services.gate.locating("Patient")
    stored = await call.services.repository.read(grant, "Patient", patient.partition("/")[2])
    if stored is None:
        return []
    return [Lying(stored.row, stored.type, stored.id, stored.version, stored.deleted, stored.body)]


async def _erase(call: Call, erasure: Erasure, lying: Sequence[Lying], erased: Erased) -> bool:
    """Remove ``lying``; tell whether some of it has to wait for the next pass, because somebody wrote to it."""
    left, full = [(each, _indexed(call, each)) for each in lying], True
    while left and full:
        rows, full = await erasure.erase(left)
        for each, _ in left:
            if each.row in rows:
                erased.types[each.type] = erased.types.get(each.type, 0) + 1
        left = [one for one in left if one[0].row not in rows]
    return bool(left)


def _indexed(call: Call, lying: Lying) -> Indexed | None:
    if lying.deleted:
        return None
    return extract(read(lying.body, OWN).resource, call.services.catalog.indexing(lying.type), call.services.base)


async def _note_referrers(call: Call, erasure: Erasure, lying: Sequence[Lying], people: Sequence[str], erased: Erased) -> None:
    types = list(call.services.catalog.types.values())
    dossiers = [people[0], *map(private, people)]
    for each in lying:
        if len(erased.referrers) >= _MOST_REFERRERS:
            return
        erased.referrers.update(dict.fromkeys(await erasure.referrers(referrers(types, each.reference), dossiers)))


async def _files_gone(call: Call, patient: str, erased: Erased) -> None:
    store, files = call.services.repository.attachments(), call.services.attachments.files
    while ids := await store.forget(patient, _FILES_AT_ONCE):
        await files.remove(ids)
        erased.attachments += len(ids)


async def _files_of(call: Call, gone: Sequence[Lying], erased: Erased) -> None:
    """Remove the files of messages that were deleted before."""
    store, files = call.services.repository.attachments(), call.services.attachments.files
    for each in gone:
        if each.type in MESSAGES and (ids := await store.forget_of(each.reference)):
            await files.remove(ids)
            erased.attachments += len(ids)


def _closing(patient: str) -> Change:
    """Return a change by which everybody forgets who took part in the dossier."""
    return Change("CareTeam", patient.partition("/")[2], 0, 0, b"", None)


def _busy() -> Conflict:
    return Conflict("Others keep writing into this dossier. What could be removed is gone: send the request again.")
