"""``Task/{id}/$verify``: who was asked to look into a signal tells what they found.

Parameters: ``outcome`` (verified, refuted, duplicate), ``note`` (text, which the poster reads too).
"""

from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import Conflict, Forbidden, Unprocessable
from fhir_server.interactions.anew import anew
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.read import existing
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.meta import version_headers
from fhir_server.network import signal_tasks
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.message_thread import literal, thread_of
from fhir_server.network.reader_task import owner_of
from fhir_server.network.signal import OUTCOMES, signals, with_state
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.committed import commit
from fhir_server.operations.directed import Known, known, searched
from fhir_server.operations.paper import language_of
from fhir_server.search.tree import And, ReferenceTo, Token
from fhir_server.storage.repository import Change

_MOST: Final = 100  # people who were asked about one signal
_MESSAGE: Final = "Communication"


async def verify(call: Call) -> Answer:
    """Say what a signal is: its tag, the Tasks about it, and a message to the poster; 200 with the Task.

    Raises NotFound, Forbidden (signal-not-yours), BadRequest, Unprocessable (no-signal, signal-outcome), Conflict (signal-over).
    """
    given = asked(call)
    outcome, note = str(given.one("outcome", "Code", "String") or ""), given.text("note").strip()
    if outcome not in OUTCOMES:
        told = f"The outcome is one of {', '.join(OUTCOMES)}."
        raise Unprocessable(told, expression="Parameters.parameter.where(name='outcome').value", detail="signal-outcome")
    grant = call.services.gate.grant(call.actor, "create", _MESSAGE)  # whoever may send no message has no say in a conversation

    async def ended() -> Answer:
        task = await _own(call)
        done = hub_change(call.services, signal_tasks.ended(task.resource, outcome, note, call.now), task.stored, call.now)
        changes = [done, *await _others(call, task, outcome, note)]
        client = literal(mapped(task.resource, "for"), call.services.base)
        headers = version_headers(done.expected + 1, call.now)
        answer = Answer(200, done.body, headers, version=done.expected + 1, dossier=client, updated=call.now)
        await commit(call, [grant], changes, answer)
        return answer

    return await anew(ended, "Others are changing this signal at the same moment. Read the Task again.")


async def _own(call: Call) -> Known:
    """Return the Task of the call, which waits for the caller."""
    grant = call.services.gate.grant(call.actor, "read", "Task")
    stored = existing(call, await call.services.repository.read(grant, "Task", call.id))
    task = read(stored.body, OWN).resource
    if not signal_tasks.is_verification(task):
        raise Unprocessable("This Task asks nobody to look into a signal.", expression="Task.code", detail="no-signal")
    if owner_of(task, call.services.base) not in {*call.actor.people, *call.actor.teams}:
        raise Forbidden("Only who was asked to look into a signal tells what it is.", detail="signal-not-yours")
    if text(task, "status") != signal_tasks.WAITING:
        raise Conflict("This signal was looked into already. Read the conversation.", detail="signal-over")
    return Known(stored, task)


async def _others(call: Call, task: Known, outcome: str, note: str) -> list[Change]:
    """Return the changes of the signal and of others' Tasks, and the message to the poster unless the conversation is over."""
    services, base = call.services, call.services.base
    reference = signal_tasks.signal_of(task.resource, base)
    signal = await known(call, "CommunicationRequest", reference.partition("/")[2])
    code = Token("code", signal_tasks.VERIFY, signal_tasks.SYSTEM)
    about = await searched(call, "Task", And((ReferenceTo("based-on", reference), code)), _MOST)
    waiting = [each for each in about if text(each.resource, "status") == signal_tasks.WAITING and each.stored.id != call.id]
    made = [hub_change(services, with_state(signal.resource, outcome), signal.stored, call.now)]
    made += [hub_change(services, signal_tasks.left(each.resource, call.now), each.stored, call.now) for each in waiting]
    return made if thread_of(signal.resource, base).closed else [*made, _message(call, signal.resource, outcome, note)]


def _message(call: Call, signal: dict[str, Any], outcome: str, note: str) -> Change:
    words = [signals().words[language_of(call)][outcome], note]
    message = signal_tasks.message(call.services.new_id(), signal, call.actor.reference, words, call.now)
    return replace(hub_change(call.services, message, None, call.now), by_hub=False)
