"""The data of the pharmacy simulator: what one pharmacy dispensed to one invented client, read from TOML."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conformance.simulators.decode import UnusableData, decode
from conformance.simulators.frame import Person

DATA = Path(__file__).parent / "data" / "pharmacy"


@dataclass(frozen=True, slots=True)
class Code:
    """A product code of the G-Standaard: ``system`` names the level (article, trade, prescription, generic product)."""

    system: Literal["zi", "hpk", "prk", "gpk"]
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Amount:
    """A value with a UCUM unit."""

    value: str
    unit: str


@dataclass(frozen=True, slots=True)
class Ingredient:
    """What a product made by the pharmacy contains: ``amount`` (absent: as much as needed) in every ``per``."""

    code: Code
    per: Amount
    amount: Amount | None = None
    other: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product: by code, or by text with its ingredients when the pharmacy made it."""

    codes: tuple[Code, ...] = ()
    text: str = ""
    description: str = ""
    ingredient: tuple[Ingredient, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A code of a table whose system the message fixes (route, condition)."""

    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Maximum:
    """At most ``dose`` units in every period of ``value`` ``unit``."""

    dose: int
    value: str
    unit: str


@dataclass(frozen=True, slots=True)
class Cycle:
    """Use during ``days`` of every ``period`` days."""

    days: int
    period: int


@dataclass(frozen=True, slots=True)
class Use:
    """One instruction for use; ``days`` 0 means no known end, ``dose`` 0 no known dose."""

    text: str
    days: int = 0
    period: Amount | None = None
    cycle: Cycle | None = None
    dose: int = 0
    maximum: Maximum | None = None
    as_needed: Choice | None = None
    route: Choice | None = None
    instruction: str = ""


@dataclass(frozen=True, slots=True)
class Dispense:
    """One event: what was handed over, ``days_ago`` days before the answer."""

    id: str
    days_ago: int
    quantity: int
    unit: Literal["piece", "gram"]
    product: Product
    use: tuple[Use, ...] = ()
    prescription: str = ""


@dataclass(frozen=True, slots=True)
class Pharmacy:
    """The pharmacy: its name, its number in the UZI register, its application id."""

    name: str
    ura: str
    application: str


@dataclass(frozen=True, slots=True)
class DispenseList:
    """All that one pharmacy dispensed to one client."""

    pharmacy: Pharmacy
    patient: Person
    dispense: tuple[Dispense, ...] = ()


def read(path: Path) -> DispenseList:
    """Read one data file; raise ``UnusableData`` when it cannot be read or used."""
    try:
        return decode(DispenseList, tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, UnusableData) as error:
        raise UnusableData(f"{path}: {error}") from error
