"""Making changes together with all that follows from them: one transaction, or nothing.

What follows is made here and nowhere else, whoever wrote: a request, a transaction, an operation, or the hub by itself.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from fhir_server.interactions import appointment_consequences, leaving, response_consequences, signal_consequences
from fhir_server.interactions.call import Call
from fhir_server.interactions.ended import as_ended
from fhir_server.interactions.followers import follow
from fhir_server.interactions.question_consequences import QuestionConsequences
from fhir_server.interactions.thread_consequences import ORDER, ThreadConsequences
from fhir_server.model.json import own
from fhir_server.network.message_thread import threads_of
from fhir_server.storage.repository import AuditRow, Change, Criteria, Grant, Matched, VersionConflict

_ATTEMPTS: Final = 20


async def commit(
    call: Call, grants: Sequence[Grant], changes: Sequence[Change], lines: Sequence[AuditRow], unmatched: Sequence[Criteria] = ()
) -> None:
    """Make ``changes`` with what follows from them and their ``lines`` of the record, and tell everybody who keeps something of it.

    Raises what ``Repository.commit`` does, and Unprocessable for what the rules of the dossier exclude.
    """
    async with call.services.turns.of(_names(call, changes)):
        followed = await _commit(call, grants, changes, lines, unmatched)
    await follow(call.services, [*changes, *followed])


async def _commit(
    call: Call, grants: Sequence[Grant], changes: Sequence[Change], lines: Sequence[AuditRow], unmatched: Sequence[Criteria]
) -> Sequence[Change]:
    own = {change.reference for change in changes}
    for left in reversed(range(_ATTEMPTS)):
        following = [each for each in await _following(call, changes) if each.reference not in own]
        try:
            await call.services.repository.commit(grants, [*changes, *following], lines, unmatched)
        except Matched:
            raise
        except VersionConflict as error:
            if not following or error.reference in own or not left:
                raise
        else:
            return following
    return ()


async def _following(call: Call, changes: Sequence[Change]) -> list[Change]:
    if call.loading:
        return []
    changes = await as_ended(call, changes)
    found = await appointment_consequences.of_changes(call, changes)
    found += await response_consequences.of_changes(call, changes)
    found += await leaving.of_changes(call, changes)
    found += await signal_consequences.of_changes(call, [*changes, *found])
    found += await QuestionConsequences(call, changes).of_changes()
    return [*found, *await ThreadConsequences(call, [*changes, *found]).of_changes()]


def _names(call: Call, changes: Sequence[Change]) -> Iterator[str]:
    """Name what nobody else is to write to meanwhile: the dossiers and the threads."""
    for change in changes:
        told = change.indexed or change.previous
        if change.type in ORDER and told is not None:
            if told.dossier:
                yield told.dossier
            elif change.type == "Communication" and change.body:
                yield from threads_of(own(change.body), call.services.base)
