"""``Organization/{id}/$hand-over``: a colleague takes over, in all networks, from who leaves the organisation.

Parameters: ``from`` and ``to`` (References of Practitioners). One transaction for each team; to call it again does what is left.
"""

from fhir_server.access.actor import Actor
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.open_tasks import open_tasks, passed_on
from fhir_server.network.careteam import dossier_of
from fhir_server.network.cover import handed_over
from fhir_server.network.participation import places
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.colleagues import colleague, person, require_manager, work_of
from fhir_server.operations.directed import Decided, carried_out, known, parameters, told


async def hand_over(call: Call) -> Answer:
    """Answer Parameters: ``networks`` and ``tasks``, how many were handed over, and ``more``, when another call is needed.

    For who manages the organisation's members, and ``system``. Raises BadRequest, Forbidden (not-managing); Unprocessable
    (not-a-colleague, no-professional).
    """
    bound = call.services.gate.operating(call.actor, "Organization/$hand-over")
    if bound:
        raise Forbidden("This token is for one patient, and this is about all networks of an organisation.")
    organisation = f"Organization/{call.id}"
    given = asked(call)
    leaver, heir = given.required("from"), given.required("to")
    await require_manager(call, organisation)
    left, to = await person(call, leaver), await colleague(call, heir, organisation)
    if heir in left.people:
        raise Unprocessable("Nobody succeeds themselves.", detail="not-a-colleague")
    work = await work_of(call, left.people, organisation)
    tasks = [await _hand_over(call, each, left, to, organisation) for each in work.teams]
    done = [{"name": "networks", "valueInteger": len(tasks)}, {"name": "tasks", "valueInteger": sum(tasks)}]
    return parameters([*done, *([{"name": "more", "valueBoolean": True}] if work.more else [])])


async def _hand_over(call: Call, id_: str, left: Actor, to: Actor, organisation: str) -> int:
    """Hand over in one team; return how many Tasks went along."""
    passed = 0

    async def decide() -> Decided:
        nonlocal passed
        team = await known(call, "CareTeam", id_)
        client, base = dossier_of(team.resource, call.services.base), call.services.base
        after = handed_over(team.resource, left.people, to.reference, organisation, to.functions, call.now, base)
        if after is None:
            return Decided(Answer(200, dossier=client))
        stays = bool(places(after, left.people, call.now, base))
        tasks = [] if stays or not client.startswith("Patient/") else await open_tasks(call, client, left.people)
        passed = len(tasks)
        given = [(passed_on(each.resource, to.reference, call.now), each.stored) for each in tasks]
        return Decided(told(call, after, team.stored, client), [(after, team.stored), *given])

    await carried_out(call, decide)
    return passed
