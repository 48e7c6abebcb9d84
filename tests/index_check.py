"""Whether the index of a database is what its bodies say: everything computed anew from the current versions, and compared."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg

from fhir_server.catalog import catalog
from fhir_server.network.careteam import memberships
from fhir_server.search.extract import extract
from fhir_server.search.rows import TextRow, key
from fhir_server.storage.body import Bodies
from fhir_server.storage.texts import stored

Rows = dict[str, set[tuple[Any, ...]]]
TYPES = catalog.load().types
TABLES = {
    "resource": "SELECT row, self, sort, dossier FROM resource WHERE NOT deleted",
    "idx": "SELECT key, sort, row, high FROM idx",
    "idx_date": "SELECT key, row, low, high FROM idx_date",
    "idx_text": "SELECT key, start, row, mark, rest FROM idx_text",
    "idx_order": "SELECT row, key, start FROM idx_order",
    "membership": "SELECT member, dossier, row, starts, ends, through FROM membership",
}


def select(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Return the rows of ``statement`` in the database at ``url``, whether or not a server has it open."""
    if url.startswith("postgresql:"):
        with psycopg.connect(url) as connection:
            return list(connection.execute(statement.encode()))
    with closing(sqlite3.connect(f"file:{url.removeprefix('sqlite:///')}?mode=ro", uri=True)) as database:
        return list(database.execute(statement))


def index_faults(url: str, base: str) -> list[str]:
    """Name what lacks in the index and what should not be there; ``base`` is the FHIR base of the server."""
    wanted = computed(url, base)
    faults = []
    for table, statement in TABLES.items():
        found = set(select(url, statement))
        faults += [f"{table} lacks {row}" for row in wanted[table] - found]
        faults += [f"{table} has {row} without reason" for row in found - wanted[table]]
    return faults


def computed(url: str, base: str) -> Rows:
    """Return what every table should hold."""
    rows: Rows = {table: set() for table in TABLES}
    unpack = Bodies().unpack
    for row, type_, id_, body in select(url, "SELECT row, type, id, body FROM resource WHERE NOT deleted"):
        resource = json.loads(unpack(bytes(body)))
        assert (resource["resourceType"], resource["id"]) == (type_, id_)
        for table, content in _of(resource, row, base):
            rows[table].add(content)
    return rows


def _of(resource: dict[str, Any], row: int, base: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    indexed = extract(resource, TYPES[resource["resourceType"]], base)
    self_ = key(f"{resource['resourceType']}/{resource['id']}")
    yield "resource", (row, self_, indexed.sort, key(indexed.dossier) if indexed.dossier else None)
    for one in indexed.rows:
        yield "idx", (one.key, one.sort, row, one.high)
        if one.sort != indexed.sort:
            yield "idx_date", (one.key, row, one.sort, one.high)
    for one in indexed.tallies:
        yield "idx", (one.key, one.sort, row, one.high)
    for text in indexed.texts:
        kept = stored(TextRow(*text))
        yield "idx_text", (kept.key, kept.start, row, kept.mark, kept.rest)
    for order in indexed.orders:
        yield "idx_order", (row, *order)
    if resource["resourceType"] == "CareTeam":
        for member in memberships(resource, base):
            yield (
                "membership",
                (
                    key(member.member),
                    key(member.dossier),
                    row,
                    member.start,
                    member.end,
                    key(member.through) if member.through else 0,
                ),
            )


def version_faults(url: str) -> list[str]:
    """Name the resources whose versions have a gap or an end that is not the current one, and the bodies that are none."""
    kept: dict[int, list[int]] = {}
    for row, version in select(url, "SELECT row, version FROM history ORDER BY row, version"):
        kept.setdefault(row, []).append(version)
    current = select(url, "SELECT row, type, id, version FROM resource")
    faults = [f"{type_}/{id_}" for row, type_, id_, version in current if kept.pop(row, []) != list(range(1, version))]
    unpack = Bodies().unpack
    for (body,) in select(url, "SELECT body FROM history WHERE NOT deleted"):
        json.loads(unpack(bytes(body)))
    return faults + [f"row {row}" for row in kept]
