"""``Task/{id}/$accept``, ``$decline`` and ``$cancel``: what becomes of an invitation to a network.

Parameters: ``reason`` (a text). $accept and $decline are for the invitee, $cancel for who invited, or directs the network.
"""

from typing import Any

from fhir_server.access.invited import WAITING
from fhir_server.errors import Conflict, Forbidden, NotFound, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.represented import relations
from fhir_server.network import invitation
from fhir_server.network.invitation import ACCEPTED, DECLINED, OVER, WITHDRAWN, Invitation, invitation_of
from fhir_server.network.invited_consent import choice
from fhir_server.network.json_parts import mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import network_roles
from fhir_server.network.participation import begins, joined, participant, places
from fhir_server.network.period import lasting
from fhir_server.network.relation import relation
from fhir_server.network.representative import represents
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.directed import Decided, Known, Resource, carried_out, directs_as, found, known, told, unchanged
from fhir_server.operations.inviter import require_inviter
from fhir_server.search.values import span


async def accept(call: Call) -> Answer:
    """Make the invitee a participant, for the time and in the role of the invitation; 200 with the Task, again and again.

    Raises NotFound, Forbidden; Conflict (invitation-answered); Unprocessable (invitation-expired, invitation-withdrawn,
    team-inactive, not-of-organisation, role-not-allowed, relation-missing, second-director).
    """
    asked(call)

    async def decide() -> Decided:
        task, wanted = await _invited(call, "Task/$accept")
        if invitation.is_answered(task.resource, ACCEPTED, _people(call), call.now, call.services.base):
            return Decided(unchanged(task, wanted.client))
        team = await _team(call, wanted)
        await require_inviter(call, team, wanted)
        who, new_relation = await _who(call, wanted)
        organisation = _organisation(call, wanted)
        _require_fitting(call, wanted)
        new = participant(who, [wanted.role], organisation, _period(wanted, call.now))
        chosen = await _choice(call, task, wanted, who, new["period"])
        consent = f"Consent/{chosen['id']}" if chosen else ""
        done = invitation.answered(task.resource, ACCEPTED, who, call.now, consent=consent)
        changes: list[tuple[Resource, Any]] = [(done, task.stored), *([(chosen, None)] if chosen else [])]
        changes += [(new_relation, None)] if new_relation else []
        if not _takes_part(call, team, wanted):
            changes.insert(0, (joined(team.resource, new), team.stored))
        return Decided(told(call, done, task.stored, wanted.client), changes)

    return await carried_out(call, decide)


async def _choice(call: Call, task: Known, wanted: Invitation, who: str, period: Resource) -> Resource | None:
    """Return the client's Consent to the categories of the invitation, None where there is none to make.

    It is the choice of who invited, the client or who represents the client. A client who never chose has their first choice before
    them: consent then governs messages for everybody, which nobody brings about by inviting one person.
    """
    if not wanted.categories or not await call.services.repository.rules(wanted.client):
        return None
    by = (await found(call, [wanted.requester])).get(wanted.requester)
    made = text(task.resource, "authoredOn")
    if by is None or (wanted.requester != wanted.client and not _represented(call, by.resource, wanted.client, made)):
        return None
    recipient = wanted.owner if wanted.owner.startswith("Organization/") else who
    return choice(wanted, made, recipient, period, by.resource)


def _represented(call: Call, by: Resource, client: str, made: str) -> bool:
    services = call.services
    return by["resourceType"] == "RelatedPerson" and client == represents(
        by, services.gate.representatives, span(made).low, services.base
    )


async def decline(call: Call) -> Answer:
    """Let the invitation be over; 200 with the Task, again and again. Raises as ``accept`` does."""
    reason = asked(call).text("reason")

    async def decide() -> Decided:
        task, wanted = await _invited(call, "Task/$decline")
        people = _people(call)
        if invitation.is_answered(task.resource, DECLINED, people, call.now, call.services.base):
            return Decided(unchanged(task, wanted.client))
        done = invitation.answered(task.resource, DECLINED, people[0], call.now, reason)
        return Decided(told(call, done, task.stored, wanted.client), [(done, task.stored)], reason)

    return await carried_out(call, decide)


