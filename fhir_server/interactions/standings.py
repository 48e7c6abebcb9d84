"""Who the caller of a request is in the network now, as the store says it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.access.actor import Actor, gone
from fhir_server.access.gate import Gate
from fhir_server.model.body import OWN
from fhir_server.model.bsn_seal import BsnSeal
from fhir_server.model.json import read
from fhir_server.network import standing
from fhir_server.network.standing import Standing, codes, identifiers
from fhir_server.search.tree import Node, Or, Query, ReferenceTo, Token
from fhir_server.storage.repository import Change, Repository, Stored

_TYPES: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "Organization", "CareTeam"})
_PERSONS: Final = frozenset({"practitioner", "related-person", "privacy-officer"})
_FRESH = 1_000_000  # microseconds: what another process writes counts from then on at the latest
_MOST = 200  # roles of one person, or relations
_DEEPEST = 10  # teams in teams
_KEPT = 4096


class Standings:
    """Finds the standing of an Actor, and keeps it for a second at most, or until something is written that it comes from."""

    def __init__(self, repository: Repository, gate: Gate, base: str, bsn: BsnSeal) -> None:
        """Look in ``repository``; ``base`` is the server's own FHIR base, ``bsn`` knows which sealed numbers are the same."""
        self._repository = repository
        self._gate = gate
        self._base = base
        self._bsn = bsn
        self._known: dict[int, tuple[Actor, Actor, int]] = {}
        self._written = 0

    async def of(self, actor: Actor, now: int) -> Actor:
        """Return ``actor`` with what the store knows of the person at the instant ``now``; raises Unauthorized for who has left."""
        if actor.role not in _PERSONS:
            return actor
        # The actor is kept beside what it became: as long as it is, no other object has its identity.
        kept = self._known.get(id(actor))
        if kept is not None and kept[0] is actor and now < kept[2]:
            return kept[1]
        written = self._written
        found = await self._found(actor, now)
        if written == self._written:
            if kept is not None and kept[1] == found:
                found = kept[1]
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[id(actor)] = actor, found, now + _FRESH
        return found

    def follow(self, changes: Iterable[Change]) -> None:
        """Forget everybody when what was written may say something else about somebody."""
        if any(change.type in _TYPES for change in changes):
            self._written += 1
            self._known.clear()

    async def _found(self, actor: Actor, now: int) -> Actor:
        each = [await self.now(person, now) for person in actor.people]
        people = _all(one.people for one in each)
        if not people:
            raise gone()
        left = _all(one.left for one in each)
        networks = await self._repository.employers_of(people, now)
        organisations = _all([*(one.organisations for one in each), [each for each in networks if each not in left]])
        if actor.organisation in organisations:
            organisations = (actor.organisation,)
        return replace(
            actor,
            people=people,
            organisations=organisations,
            kinds=await self._kinds(organisations),
            functions=_all(one.functions for one in each),
            addresses=_all(one.addresses for one in each),
            left=left,
            teams=await self._teams(people, now, left),
        )

    async def now(self, person: str, now: int) -> Standing:
        """Return the standing of ``person`` ("Type/id") as the store says it at the instant ``now``; nothing of it is kept."""
        type_ = person.partition("/")[0]
        stored = await self._read(person)
        if stored is None:
            return Standing((person,))  # whom the store does not know, it cannot know to have left
        if stored.deleted:
            return Standing()
        if type_ == "Patient":
            return Standing((person,))
        resource = _resource(stored)
        if type_ == "RelatedPerson":
            return standing.of_relations(await self._relations(resource), now)
        if type_ == "PractitionerRole":
            found = await self._read(standing.practitioner_of(resource, self._base))
            return standing.of_role(resource, _resource(found) if found and not found.deleted else None, now, self._base)
        return standing.of_practitioner(person, resource, await self._roles(person), now, self._base)

    async def _read(self, reference: str) -> Stored | None:
        type_, _, id_ = reference.partition("/")
        grant = self._gate.locating(type_)
        return await self._repository.read(grant, type_, id_) if id_ else None

    async def _roles(self, practitioner: str) -> list[dict[str, Any]]:
        return await self._search("PractitionerRole", ReferenceTo("practitioner", practitioner))

    async def _relations(self, own: dict[str, Any]) -> list[dict[str, Any]]:
        known = [(system, each) for system, value in identifiers(own) for each in self._bsn.equivalents(value)]
        same = tuple(Token("identifier", value, system) for system, value in known)
        if not same:
            return [own]
        others = await self._search("RelatedPerson", Or(same) if len(same) > 1 else same[0])
        return [own, *(each for each in others if each["id"] != own["id"])]

    async def _kinds(self, organisations: Sequence[str]) -> tuple[str, ...]:
        if not organisations:
            return ()
        grant = self._gate.locating("Organization")
        found = await self._repository.fetch([grant], organisations)
        return _all(codes(concept) for each in found for concept in _resource(each).get("type", ()))

    async def _teams(self, people: Sequence[str], now: int, left: Sequence[str]) -> tuple[str, ...]:
        """Return the teams that ``people`` are in, and those that these are in; teams may well be in each other.

        A place in a team on behalf of an organisation that the person ``left`` gives nothing.
        """
        teams: dict[str, None] = {}
        outer: Sequence[str] = people
        for _ in range(_DEEPEST):
            outer = [team for team in await self._repository.teams_of(outer, now, left) if team not in teams]
            if not outer:
                break
            teams.update(dict.fromkeys(outer))
        return tuple(teams)

    async def _search(self, type_: str, where: Node) -> list[dict[str, Any]]:
        grant = self._gate.locating(type_)
        page = await self._repository.search(grant, Query(type_, where, count=_MOST))
        return [_resource(each) for each in page.resources]


def _resource(stored: Stored) -> dict[str, Any]:
    return read(stored.body, OWN).resource


def _all(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for part in parts for each in part))
