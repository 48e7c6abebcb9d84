"""What the resources, one version of each, take on disk with all their indexes, beside their JSON."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg

from benchmarks.measure import Figure
from benchmarks.stage import Stage
from fhir_server.storage.url import sqlite_path

_TABLES = ("resource", "idx", "idx_date", "idx_text", "idx_order", "membership", "circle", "consent_rule")
_GOALS = {"sqlite": 1.0, "postgresql": 2.0}


def disk(stage: Stage) -> Iterator[Figure]:
    """Yield the megabytes of everything that serves reads and searches, and apart from it those of the record of the load."""
    database = stage.large
    path = sqlite_path(database.settings.database)
    sizes = _of_file(path) if path is not None else _of_server(database.settings.database)
    kept = sum(sizes[table] for table in _TABLES)
    yield Figure("disk, resources with all indexes", kept / 1e6, database.raw / 1e6, "MB", _GOALS[stage.engine])
    yield Figure("  of which bodies", sizes["resource"] / 1e6, database.raw / 1e6, "MB")
    yield Figure("  of which idx", sizes["idx"] / 1e6, database.raw / 1e6, "MB")
    yield Figure("  the record of the load, not counted above", sizes["audit_event"] / 1e6, database.raw / 1e6, "MB")


def _of_file(path: Path) -> dict[str, int]:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = connection.execute(
            "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name GROUP BY 1"
        )
        return dict(rows.fetchall())


def _of_server(url: str) -> dict[str, int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r'")
        return {str(name): int(size) for name, size in rows}
