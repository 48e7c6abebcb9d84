"""Work that both engines do in the same words: scripts of statements, without the database.

A script yields statements and is sent the rows that they find; all of it is one transaction. Parameters are written ``$1``,
``EACH($1)`` are the elements of a JSON array, each as ``value``. Both are put in the engine's words before a statement is carried
out, and so are ``FOR UPDATE SKIP LOCKED`` and ``ALONE($1)`` (other scripts that name the same number wait until this one is done),
which SQLite with its one writer has no need of.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

Result = TypeVar("Result")
Value = int | str
Rows = Sequence[Sequence[Any]]
Script: TypeAlias = Generator[tuple[str, Sequence[Value]], Rows, Result]
_EACH: Final = re.compile(r"EACH\((\$[0-9]+)\)")
_ALONE: Final = re.compile(r"ALONE\((\$[0-9]+)\)")


class Scripted(ABC):
    """Carries scripts out; an engine says how."""

    @abstractmethod
    async def do(self, script: Script[Result]) -> Result:
        """Carry out a script in one transaction, and return its result when that is durable."""

    @abstractmethod
    async def rows(self, sql: str, values: Sequence[Value]) -> Rows:
        """Return what a SELECT finds."""


@lru_cache(maxsize=512)
def for_sqlite(sql: str) -> str:
    """Return a statement in the words of SQLite."""
    return _ALONE.sub(r"\1", _EACH.sub(r"json_each(\1)", sql)).replace(" FOR UPDATE SKIP LOCKED", "").replace("$", "?")


@lru_cache(maxsize=512)
def for_postgres(sql: str) -> str:
    """Return a statement in the words of PostgreSQL."""
    return _ALONE.sub(r"pg_advisory_xact_lock(\1::bigint)", _EACH.sub(r"json_array_elements(\1::json)", sql))
