"""What somebody is still to do in a dossier, for whoever has it done by another, or by nobody."""

from collections.abc import Collection
from typing import Any, Final

from fhir_server.interactions.call import Call
from fhir_server.network.appointment_tasks import is_response
from fhir_server.network.invitation import is_invitation, over
from fhir_server.network.participation import reference
from fhir_server.network.reader_task import is_reader_task
from fhir_server.operations.directed import Known, Resource, searched
from fhir_server.search.tree import And, Dossier, Or, ReferenceTo, TokenIn

_OPEN: Final = ("draft", "requested", "received", "accepted", "ready", "in-progress", "on-hold")
_MOST: Final = 500  # open Tasks of one person in one dossier


async def open_tasks(call: Call, client: str, people: Collection[str]) -> list[Known]:
    """Return what ``people`` are to do in the dossier of ``client``, apart from reading, which follows from their membership."""
    owners = tuple(ReferenceTo("owner", each) for each in people)
    where = And((Dossier((client,)), TokenIn("status", _OPEN), Or(owners)))
    tasks = await searched(call, "Task", where, _MOST)
    return [each for each in tasks if not is_reader_task(each.resource) and not is_invitation(each.resource)]


def passed_on(task: Resource, heir: str, now: int, reason: str = "") -> dict[str, Any]:
    """Return a Task as that of ``heir`` ("Type/id"), or, without one and where nobody else can do it, as over."""
    return {**task, "owner": reference(heir)} if heir and not is_response(task) else over(task, "left", now, reason)
