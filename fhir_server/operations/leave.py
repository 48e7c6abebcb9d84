"""``CareTeam/{id}/$leave`` and ``$remove``: somebody takes part in a network no longer: the period of their place ends.

Parameters: ``who`` (Reference, $remove only), ``reason`` (text), ``reassign-to`` (Reference of a member, who gets the open Tasks).
"""

from typing import Final

from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.open_tasks import open_tasks, passed_on
from fhir_server.interactions.represented import represented_by
from fhir_server.network import network_roles
from fhir_server.network.careteam import dossier_of
from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import DIRECTOR, Directing
from fhir_server.network.participation import current, ended, places, without_stand_ins
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.directed import Decided, Known, Resource, carried_out, directing, found, known, told
from fhir_server.storage.repository import Stored

_WHO: Final = "Parameters.parameter.where(name='who')"
_TO: Final = "Parameters.parameter.where(name='reassign-to')"


async def leave(call: Call) -> Answer:
    """End the caller's own participation; 200 with the CareTeam as it is then.

    Raises NotFound, Forbidden, BadRequest; Unprocessable (not-a-participant, last-director, not-a-member).
    """
    given = asked(call)
    reason, heir = given.text("reason"), given.reference("reassign-to")

    async def decide() -> Decided:
        bound = call.services.gate.operating(call.actor, "CareTeam/$leave")
        team = await known(call, "CareTeam", call.id, _strange())
        client = dossier_of(team.resource, call.services.base)
        if not client.startswith("Patient/") or bound not in {"", client}:
            raise _strange()
        return await _left(call, team, client, list(call.actor.people), heir, reason, None)

    return await carried_out(call, decide)


async def remove(call: Call) -> Answer:
    """End the participation of ``who``; 200 with the CareTeam as it is then.

    Raises as ``leave`` does, and Unprocessable (client-stays); Forbidden (not-directing, role-not-yours).
    """
    given = asked(call)
    who, reason, heir = given.required("who"), given.text("reason"), given.reference("reassign-to")

    async def decide() -> Decided:
        team, client, as_ = await directing(call, "CareTeam/$remove")
        if who == client:
            text = "A network is that of its client, who does not leave it. To end the network set its status to inactive."
            raise Unprocessable(text, expression=_WHO, detail="client-stays")
        if as_ == "coordinator" and await _represents(call, who, client):
            text = "Who represents the client is not removed by who directs the network in the client's name."
            raise Forbidden(text, expression=_WHO, detail="representative-stays")
        return await _left(call, team, client, [who], heir, reason, as_)

    return await carried_out(call, decide)


async def _represents(call: Call, who: str, client: str) -> bool:
    person = (await found(call, [who])).get(who) if who.startswith("RelatedPerson/") else None
    return person is not None and represented_by(call, person.resource) == client


async def _left(call: Call, team: Known, client: str, people: list[str], heir: str, reason: str, as_: Directing | None) -> Decided:
    base, now = call.services.base, call.now
    numbers = places(team.resource, people, now, base)
    if not numbers:
        if as_ is None:
            raise _strange()
        raise Unprocessable("This person does not take part in this network.", expression=_WHO, detail="not-a-participant")
    _require_allowed(team.resource, numbers, as_, now, base)
    after = ended(team.resource, numbers, now)
    after = without_stand_ins(after, team.resource, now, base) or after
    if heir and heir != client and not any(literal(mapped(each, "member"), base) == heir for each in current(after, now)):
        raise Unprocessable("Only who takes part in this network can be given its work.", expression=_TO, detail="not-a-member")
    tasks = await open_tasks(call, client, people)
    changes: list[tuple[Resource, Stored | None]] = [(after, team.stored)]
    changes += [(passed_on(each.resource, heir, now, reason), each.stored) for each in tasks]
    return Decided(told(call, after, team.stored, client), changes, reason)


def _strange() -> Forbidden:
    return Forbidden("You do not take part in this network in person.", detail="not-a-participant")


def _require_allowed(team: Resource, numbers: list[int], as_: Directing | None, now: int, base: str) -> None:
    """Raise Unprocessable for a director who would leave the network without one, Forbidden for who does not decide about one."""
    roles = network_roles.network_roles()
    given = {code for each in numbers for code in roles.codes(listed(team, "participant")[each].get("role"))}
    if as_ == "coordinator" and any(code in roles.roles and as_ not in roles.roles[code].granted_by for code in given):
        raise Forbidden("Only who can give this role decides that it ends.", expression=_WHO, detail="role-not-yours")
    if as_ is None and DIRECTOR in given and not network_roles.holders(ended(team, numbers, now), DIRECTOR, now, base):
        text = "The only director does not just leave: the client ends it ($remove), or the organisation hands over."
        raise Unprocessable(text, detail="last-director")
