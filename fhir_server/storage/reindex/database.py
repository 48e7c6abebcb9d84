"""A database as this work uses it: not asynchronous, on a connection of its own, the same on both engines.

Statements have ``?`` for their parameters; a list of numbers is one parameter, for ``among``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final, Protocol, TypeVar

from fhir_server.storage import consent_rows

Row = tuple[Any, ...]
_Result = TypeVar("_Result")
COLUMNS: Final = {
    "idx": ("key", "sort", "row", "high"),
    "idx_date": ("key", "row", "low", "high"),
    "idx_text": ("key", "start", "row", "mark", "rest"),
    "idx_order": ("row", "key", "start"),
    "membership": ("member", "dossier", "row", "starts", "ends", "through"),
    "circle": ("circle", "member", "alone", "dossier", "row"),
    "consent_rule": (*consent_rows.COLUMNS, "row"),
}
"""The tables that are made from the bodies, and their columns."""


class Snapshot(Protocol):
    """The database as it was at one moment."""

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Yield the rows of a query as they come."""
        ...


class Transaction(Snapshot, Protocol):
    """One transaction that writes."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Carry out a statement and return its rows, none when it has none."""
        ...

    def insert(self, table: str, rows: Sequence[Row]) -> int:
        """Insert what is not there yet; return how many rows that were."""
        ...

    def delete(self, table: str, rows: Sequence[Row]) -> int:
        """Delete what is there exactly so; return how many rows that were."""
        ...


class IndexDatabase(ABC):
    """A connection. ``shared`` tells whether other processes may write meanwhile, ``lock`` is how a SELECT locks its rows."""

    shared: ClassVar[bool]
    lock: ClassVar[str]

    @abstractmethod
    def among(self) -> str:
        """Return the comparison "is one of" with a parameter that is a list."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """See one moment until the block ends."""

    @abstractmethod
    def write(self, work: Callable[[Transaction], _Result]) -> _Result:
        """Do ``work`` in one transaction, again when it was chosen as the victim of a deadlock, and return what it returns."""

    @abstractmethod
    def alone(self) -> AbstractContextManager[bool]:
        """Give True when nobody else goes over this index until the block ends."""

    @abstractmethod
    def pack(self, added: int, begun: Callable[[], None]) -> None:
        """After ``added`` resources were loaded: write the indexes anew without gaps, if most of them are due to these.

        Others read and write meanwhile. Nothing is done where nothing is won; ``begun`` is called before anything is.
        """

    @abstractmethod
    def close(self) -> None:
        """Close the connection."""
