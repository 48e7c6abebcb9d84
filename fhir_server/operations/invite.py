"""``POST CareTeam/{id}/$invite``: the client, or who directs the network in the client's name, asks somebody to take part.

Parameters: ``who`` (Reference, Identifier, ContactPoint or e-mail address), ``role`` (CodeableConcept, Coding, or a code of ours),
``onBehalfOf`` (Organization), ``period``, ``category`` (data categories, any number), ``message``, ``expires``.
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.access.invited import CODES, INVITATION, WAITING
from fhir_server.errors import BadRequest, Forbidden, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.record_events import named
from fhir_server.model.meta import instant
from fhir_server.network.consent_names import names
from fhir_server.network.invitation import Invitation, invitation_of, is_expired, task
from fhir_server.network.json_parts import text
from fhir_server.network.network_roles import Directing, network_roles
from fhir_server.network.participation import places
from fhir_server.network.period import lasting
from fhir_server.operations.asked_parameters import Asked, asked
from fhir_server.operations.directed import Decided, Known, carried_out, directing, found, searched, told, unchanged
from fhir_server.operations.invitee import Invitee, invitee
from fhir_server.search.tree import And, ReferenceTo, Token
from fhir_server.search.values import DateError, span

_DAY: Final = 86_400_000_000
_MOST_CATEGORIES: Final = 20


async def invite(call: Call) -> Answer:
    """Store the Task of the invitation: 201, or 200 with the one that waits already.

    Raises NotFound, BadRequest; Forbidden (not-directing, role-not-yours); Unprocessable for what cannot be: role-unknown,
    invitee-unknown, already-member, period-over, invitation-expires, category-unknown, too-many-invitations.
    """

    async def decide() -> Decided:
        team, client, as_ = await directing(call, "CareTeam/$invite")
        given = asked(call)
        wanted = await _wanted(call, given, team, client, as_)
        waiting = await _waiting(call, team)
        for each in waiting:
            if _same(invitation_of(each.resource, call.services.base), wanted) and not is_expired(each.resource, call.now):
                return Decided(unchanged(each, client))
        if len(waiting) >= network_roles().waiting:
            text_ = "Too many invitations to this network wait for an answer. Withdraw some first ($cancel)."
            raise Unprocessable(text_, detail="too-many-invitations")
        made = task(wanted, call.now)
        return Decided(told(call, made, None, client, 201), [(made, None)])

    async with call.services.turns.of([f"CareTeam/{call.id} $invite"]):
        return await carried_out(call, decide)


async def _wanted(call: Call, given: Asked, team: Known, client: str, as_: Directing) -> Invitation:
    role = _role(given, as_)
    who = await invitee(call, given, client)
    organisation = await _organisation(call, given, who)
    taking_part = places(team.resource, [who.reference], call.now, call.services.base) if who.reference else []
    if any(_has_role(team.resource["participant"][each], role) for each in taking_part):
        raise Unprocessable("This person takes part in this role already.", expression=_place("who"), detail="already-member")
    inviter = await found(call, [call.actor.reference])
    return Invitation(
        id=call.services.new_id(),
        team=team.reference,
        client=client,
        requester=call.actor.reference,
        display=next((named(each.resource).name for each in inviter.values()), ""),
        role=role,
        expires=_expires(given, call.now),
        owner=who.reference,
        identifier=who.identifier,
        organisation=organisation,
        period=_period(given, call.now),
        categories=_categories(given),
        message=given.text("message"),
    )


def _role(given: Asked, as_: Directing) -> dict[str, Any]:
    roles = network_roles()
    value = given.one("role", "CodeableConcept", "Coding", "Code")
    if not value:
        raise BadRequest("Say as what: the parameter 'role' is missing.", expression=_place("role"), detail="parameter-missing")
    coding = {"system": roles.system, "code": value} if isinstance(value, str) else value
    concept = dict(coding) if "coding" in coding or "text" in coding else {"coding": [dict(coding)]}
    for code in roles.codes([concept]):
        if code not in roles.roles:
            known = ", ".join(roles.roles)
            raise Unprocessable(f"There is no such role. There are: {known}.", expression=_place("role"), detail="role-unknown")
        if as_ not in roles.roles[code].granted_by:
            raise Forbidden(f"The role {code} is not yours to give.", expression=_place("role"), detail="role-not-yours")
    return concept


async def _organisation(call: Call, given: Asked, who: Invitee) -> str:
    organisation = given.reference("onBehalfOf") or who.organisation
    if organisation and not (organisation.startswith("Organization/") and await found(call, [organisation])):
        raise Unprocessable("There is no such organisation here.", expression=_place("onBehalfOf"), detail="organisation-unknown")
    return organisation


def _period(given: Asked, now: int) -> dict[str, Any]:
    period = given.one("period", "Period") or {}
    low, high = lasting(period)
    if low >= high or high <= now:
        raise Unprocessable("This period is over before it begins.", expression=_place("period"), detail="period-over")
    return {name: period[name] for name in ("start", "end") if name in period}


def _expires(given: Asked, now: int) -> str:
    roles = network_roles()
    until = given.one("expires", "DateTime", "Date", "Instant")
    if until is None:
        return instant(now + roles.days * _DAY)
    try:
        high = span(str(until)).high
    except DateError:
        high = 0
    if not now < high <= now + (roles.most + 1) * _DAY:
        text_ = f"An invitation expires in the future, after {roles.most} days at most."
        raise Unprocessable(text_, expression=_place("expires"), detail="invitation-expires")
    return str(until)


def _categories(given: Asked) -> tuple[dict[str, str], ...]:
    known = names().categories
    found_: dict[str, str] = {}
    for type_, value in given.all("category")[: _MOST_CATEGORIES + 1]:
        code = value if type_ == "Code" else text(value, "code") if type_ == "Coding" else ""
        system = known.get(code, "")
        if not system or (type_ == "Coding" and value.get("system", system) != system):
            text_ = "A data category is a code of data-category or of nl-gf-data-categories-cs."
            raise Unprocessable(text_, expression=_place("category"), detail="category-unknown")
        found_[code] = system
    if len(found_) > _MOST_CATEGORIES:
        raise BadRequest(f"Name {_MOST_CATEGORIES} categories at most.", expression=_place("category"), detail="parameter-value")
    return tuple({"system": system, "code": code} for code, system in found_.items())


def _has_role(participant: Mapping[str, Any], role: Mapping[str, Any]) -> bool:
    roles = network_roles()
    return set(roles.codes([role])) <= set(roles.codes(participant.get("role")))


async def _waiting(call: Call, team: Known) -> list[Known]:
    where = And((Token("code", INVITATION, CODES), Token("status", WAITING), ReferenceTo("focus", team.reference)))
    return await searched(call, "Task", where, network_roles().waiting)


def _same(one: Invitation, other: Invitation) -> bool:
    parts = ("requester", "owner", "identifier", "role", "organisation", "period", "categories", "message")
    return all(getattr(one, each) == getattr(other, each) for each in parts)


def _place(name: str) -> str:
    return f"Parameters.parameter.where(name='{name}')"
