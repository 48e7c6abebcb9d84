"""Who works for an organisation, who manages that, and in which teams somebody takes part on its behalf."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Forbidden, Unauthorized, Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.network.cover import own_places
from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import network_roles
from fhir_server.network.standing import codes
from fhir_server.operations.directed import found, searched
from fhir_server.search.tree import And, Or, ReferenceTo, Token

_SCOPES: Final = parse_scopes("user/*.cruds")
MOST: Final = 1_000
"""Teams that are looked at in one call."""


@dataclass(frozen=True, slots=True)
class Work:
    """The teams ("CareTeam/id" without the type) of a call; ``more`` tells that there are others, for another call."""

    teams: Sequence[str]
    more: bool


async def person(call: Call, who: str) -> Actor:
    """Return ``who`` ("Practitioner/id") as they stand now; nobody is left of who left. Raises Unprocessable (no-professional)."""
    known = (await found(call, [who])).get(who) if who.startswith("Practitioner/") else None
    if known is None:
        raise Unprocessable("Name a professional who is known here: Practitioner/id.", detail="no-professional")
    actor = Actor(who, "practitioner", _SCOPES, people=(who,))
    try:
        return await call.services.standings.of(actor, call.now)
    except Unauthorized:
        return actor


async def colleague(call: Call, who: str, organisation: str) -> Actor:
    """Return ``who`` as they stand now; raises Unprocessable (not-a-colleague) for who does not work for ``organisation``."""
    known = await person(call, who)
    if organisation not in known.organisations:
        text = "This person is not known to work for the organisation."
        raise Unprocessable(text, detail="not-a-colleague")
    return known


async def require_manager(call: Call, organisation: str) -> None:
    """Raise Forbidden (not-managing) for who does not manage the people of ``organisation``: ``system`` does, and its managers.

    A manager is so by a function in that very organisation.
    """
    if call.actor.role == "system":
        return
    managers = network_roles().managers
    roles = await found(call, [each for each in call.actor.people if each.startswith("PractitionerRole/")])
    for each in roles.values():
        held = {code for concept in listed(each.resource, "code") for code in codes(concept)}
        if held & managers and literal(mapped(each.resource, "organization"), call.services.base) == organisation:
            return
    raise Forbidden("Who manages the members of this organisation does this.", detail="not-managing")


async def work_of(call: Call, people: Sequence[str], organisation: str) -> Work:
    """Return the active teams in which ``people`` take part on behalf of ``organisation``, now or later."""
    members = Or(tuple(ReferenceTo("participant", each) for each in people))
    known = await searched(call, "CareTeam", And((Token("status", "active"), members)), MOST)
    mine = [each for each in known if own_places(each.resource, people, organisation, call.now, call.services.base)]
    return Work([each.stored.id for each in mine], len(known) == MOST)
