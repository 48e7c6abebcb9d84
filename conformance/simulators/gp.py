"""A GP system: answers the query for the summary of a patient."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from conformance.simulators import summary
from conformance.simulators.hl7v3 import Element, Question
from conformance.simulators.hl7v3_system import Hl7v3System
from conformance.simulators.known import Kind
from conformance.simulators.records import DATA, Record, read

KIND = Kind(read, DATA / "harmsen.toml", DATA / "wrong-patient.toml")


class GpSystem(Hl7v3System[Record]):
    """Knows what one practice recorded."""

    questions = ("QUPC_IN990001NL",)

    def __init__(self, files: Sequence[Path], clock: Callable[[], datetime], fault: str = "none") -> None:
        super().__init__(KIND, files, clock, fault)

    def answer(self, question: Question, found: Record | None, now: datetime) -> Element:
        """Make the summary."""
        return summary.answer(question, found, self.known.first, now)
