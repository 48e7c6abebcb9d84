"""What somebody is still to do in a dossier, for whoever has it done by another, or by nobody."""

from collections.abc import Collection
from typing import Any, Final

from fhir_server.access.invited import CODES as INVITED
from fhir_server.access.invited import INVITATION, WAITING
from fhir_server.interactions.call import Call
from fhir_server.interactions.thread_store import Known
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.appointment_tasks import is_response
from fhir_server.network.invitation import is_invitation, over
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.participation import reference
from fhir_server.network.question_tasks import ANSWER, CODES
from fhir_server.network.reader_task import is_reader_task
from fhir_server.search.tree import And, Dossier, Node, Or, Query, ReferenceTo, Token, TokenIn

Resource = dict[str, Any]
_ANSWER: Final = (CODES, ANSWER)
_OPEN: Final = ("draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold")
_MOST: Final = 500  # open Tasks of one person in one dossier


async def open_tasks(call: Call, client: str, people: Collection[str]) -> list[Known]:
    """Return what ``people`` are to do in the dossier of ``client``.

    Left out is what follows from their membership and ends with it: to read threads, and to answer questions at their level.
    """
    owners = tuple(ReferenceTo("owner", each) for each in people)
    where = And((Dossier((client,)), TokenIn("status", _OPEN), Or(owners)))
    grant = call.services.gate.locating("Task")
    page = await call.services.repository.search(grant, Query("Task", where, count=_MOST))
    tasks = [Known(each, read(each.body, OWN).resource) for each in page.resources]
    return [each for each in tasks if not _follows(each.resource)]


async def sent_invitations(call: Call, client: str, people: Collection[str]) -> list[Known]:
    """Return the invitations to the networks of ``client`` that ``people`` sent and nobody answered yet."""
    senders = tuple(ReferenceTo("requester", each) for each in people)
    return await _waiting(call, And((Dossier((client,)), Or(senders))))


async def invitations_to(call: Call, team: str) -> list[Known]:
    """Return the invitations to ``team`` ("CareTeam/id") that nobody answered yet."""
    return await _waiting(call, ReferenceTo("focus", team))


async def _waiting(call: Call, where: Node) -> list[Known]:
    where = And((where, Token("code", INVITATION, INVITED), Token("status", WAITING)))
    grant = call.services.gate.locating("Task")
    page = await call.services.repository.search(grant, Query("Task", where, count=_MOST))
    return [Known(each, read(each.body, OWN).resource) for each in page.resources]


def passed_on(task: Resource, heir: str, now: int, reason: str = "") -> dict[str, Any]:
    """Return a Task as that of ``heir`` ("Type/id"), or, without one, as over; what only its owner can answer is over too."""
    return {**task, "owner": reference(heir)} if heir and not is_response(task) else over(task, "left", now, reason)


def _follows(task: Resource) -> bool:
    return is_reader_task(task) or is_invitation(task) or _ANSWER in _codes(task)


def _codes(task: Resource) -> set[tuple[str, str]]:
    return {(text(each, "system"), text(each, "code")) for each in listed(mapped(task, "code"), "coding")}
