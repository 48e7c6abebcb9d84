"""What is done in one transaction, without the database: a script yields statements and is sent the rows that they find.

Parameters are written ``$1``. ``EACH($1)`` are the elements of a JSON array, each as ``value``. Both are put in the engine's words
before a statement is carried out, and so is ``FOR UPDATE SKIP LOCKED``, which SQLite with its one writer has no need of.
"""

import re
import sqlite3
from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")
Value = int | str
Script: TypeAlias = Generator[tuple[str, Sequence[Value]], Sequence[Sequence[Any]], Result]
_EACH = re.compile(r"EACH\((\$[0-9]+)\)")


def on_sqlite(connection: sqlite3.Connection, script: Script[Result]) -> Result:
    """Carry out ``script`` in the transaction that ``connection`` is in."""
    try:
        sql, values = next(script)
        while True:
            sql, values = script.send(connection.execute(for_sqlite(sql), values).fetchall())
    except StopIteration as end:
        result: Result = end.value
        return result


@lru_cache
def for_sqlite(sql: str) -> str:
    """Return a statement in the words of SQLite."""
    return _EACH.sub(r"json_each(\1)", sql).replace(" FOR UPDATE SKIP LOCKED", "").replace("$", "?")


@lru_cache
def for_postgres(sql: str) -> str:
    """Return a statement in the words of PostgreSQL."""
    return _EACH.sub(r"json_array_elements(\1::json)", sql)
