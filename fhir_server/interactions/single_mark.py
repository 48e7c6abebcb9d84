"""One Task for each person in a thread says whether something is unread: a second one would stay unread for ever."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.errors import Conflict
from fhir_server.interactions.call import Call
from fhir_server.interactions.in_turns import in_turns
from fhir_server.interactions.thread_store import ThreadStore
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.reader_task import is_reader_task, owner_of, thread_of_task
from fhir_server.storage.repository import Change

_MADE: Final = (
    "The Tasks that say who has something unread in a thread are made with the thread. Leave this one out, and change those."
)


class _Mark(NamedTuple):
    thread: str
    owner: str


async def require_single_marks(call: Call, changes: Sequence[Change]) -> None:
    """Raise Conflict (second-reader-task) for a Task of a thread and an owner that have one, or get one with this commit."""
    found = {each.reference: each for each in changes if each.type == "Task" and each.body}
    if not found:
        return
    base, store = call.services.base, ThreadStore(call, ())
    read_ = {each.reference: _mark(read(each.body, OWN).resource, base) async for each in in_turns(found.values())}
    marks = {reference: mark for reference, mark in read_.items() if mark}
    made = {each.reference for each in changes if not each.expected}
    for reference, mark in marks.items():
        before = await store.before(reference) if found[reference].expected else None
        if before is not None and _mark(before, base) == mark:
            continue
        if mark.thread in made:
            raise Conflict(_MADE, expression="Task.basedOn", detail="second-reader-task")
        stored = {f"Task/{each.stored.id}": _mark(each.resource, base) for each in await store.reader_tasks(mark.thread)}
        after = {**stored, **dict.fromkeys(found), **marks}
        others = [other for other, each in after.items() if each == mark and other != reference]
        if others:
            text = (
                f"This owner has a Task for this thread, {min(others)}: change that one. A second one would stay unread for ever."
            )
            raise Conflict(text, expression="Task.owner", detail="second-reader-task")


def _mark(task: Mapping[str, Any], base: str) -> _Mark | None:
    thread, owner = thread_of_task(task, base), owner_of(task, base)
    return _Mark(thread, owner) if is_reader_task(task) and thread and owner else None
