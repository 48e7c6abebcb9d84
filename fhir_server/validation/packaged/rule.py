"""A profile made ready for use: of each element only what its differentials say; what R4 itself says was checked before."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fhir_server.validation.packaged.codes import Known
from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.report import Look

Check = Callable[[Item, Look], None]
"""Notes what is wrong with a value."""
Test = Callable[[Item, Look], Known]
"""Tells whether a value has what a discriminator asks for."""

MISSING: Final = "profile-cardinality-min"
TOO_MANY: Final = "profile-cardinality-max"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a profile says of one element (or slice ``slice`` of it): how often, what of each value, and of its children."""

    name: str
    keys: tuple[tuple[str, str], ...]
    slice: str
    min: int
    max: int | None
    checks: tuple[Check, ...]
    children: "tuple[Rule, ...]"
    slicing: "Slicing | None"
    profile: str

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not (self.min or self.max is not None or self.checks or self.children or self.slicing)


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: what is in it passes all ``tests``, and must keep ``rule``."""

    tests: tuple[Test, ...]
    rule: Rule


@dataclass(frozen=True, slots=True)
class Slicing:
    """The slices of an element. ``closed``: every value is in one; ``ordered``: in the order of the slices."""

    slices: tuple[Slice, ...]
    closed: bool
    ordered: bool
