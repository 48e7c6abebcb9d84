"""The data of the GP simulator: what one practice recorded about one invented client, read from TOML.

Days are counted back from the day of the answer.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from conformance.simulators.decode import UnusableData, decode
from conformance.simulators.frame import Person

DATA = Path(__file__).parent / "data" / "gp"


@dataclass(frozen=True, slots=True)
class Practice:
    """The practice: its name, its number in the UZI register, its application id."""

    name: str
    ura: str
    application: str


@dataclass(frozen=True, slots=True)
class Doctor:
    """The GP: name, number in the UZI register, number for claims."""

    name: str
    uzi: str
    agb: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a table whose system the message fixes."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode with its diagnosis (ICPC); ``ended_days_ago`` 0 means that it goes on. ``alert``: attention is drawn to it."""

    id: str
    text: str
    icpc: Code
    days_ago: int
    ended_days_ago: int = 0
    alert: bool = False


@dataclass(frozen=True, slots=True)
class Prescription:
    """What was prescribed: product (GPK), instruction, so many times a day, so many days."""

    id: str
    gpk: Code
    text: str
    per_day: int
    days: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a contact was about: an episode, the lines of the journal, the diagnosis."""

    episode: str
    s: str = ""
    o: str = ""
    e: str = ""
    p: str = ""
    icpc: Code | None = None
    prescription: tuple[Prescription, ...] = ()


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of so many minutes; ``way`` is a code of NHG table 14."""

    id: str
    days_ago: int
    minutes: int
    way: Code
    part: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """A determination (NHG table 45) with an amount, or a text, or neither."""

    id: str
    determination: Code
    days_ago: int
    value: str = ""
    unit: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Caution:
    """A contra-indication (thesaurus 40) or an intolerance (thesaurus 122); ``denied``: it was said not to be there."""

    id: str
    code: Code
    text: str
    days_ago: int
    denied: bool = False


@dataclass(frozen=True, slots=True)
class Attention:
    """Something that everybody should know, in words."""

    text: str
    days_ago: int


@dataclass(frozen=True, slots=True)
class Record:
    """All that one practice has of one client."""

    practice: Practice
    doctor: Doctor
    patient: Person
    episode: tuple[Episode, ...] = ()
    contact: tuple[Contact, ...] = ()
    measurement: tuple[Measurement, ...] = ()
    contra_indication: tuple[Caution, ...] = ()
    intolerance: tuple[Caution, ...] = ()
    attention: tuple[Attention, ...] = ()


def read(path: Path) -> Record:
    """Read one data file; raise ``UnusableData`` when it cannot be read or used."""
    try:
        return decode(Record, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, UnusableData) as error:
        raise UnusableData(f"{path}: {error}") from error
