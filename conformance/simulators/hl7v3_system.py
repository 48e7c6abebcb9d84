"""A system that speaks HL7v3: one message is a question about one patient, and its answer is another."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from conformance.simulators.asked import Asked
from conformance.simulators.faults import Answer
from conformance.simulators.hl7v3 import Element, NotUnderstood, Question, envelope, fault, read_question
from conformance.simulators.known import Held, Kind, Known

XML = "text/xml"
H = TypeVar("H", bound=Held)


class Hl7v3System(ABC, Generic[H]):
    """Answers the ``questions`` from the files that it knows; what an answer looks like, each system says."""

    questions: ClassVar[Sequence[str]]

    def __init__(self, kind: Kind[H], files: Sequence[Path], clock: Callable[[], datetime], fault: str) -> None:
        """Read ``files``; raise ``UnusableData`` when one cannot be used."""
        self.known = Known(kind, files, fault)
        self._clock = clock

    def __call__(self, asked: Asked) -> Answer:
        """Answer one message."""
        try:
            question = read_question(asked.body, self.questions)
        except NotUnderstood as error:
            return Answer(500, fault(str(error)), XML)
        return Answer(200, envelope(self.answer(question, self.known.find(question.bsn), self._clock())), XML)

    @abstractmethod
    def answer(self, question: Question, found: H | None, now: datetime) -> Element:
        """Make the answer to ``question`` out of what was ``found``."""
