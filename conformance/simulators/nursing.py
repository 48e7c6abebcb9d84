"""The data of the home-care simulator: what one organisation recorded about one invented client, read from TOML.

Days are counted back from the day of the answer.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from conformance.simulators.decode import UnusableData, decode
from conformance.simulators.frame import Person

DATA = Path(__file__).parent / "data" / "homecare"


@dataclass(frozen=True, slots=True)
class Organisation:
    """The home-care organisation: its name, its number in the UZI register."""

    name: str
    ura: str


@dataclass(frozen=True, slots=True)
class Nurse:
    """Who gives the care: names, and the number for claims."""

    id: str
    given: str
    family: str
    agb: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code of a system that FHIR knows by a URI."""

    system: str
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem that the nurses found, ``nurse`` is who."""

    id: str
    code: Code
    text: str
    days_ago: int
    nurse: str


@dataclass(frozen=True, slots=True)
class Objective:
    """What is aimed at for a problem, in so many days from now."""

    id: str
    problem: str
    text: str
    in_days: int


@dataclass(frozen=True, slots=True)
class Action:
    """What is done for a problem and an objective, so often per week."""

    id: str
    problem: str
    objective: str
    code: Code
    text: str
    per_week: int
    days_ago: int
    nurse: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """A blood pressure (``systolic`` and ``diastolic``), or a ``value`` with a UCUM unit under a code."""

    id: str
    days_ago: int
    nurse: str
    code: Code
    value: str = ""
    unit: str = ""
    systolic: int = 0
    diastolic: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Treatment:
    """Something that was done on a day, of which there is a photo."""

    id: str
    code: Code
    days_ago: int
    nurse: str
    note: str = ""
    photo: str = ""


@dataclass(frozen=True, slots=True)
class Nursing:
    """All that one organisation has of one client, who has the number ``client`` there."""

    organisation: Organisation
    client: str
    patient: Person
    nurse: tuple[Nurse, ...] = ()
    problem: tuple[Problem, ...] = ()
    objective: tuple[Objective, ...] = ()
    action: tuple[Action, ...] = ()
    measurement: tuple[Measurement, ...] = ()
    treatment: tuple[Treatment, ...] = ()


def read(path: Path) -> Nursing:
    """Read one data file; raise ``UnusableData`` when it cannot be read or used."""
    try:
        return decode(Nursing, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, UnusableData) as error:
        raise UnusableData(f"{path}: {error}") from error
