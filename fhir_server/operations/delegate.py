"""``CareTeam/{id}/$delegate``: the client lets a coordinator or the director invite and remove others.

Parameters: ``who`` (Reference of a participant), ``period``, ``withdraw`` (boolean).
"""

from functools import reduce

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.network.participation import begins, may_be_delegated, places, replaced, with_delegation
from fhir_server.network.period import lasting
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.directed import Decided, Resource, carried_out, directing, told

_WHO = "Parameters.parameter.where(name='who')"
_PERIOD = "Parameters.parameter.where(name='period')"


async def delegate(call: Call) -> Answer:
    """Give or withdraw the delegation; 200 with the CareTeam as it is then.

    Raises NotFound, BadRequest; Forbidden for a coordinator; Unprocessable (not-a-participant, role-not-delegable, period-over).
    """
    given = asked(call)
    who, period = given.required("who"), given.one("period", "Period") or {"start": begins(call.now)}
    withdrawn = given.one("withdraw", "Boolean") is True
    low, high = lasting(period)
    if low >= high or high <= call.now:
        raise Unprocessable("This period is over before it begins.", expression=_PERIOD, detail="period-over")

    async def decide() -> Decided:
        team, client, as_ = await directing(call, "CareTeam/$delegate")
        if as_ == "coordinator":
            raise Forbidden("Only the client, or who represents the client, delegates.", detail="not-directing")
        numbers = places(team.resource, [who], call.now, call.services.base)
        if not numbers:
            raise Unprocessable("This person does not take part in this network.", expression=_WHO, detail="not-a-participant")
        there = team.resource["participant"]
        fitting = [each for each in numbers if withdrawn or may_be_delegated(there[each])]
        if not fitting:
            text = "Only who is coordinator or director can direct the network in the client's name."
            raise Unprocessable(text, expression=_WHO, detail="role-not-delegable")

        def with_one(resource: Resource, number: int) -> Resource:
            return replaced(resource, number, with_delegation(there[number], None if withdrawn else period))

        after = reduce(with_one, fitting, team.resource)
        return Decided(told(call, after, team.stored, client), [(after, team.stored)])

    return await carried_out(call, decide)
