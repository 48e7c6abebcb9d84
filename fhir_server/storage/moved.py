"""The statement that finds what changed since a snapshot, and the version that the snapshot saw of it.

Such a resource has left the place in the order that it had on the first page; whoever reads the pages puts it back there.
"""

from functools import lru_cache

from fhir_server.storage.compile import COLUMNS, LIMIT, TEXTS, TYPE, Search, seen
from fhir_server.storage.conditions import condition
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.driver import choose, rank, scope
from fhir_server.storage.writer import Statement, Writer

_SELECTIVE = 7  # up to here a part of the search finds less than what changed is likely to be


@lru_cache(maxsize=TEXTS)
def moved(dialect: Dialect, search: Search) -> Statement:
    """Return the statement for what changed since the snapshot of ``search``, and was written to before.

    Its columns are COLUMNS, then updated and body of the version that the snapshot saw, NULL when it saw none.
    """
    writer = Writer(dialect)
    since = writer.at(search.since)
    best, rest = choose(search.shape)
    if best is not None and rank(best) <= _SELECTIVE:
        found = [scope(writer, best, TYPE), f"(r.updated + 0) >= {since}"]  # by the search, never by time
    else:
        parts = rest if best is None or best in rest else (best, *rest)
        found, rest = [f"r.type = {writer.at(TYPE)}", f"r.updated >= {since}"], parts
    found += [f"r.deleted = {dialect.false}", "r.version > 1", f"NOT {seen(writer, search.since, 'r')}"]
    found += [condition(writer, part, "r") for part in rest]
    version = f"SELECT max(v.version) FROM history v WHERE v.row = r.row AND {seen(writer, search.since, 'v')}"
    inner = f"SELECT r.row, ({version}) AS version FROM resource r WHERE {' AND '.join(found)} LIMIT {writer.at(LIMIT)}"
    kept = f"LEFT JOIN history h ON h.row = d.row AND h.version = d.version AND h.deleted = {dialect.false}"
    return writer.statement(f"SELECT {COLUMNS}, h.updated, h.body FROM ({inner}) d {dialect.visit} {kept}")
