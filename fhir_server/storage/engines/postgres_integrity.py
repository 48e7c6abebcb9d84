"""That no reference is left without its target, on PostgreSQL.

Who writes a reference locks its target FOR KEY SHARE and looks whether it is there; who deletes locks it FOR UPDATE, writes, and
looks who refers to it. One of the two waits for the other and sees, in a statement of its own, what it did.
"""

from collections.abc import Sequence

from fhir_server.search.rows import key
from fhir_server.storage.engines.postgres_session import Row, Session, Statement
from fhir_server.storage.engines.postgres_text import array
from fhir_server.storage.integrity import MOST_REFERRERS, Dangling, StillReferred, wanted_versions
from fhir_server.storage.repository import Change


async def require(session: Session, changes: Sequence[Change], there: Sequence[Row]) -> None:
    """Raise Dangling or StillReferred when the ``changes``, which the transaction wrote, leave a reference without its target.

    ``there`` is what ``locking`` returned after they were written.
    """
    _require_there(changes, there)
    await _require_versions(session, changes)
    for change in changes:
        if change.links:
            found = await session.rows(_REFERRERS, (array(change.links), str(MOST_REFERRERS)))
            if found:
                raise StillReferred(change.reference, [f"{type_}/{id_}" for type_, id_ in found])


async def require_there(session: Session, changes: Sequence[Change]) -> None:
    """Raise Dangling unless everything that ``changes`` require is there."""
    _require_there(changes, [row for each in locking(changes) for row in await session.rows(*each)])


async def _require_versions(session: Session, changes: Sequence[Change]) -> None:
    versions = wanted_versions(changes)
    if versions:
        columns = tuple(array(each) for each in zip(*versions, strict=True))
        there = {(self_, version) for self_, version in await session.rows(_VERSIONS, columns)}
        if absent := versions.keys() - there:
            raise Dangling([versions[each] for each in absent])


def locking(changes: Sequence[Change]) -> list[Statement]:
    """Return what tells which of all that ``changes`` require is there; it stays there until the transaction ends."""
    wanted = _wanted(changes)
    return [(_THERE, (array(sorted(wanted)),))] if wanted else []


def _require_there(changes: Sequence[Change], there: Sequence[Row]) -> None:
    wanted = _wanted(changes)
    if wanted:
        unseen = {key(each) for change in changes for each in change.unseen}
        if missing := wanted.keys() - ({self_ for (self_,) in there} - unseen):
            raise Dangling([wanted[each] for each in missing])


def _wanted(changes: Sequence[Change]) -> dict[int, str]:
    return {key(each): each for change in changes for each in change.requires}


_THERE = "SELECT self FROM resource WHERE self = ANY($1::bigint[]) AND NOT deleted ORDER BY self FOR KEY SHARE"
_VERSIONS = (
    "SELECT k.self, k.version FROM unnest($1::bigint[], $2::bigint[]) k (self, version) JOIN resource r ON r.self = k.self"
    " LEFT JOIN history h ON h.row = r.row AND h.version = k.version"
    " WHERE NOT CASE r.version WHEN k.version THEN r.deleted ELSE coalesce(h.deleted, true) END"
)
_REFERRERS = (
    "SELECT DISTINCT r.type, r.id FROM unnest($1::bigint[]) k"
    " CROSS JOIN LATERAL (SELECT i.row FROM idx i WHERE i.key = k LIMIT $2::bigint) i"
    " JOIN resource r ON r.row = i.row WHERE NOT r.deleted LIMIT $2::bigint"
)
