"""A GP system: answers the query for the summary of a patient."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from conformance.simulators.hl7v3 import NotUnderstood, envelope, fault, read_question
from conformance.simulators.records import DATA, Record, read
from conformance.simulators.server import Answer
from conformance.simulators.summary import answer

CLIENT = DATA / "harmsen.toml"
SOMEBODY_ELSE = DATA / "wrong-patient.toml"
QUESTIONS = ("QUPC_IN990001NL",)
XML = "text/xml"


class GpSystem:
    """Knows the given records; that of somebody else is answered whoever was asked for, when ``wrong`` is set."""

    def __init__(self, files: Sequence[Path], clock: Callable[[], datetime], *, wrong: bool = False) -> None:
        """Read ``files`` (none: the client of the demo); raise ``UnusableData`` when one cannot be used."""
        records = [read(file) for file in (files or [CLIENT])]
        self._known = {each.patient.bsn: each for each in records}
        self._owner = records[0]
        self._clock = clock
        self._someone_else = read(SOMEBODY_ELSE) if wrong else None

    def __call__(self, body: bytes) -> Answer:
        """Answer one message."""
        try:
            question = read_question(body, QUESTIONS)
        except NotUnderstood as error:
            return Answer(500, fault(str(error)), XML)
        return Answer(200, envelope(answer(question, self._find(question.bsn), self._owner, self._clock())), XML)

    def _find(self, bsn: str) -> Record | None:
        return self._someone_else or self._known.get(bsn)
