"""``Patient/{id}/$signal``: somebody of the network tells what they are concerned about.

Parameters: ``text`` (text), ``topic`` (Coding, of CodeSystem/signal-topic or of one's own), ``severity`` (low, moderate, high).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.errors import BadRequest, Forbidden, Unprocessable
from fhir_server.interactions.anew import anew
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.model.json import write
from fhir_server.network import signal_tasks
from fhir_server.network.careteam import dossier_of
from fhir_server.network.participation import reference
from fhir_server.network.signal import TOPICS, Posted, posters, recipients, request, signals
from fhir_server.operations.asked_parameters import Asked, asked
from fhir_server.operations.committed import commit
from fhir_server.operations.directed import Known, searched
from fhir_server.operations.paper import language_of
from fhir_server.search.tree import And, Dossier, Token
from fhir_server.storage.repository import Change

_THREAD: Final = "CommunicationRequest"
_TEAMS: Final = 50  # networks of one client
_MOST: Final = 500  # signals that are counted, and Tasks that wait


async def signal(call: Call) -> Answer:
    """Post a signal; 201 with where it is, who looks into it, and a note when nobody does.

    Raises BadRequest, Unprocessable (signal-topic, signal-severity), Forbidden for who is not of the network, Conflict.
    """
    given, services = asked(call), call.services
    if call.actor.role == "system":
        raise Forbidden("A signal is what somebody of the network tells in person.", detail="signal-in-person")
    grant = services.gate.grant(call.actor, "create", _THREAD)
    patient = f"Patient/{call.id}"
    posted = Posted(services.new_id(), patient, call.actor.reference, _words(given), _topic(given), _severity(given), call.now)

    async def stored() -> Answer:
        to, changes = await _changes(call, posted)
        answer = _answer(call, posted, to)
        await commit(call, [grant], changes, answer)
        return answer

    async with services.turns.of([f"signals {patient}"]):  # whoever counts, counts all that were posted before
        return await anew(stored, "Others are changing this network at the same moment. Try again.")


async def _changes(call: Call, posted: Posted) -> tuple[tuple[str, ...], list[Change]]:
    """Return who looks into it, and the changes: the signal itself under the caller's grant, and Tasks by the hub."""
    services, base, mine = call.services, call.services.base, Dossier((posted.patient,))
    teams = [each.resource for each in await searched(call, "CareTeam", mine, _TEAMS)]
    own = [each for each in teams if dossier_of(each, base) == posted.patient]
    to = recipients(own, call.actor.people, call.now, base)
    made = replace(hub_change(services, request(posted, to), None, call.now), by_hub=False)
    if not to:
        return to, [made]
    known = await searched(call, _THREAD, And((mine, Token("category", "signal"))), _MOST)
    number = posters([each.resource for each in known], posted.topic, call.actor.people, call.now, base)
    language = language_of(call)
    tasks = [hub_change(services, signal_tasks.task(posted, each, number, language), None, call.now) for each in to]
    others = [each for each in await _waiting(call, posted) if signal_tasks.number_of(each.resource) != number]
    recounted = [(signal_tasks.counted(each.resource, number, call.now, language), each.stored) for each in others]
    return to, [made, *tasks, *(hub_change(services, after, stored, call.now) for after, stored in recounted)]


async def _waiting(call: Call, posted: Posted) -> list[Known]:
    """Return the Tasks that wait for somebody to look into an earlier signal on the same topic."""
    waits = (Token("code", signal_tasks.VERIFY, signal_tasks.SYSTEM), Token("status", signal_tasks.WAITING))
    found = await searched(call, "Task", And((Dossier((posted.patient,)), *waits)), _MOST)
    about = posted.topic.get("system", ""), posted.topic["code"]
    return [each for each in found if signal_tasks.topic_of(each.resource) == about]


def _answer(call: Call, posted: Posted, to: Sequence[str]) -> Answer:
    made = f"{_THREAD}/{posted.id}"
    parts: list[dict[str, Any]] = [{"name": "signal", "valueReference": reference(made)}]
    parts += [{"name": "recipient", "valueReference": reference(each)} for each in to or (posted.patient,)]
    parts += [] if to else [{"name": "note", "valueString": signals().words[language_of(call)]["nobody"]}]
    headers = (("location", f"{call.services.base}/{made}/_history/1"),)
    return Answer(201, write({"resourceType": "Parameters", "parameter": parts}), headers, dossier=posted.patient, updated=call.now)


def _words(given: Asked) -> str:
    if found := given.text("text").strip():
        return found
    raise BadRequest("The parameter 'text' is missing: say what you are concerned about.", detail="parameter-missing")


def _topic(given: Asked) -> dict[str, str]:
    coding = given.one("topic", "Coding")
    system, code = (str((coding or {}).get(name, "")) for name in ("system", "code"))
    if not code:
        raise BadRequest("The parameter 'topic' is missing: give a Coding with its code.", detail="parameter-missing")
    topics = signals().topics
    if system == TOPICS and code not in topics:
        known = ", ".join(topics)
        raise Unprocessable(f"There is no such topic. There are: {known}.", expression=_place("topic"), detail="signal-topic")
    shown = topics[code] if system == TOPICS else str(coding.get("display", ""))
    return {name: value for name, value in (("system", system), ("code", code), ("display", shown)) if value}


def _severity(given: Asked) -> str:
    known = signals().priority
    found = str(given.one("severity", "Code", "String") or next(iter(known)))
    if found not in known:
        told = f"There is no such severity. There are: {', '.join(known)}."
        raise Unprocessable(told, expression=_place("severity"), detail="signal-severity")
    return found


def _place(name: str) -> str:
    return f"Parameters.parameter.where(name='{name}').value"
