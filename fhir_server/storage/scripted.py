"""Work that both engines do in the same words: scripts of statements, without the database.

A script yields statements and is sent the rows that they find; all of it is one transaction. Parameters are written ``$1``, which
both engines understand after ``?`` is put for ``$`` on SQLite.
"""

from abc import ABC, abstractmethod
from collections.abc import Generator, Sequence
from typing import Any, TypeAlias, TypeVar

Result = TypeVar("Result")
Value = int | str
Rows = Sequence[Sequence[Any]]
Script: TypeAlias = Generator[tuple[str, Sequence[Value]], Rows, Result]


class Scripted(ABC):
    """Carries scripts out; an engine says how."""

    @abstractmethod
    async def do(self, script: Script[Result]) -> Result:
        """Carry out a script in one transaction, and return its result when that is durable."""

    @abstractmethod
    async def rows(self, sql: str, values: Sequence[Value]) -> Rows:
        """Return what a SELECT finds."""
