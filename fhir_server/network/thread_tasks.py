"""Who has read a thread: one Task per person, ``requested`` while there is something unread, ``completed`` when there is not.

A Task's ``focus`` is the newest message, so that every message makes a new version of it. These functions take the marks of all
people in a thread and return them as they are after something happened; who has none gets none unless it says so.
https://hl7.org/fhir/R4/task.html
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

UNREAD: Final = "requested"
READ: Final = "completed"
OVER: Final = "cancelled"


class Mark(NamedTuple):
    """Where one person is in a thread: the ``status`` of the Task, and its ``focus`` ("Communication/id", "" for none)."""

    status: str
    focus: str = ""


Marks = Mapping[str, Mark]
"""Marks by person ("Type/id")."""


def begun(audience: Iterable[str], requester: Collection[str], *, by_team: bool) -> dict[str, Mark]:
    """Return the marks of a new thread for its ``audience``, the recipients.

    ``requester`` are the references of the person who begins it: read by them, unless they do so in the name of a team
    (``by_team``), which gets its marks with the first reply.
    """
    marks = {each: Mark(READ if each in requester else UNREAD) for each in audience}
    if not by_team and not marks.keys() & requester:
        marks |= {each: Mark(READ) for each in tuple(requester)[:1]}
    return marks


def posted(marks: Marks, audience: Iterable[str], side: Collection[str], message: str) -> dict[str, Mark]:
    """Return the marks after ``message``: read by the ``side`` of who sent it, unread by everybody else in the ``audience``."""
    return {**marks, **{each: Mark(READ if each in side else UNREAD, message) for each in audience}}


def read(marks: Marks, side: Collection[str]) -> dict[str, Mark]:
    """Return the marks after a receipt, which counts for the whole ``side`` of who read."""
    return {who: mark._replace(status=READ) if who in side and mark.status == UNREAD else mark for who, mark in marks.items()}


def ended(marks: Marks) -> dict[str, Mark]:
    """Return the marks of a thread that is closed: what is unread stays so for ever, and waits for nobody."""
    return {who: mark._replace(status=OVER) if mark.status == UNREAD else mark for who, mark in marks.items()}


def reached(marks: Marks, before: Collection[str], after: Collection[str], message: str) -> dict[str, Mark]:
    """Return the marks when the audience was ``before`` and is ``after``: all is unread for who is new, nothing for who left.

    ``message`` is the newest one ("" for none). For who comes back, that is unread which was when they left.
    """
    left = {each for each in before if each not in after}
    stayed = {who: mark._replace(status=OVER) if who in left and mark.status == UNREAD else mark for who, mark in marks.items()}
    new = [each for each in after if each not in before and (each not in marks or marks[each].status == OVER)]
    return {**stayed, **{each: Mark(UNREAD, message) for each in new}}


def retracted(marks: Marks, message: str, newest: str, side: Collection[str]) -> dict[str, Mark]:
    """Return the marks after ``message`` was taken back: the ``newest`` of those left ("" for none) comes in its place.

    For who sent that one (``side``) there is nothing unread then.
    """
    return {
        who: Mark(READ if who in side and mark.status == UNREAD else mark.status, newest) if mark.focus == message else mark
        for who, mark in marks.items()
    }