async def cancel(call: Call) -> Answer:
    """Withdraw the invitation; 200 with the Task, again and again. Raises Conflict (invitation-answered) when it was answered."""
    reason = asked(call).text("reason")

    async def decide() -> Decided:
        bound = call.services.gate.operating(call.actor, "Task/$cancel")
        task, wanted = await _invitation(call)
        if wanted.requester not in call.actor.people or bound not in {"", wanted.client}:
            try:
                await directs_as(call, await known(call, *_parts(wanted.team)), wanted.client, bound)
            except Forbidden:
                raise _strange() from None
        status = text(task.resource, "status")
        if status == OVER:
            return Decided(unchanged(task, wanted.client))
        if status != WAITING:
            text_ = "This invitation was answered already. To end somebody's participation use $remove."
            raise Conflict(text_, detail="invitation-answered")
        done = invitation.over(task.resource, WITHDRAWN, call.now, reason)
        return Decided(told(call, done, task.stored, wanted.client), [(done, task.stored)], reason)

    return await carried_out(call, decide)


async def _invited(call: Call, operation: str) -> tuple[Known, Invitation]:
    bound = call.services.gate.operating(call.actor, operation)
    task, wanted = await _invitation(call)
    if not invitation.is_for(wanted, call.actor) or bound not in {"", wanted.client}:
        raise _strange()
    return task, wanted


def _strange() -> Forbidden:
    return Forbidden("This invitation is not for you.", detail="not-invited")


async def _invitation(call: Call) -> tuple[Known, Invitation]:
    task = await known(call, "Task", call.id, _strange())
    if not invitation.is_invitation(task.resource):
        raise NotFound("There is no such invitation.") if call.actor.role == "system" else _strange()
    return task, invitation_of(task.resource, call.services.base)


async def _team(call: Call, wanted: Invitation) -> Known:
    team = await known(call, *_parts(wanted.team))
    if text(team.resource, "status") != "active" or literal(mapped(team.resource, "subject"), call.services.base) != wanted.client:
        raise Unprocessable("This network is not active any more.", detail="team-inactive")
    return team


def _parts(reference: str) -> tuple[str, str]:
    type_, _, id_ = reference.partition("/")
    return type_, id_


def _people(call: Call) -> list[str]:
    """Return the caller's references, as whom they take part first: professionals as themselves, not as their role somewhere."""
    return sorted(call.actor.people, key=lambda each: each.startswith("PractitionerRole/"))


async def _who(call: Call, wanted: Invitation) -> tuple[str, Resource | None]:
    """Return as whom the caller takes part, and the RelatedPerson to be made of them, None for none.

    Related persons take part in the relation that they have with this client. Who is known as the carer of another one gets one.
    """
    if call.actor.role == "practitioner":
        return _people(call)[0], None
    known, base = list(await relations(call)), call.services.base
    mine = [f"RelatedPerson/{each['id']}" for each in known if literal(mapped(each, "patient"), base) == wanted.client]
    if mine:
        return (wanted.owner if wanted.owner in mine else mine[0]), None
    new = next(filter(None, (relation(each, wanted.client, call.services.new_id()) for each in known)), None)
    if new is None:
        text_ = "The relation with this client is not known here. The organisation that keeps the network can register it."
        raise Unprocessable(text_, detail="relation-missing")
    return f"RelatedPerson/{new['id']}", new


def _organisation(call: Call, wanted: Invitation) -> str:
    """Return on whose behalf the caller takes part: nobody speaks for an organisation that they are not known to work for."""
    working = call.actor.organisations
    if not wanted.organisation:
        return working[0] if len(working) == 1 else ""
    if wanted.organisation not in working and not _by_platform(wanted):
        text_ = "You are not known to work for the organisation on whose behalf you are invited."
        raise Unprocessable(text_, detail="not-of-organisation")
    return wanted.organisation


def _require_fitting(call: Call, wanted: Invitation) -> None:
    roles = network_roles()
    for code in roles.codes([wanted.role]):
        if code in roles.roles and not roles.roles[code].fits(call.actor.functions) and not _by_platform(wanted):
            text_ = f"The role {code} is for professionals in certain functions, and you are not known to be in one."
            raise Unprocessable(text_, detail="role-not-allowed")


def _by_platform(wanted: Invitation) -> bool:
    return wanted.requester.partition("/")[0] in {"Device", "Organization"}


def _takes_part(call: Call, team: Known, wanted: Invitation) -> bool:
    """Tell whether the caller takes part already, in this role and for as long."""
    roles, until = network_roles(), lasting(wanted.period).high
    numbers = places(team.resource, call.actor.people, call.now, call.services.base)
    there = [team.resource["participant"][each] for each in numbers]
    own = set(roles.codes([wanted.role]))
    return any(own and own <= set(roles.codes(each.get("role"))) and lasting(each.get("period")).high >= until for each in there)


def _period(wanted: Invitation, now: int) -> dict[str, Any]:
    start = begins(now) if lasting(wanted.period).low <= now else wanted.period["start"]
    return {"start": start, **({"end": wanted.period["end"]} if "end" in wanted.period else {})}
