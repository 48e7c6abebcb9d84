"""What follows when somebody else gets the Task to look into a signal: they read the signal too."""

from collections.abc import Sequence

from fhir_server.interactions.call import Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.stored_signs import may_hide
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network import signal_tasks
from fhir_server.network.json_parts import text
from fhir_server.network.reader_task import owner_of
from fhir_server.network.signal import addressed
from fhir_server.storage.repository import Change

_MARK = f'"{signal_tasks.VERIFY}"'.encode()


async def of_changes(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return the changes of signals whose Task got another owner; those that are changed themselves have their recipients."""
    own = {each.reference for each in changes}
    passed = [each for each in changes if each.type == "Task" and each.expected and (_MARK in each.body or may_hide(each.body))]
    made: dict[str, Change] = {}
    for each in passed:
        task = read(each.body, OWN).resource
        signal = signal_tasks.signal_of(task, call.services.base)
        waits = signal_tasks.is_verification(task) and text(task, "status") == signal_tasks.WAITING
        if waits and signal not in own and signal not in made:
            made |= await _of_signal(call, signal, owner_of(task, call.services.base))
    return list(made.values())


async def _of_signal(call: Call, signal: str, owner: str) -> dict[str, Change]:
    grant = call.services.gate.locating("CommunicationRequest")
    for stored in await call.services.repository.fetch([grant], [signal]):
        after = addressed(read(stored.body, OWN).resource, owner, call.services.base)
        if after is not None:
            return {signal: hub_change(call.services, after, stored, call.now)}
    return {}
