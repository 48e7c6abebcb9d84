"""Whom a simulated system knows: one data file for each patient."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from conformance.simulators.frame import Person


class Held(Protocol):
    """What a file says of one patient."""

    @property
    def patient(self) -> Person:
        """Whom it is about."""
        ...


H = TypeVar("H", bound=Held)


@dataclass(frozen=True, slots=True)
class Kind(Generic[H]):
    """How a kind of system keeps its data: what reads a file, the client of the demo, and somebody else."""

    read: Callable[[Path], H]
    client: Path
    somebody_else: Path


class Known(Generic[H]):
    """The patients of ``files`` (none: the client of the demo); with the fault "wrong-patient" somebody else, whoever is wanted."""

    def __init__(self, kind: Kind[H], files: Sequence[Path], fault: str) -> None:
        """Read the files; raise ``UnusableData`` when one cannot be used."""
        self.all = [kind.read(file) for file in (files or [kind.client])]
        self.wrong = kind.read(kind.somebody_else) if fault == "wrong-patient" else None

    @property
    def first(self) -> H:
        """The one that says whose system it is."""
        return self.all[0]

    def find(self, bsn: str) -> H | None:
        """Return what is known of who has ``bsn``."""
        return self.wrong or next((each for each in reversed(self.all) if each.patient.bsn == bsn), None)
