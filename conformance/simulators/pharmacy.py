"""A pharmacy system: answers the query for a dispense list."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from conformance.simulators import dispense_list
from conformance.simulators.dispenses import DATA, DispenseList, read
from conformance.simulators.hl7v3 import Element, Question
from conformance.simulators.hl7v3_system import Hl7v3System
from conformance.simulators.known import Kind

KIND = Kind(read, DATA / "veenstra.toml", DATA / "wrong-patient.toml")


class PharmacySystem(Hl7v3System[DispenseList]):
    """Knows what one pharmacy dispensed."""

    questions = ("QURX_IN990111NL", "QUMA_IN991203NL02")

    def __init__(self, files: Sequence[Path], clock: Callable[[], datetime], fault: str = "none") -> None:
        super().__init__(KIND, files, clock, fault)

    def answer(self, question: Question, found: DispenseList | None, now: datetime) -> Element:
        """Make the list."""
        return dispense_list.answer(question, found, self.known.first.pharmacy, now)
