"""``Practitioner/{id}/$cover``: somebody of the same organisation stands in, for a holiday or while on call, in all its networks.

Parameters: ``stand-in`` (Reference of a Practitioner), ``organisation`` (Reference), ``period`` (which ends), ``withdraw``.
One transaction for each team; to call it again does what is left.
"""

from typing import Any

from fhir_server.errors import BadRequest, Forbidden, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.network.careteam import dossier_of
from fhir_server.network.cover import covered, uncovered
from fhir_server.network.period import lasting
from fhir_server.operations.asked_parameters import Asked, asked
from fhir_server.operations.colleagues import colleague, person, require_manager, work_of
from fhir_server.operations.directed import Decided, carried_out, known, parameters, told


async def cover(call: Call) -> Answer:
    """Answer Parameters: ``networks``, in how many teams something changed, and ``more``, when another call is needed.

    For the professional, who manages the organisation's members, and ``system``. Raises BadRequest, Forbidden (not-managing);
    Unprocessable (not-a-colleague, period-over).
    """
    bound = call.services.gate.operating(call.actor, "Practitioner/$cover")
    if bound:
        raise Forbidden("This token is for one patient, and this is about all networks of an organisation.")
    given = asked(call)
    who, by, organisation = f"Practitioner/{call.id}", given.required("stand-in"), given.required("organisation")
    if who not in call.actor.people or organisation not in call.actor.organisations:
        await require_manager(call, organisation)
    away, withdrawn = await person(call, who), given.one("withdraw", "Boolean") is True
    period = {} if withdrawn else _period(given, call.now)
    if not withdrawn:
        await colleague(call, by, organisation)
    if by in away.people:
        raise Unprocessable("Nobody stands in for themselves.", detail="not-a-colleague")
    work = await work_of(call, away.people, organisation)
    changed = [await _cover(call, each, away.people, organisation, by, period) for each in work.teams]
    more = [{"name": "more", "valueBoolean": True}] if work.more else []
    return parameters([{"name": "networks", "valueInteger": sum(changed)}, *more])


async def _cover(call: Call, id_: str, away: tuple[str, ...], organisation: str, by: str, period: dict[str, Any]) -> bool:
    done = False

    async def decide() -> Decided:
        nonlocal done
        team = await known(call, "CareTeam", id_)
        client, base = dossier_of(team.resource, call.services.base), call.services.base
        if period:
            after = covered(team.resource, away, organisation, by, period, call.now, base)
        else:
            after = uncovered(team.resource, away, by, call.now, base)
        done = after is not None
        if after is None:
            return Decided(Answer(200, dossier=client))
        return Decided(told(call, after, team.stored, client), [(after, team.stored)])

    await carried_out(call, decide)
    return done


def _period(given: Asked, now: int) -> dict[str, Any]:
    period = given.one("period", "Period")
    if not period or "end" not in period:
        text = "Say for how long: 'period' with an end. To take over for good there is $hand-over."
        raise BadRequest(text, expression="Parameters.parameter.where(name='period')", detail="parameter-missing")
    low, high = lasting(period)
    if low >= high or high <= now:
        raise Unprocessable("This period is over before it begins.", detail="period-over")
    return {name: period[name] for name in ("start", "end") if name in period}
