"""A pharmacy system: answers the query for a dispense list."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from conformance.simulators.dispense_list import answer
from conformance.simulators.dispenses import DATA, DispenseList, read
from conformance.simulators.hl7v3 import NotUnderstood, envelope, fault, read_question
from conformance.simulators.server import Answer

CLIENT = DATA / "veenstra.toml"
SOMEBODY_ELSE = DATA / "wrong-patient.toml"
QUESTIONS = ("QURX_IN990111NL", "QUMA_IN991203NL02")
XML = "text/xml"


class PharmacySystem:
    """Knows the given lists; ``someone_else`` is answered whoever was asked for, when ``wrong`` is set."""

    def __init__(self, files: Sequence[Path], clock: Callable[[], datetime], *, wrong: bool = False) -> None:
        """Read ``files`` (none: the client of the demo); raise ``UnusableData`` when one cannot be used."""
        lists = [read(file) for file in (files or [CLIENT])]
        self._known = {each.patient.bsn: each for each in lists}
        self._pharmacy = lists[0].pharmacy
        self._clock = clock
        self._someone_else = read(SOMEBODY_ELSE) if wrong else None

    def __call__(self, body: bytes) -> Answer:
        """Answer one message."""
        try:
            question = read_question(body, QUESTIONS)
        except NotUnderstood as error:
            return Answer(500, fault(str(error)), XML)
        found = self._find(question.bsn)
        return Answer(200, envelope(answer(question, found, self._pharmacy, self._clock())), XML)

    def _find(self, bsn: str) -> DispenseList | None:
        return self._someone_else or self._known.get(bsn)
