"""That no reference is left without its target, on SQLite: asked by the one writer after it wrote, so that nobody comes between."""

import json
import sqlite3
from collections.abc import Sequence

from fhir_server.search.rows import key
from fhir_server.storage.integrity import MOST_REFERRERS, Dangling, StillReferred, wanted_versions
from fhir_server.storage.repository import Change


def require(changes: Sequence[Change], connection: sqlite3.Connection) -> None:
    """Raise Dangling or StillReferred when the ``changes``, which are written, leave a reference without its target."""
    wanted = {key(each): each for change in changes for each in change.requires}
    if wanted:
        missing = {each for (each,) in connection.execute(_MISSING, (json.dumps(list(wanted)),))}
        missing |= {key(each) for change in changes for each in change.unseen}
        if missing:
            raise Dangling([wanted[each] for each in missing])
    versions = wanted_versions(changes)
    if versions:
        there = set(connection.execute(_VERSIONS, (json.dumps(list(versions)),)))
        if absent := versions.keys() - there:
            raise Dangling([versions[each] for each in absent])
    for change in changes:
        if change.links:
            found = connection.execute(_REFERRERS, (json.dumps(change.links), MOST_REFERRERS)).fetchall()
            if found:
                raise StillReferred(change.reference, [f"{type_}/{id_}" for type_, id_ in found])


_MISSING = "SELECT k.value FROM json_each(?) k WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.self = k.value AND r.deleted = 0)"
_VERSIONS = (
    "SELECT k.value ->> 0, k.value ->> 1 FROM json_each(?) k CROSS JOIN resource r ON r.self = k.value ->> 0"
    " LEFT JOIN history h ON h.row = r.row AND h.version = k.value ->> 1"
    " WHERE CASE r.version WHEN k.value ->> 1 THEN r.deleted ELSE h.deleted END = 0"
)
_REFERRERS = (
    "SELECT DISTINCT r.type, r.id FROM json_each(?) k CROSS JOIN idx i ON i.key = k.value CROSS JOIN resource r ON r.row = i.row"
    " WHERE r.deleted = 0 LIMIT ?"
)
