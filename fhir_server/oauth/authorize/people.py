"""Who is who in the dossier: persons that log in, and the clients whose dossiers they may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.access.actor import Actor, Role
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import FhirError, Unauthorized
from fhir_server.interactions.identified import identified
from fhir_server.interactions.services import Services
from fhir_server.model import reference
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.search.parse import parse
from fhir_server.storage.repository import Stored

ROLES: Mapping[str, Role] = {"Practitioner": "practitioner", "RelatedPerson": "related-person", "Patient": "patient"}
"""The types of resource that a person can be, and the role that goes with each."""

MOST_SHOWN = 50
_PURPOSES: Mapping[str, str] = {"practitioner": "TREAT"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the network: a reference ("Type/id"), a name for people to read, and what tells two of one name apart."""

    reference: str
    name: str
    detail: str = ""

    @property
    def role(self) -> Role:
        """The role in which this person acts."""
        return ROLES[self.reference.partition("/")[0]]


@dataclass(frozen=True, slots=True)
class People:
    """Looks people up: as the hub to recognise who logs in, and otherwise in the name of who is logged in."""

    services: Services

    async def known(self, text: str) -> Person | None:
        """Return the person with the reference ``text``, None when there is none, or none who takes part any more."""
        target = reference.parse(text)
        if target is None or target.version or target.type not in ROLES:
            return None
        grant = self.services.gate.locating(target.type)
        found = await self.services.repository.fetch([grant], [str(target)])
        return await self._present(found[0]) if found else None

    async def identified(self, system: str, value: str) -> tuple[Person, ...]:
        """Return everyone who carries the identifier: one person can be a professional and a relative."""
        found: list[Person] = []
        covered: set[str] = set()
        for reference_ in [each for type_ in ROLES for each in await identified(self.services, type_, system, value)]:
            person = None if reference_ in covered else await self.known(reference_)
            actor = await self.actor(person.reference, person.role) if person else None
            if person and actor:
                covered.update(actor.people)  # a relative of several clients is one person, under as many references
                found.append(person)
        return tuple(found)

    async def actor(self, person: str, role: str, client: str = "") -> Actor | None:
        """Return the actor that the logged-in ``person`` ("Type/id") is, None when the person has left."""
        known = await self.known(person)
        if known is None or known.role != role:
            return None
        return await self._standing(known, client)

    async def dossiers(self, actor: Actor, find: str = "") -> tuple[Sequence[Person], bool]:
        """Return the clients whose dossiers ``actor`` may see, by name, and whether there are more than are shown."""
        if actor.role == "patient":
            own = await self.dossier(actor, actor.reference)
            return ([own] if own else []), False
        parameters = [("_sort", "family"), ("_count", str(MOST_SHOWN))]
        if find.strip():
            parameters.append(("name", _escaped(find.strip())))
        try:
            grant = self.services.gate.grant(actor, "search", "Patient")
            page = await self.services.repository.search(
                grant, parse(self.services.catalog.types["Patient"], parameters, in_url=False).query
            )
        except FhirError:
            return [], False
        return [_person(each) for each in page.resources], page.more

    async def dossier(self, actor: Actor, patient: str) -> Person | None:
        """Return the client ``patient`` ("Patient/id") when ``actor`` may see that dossier; a client opens only the own one."""
        if not patient.startswith("Patient/") or (actor.role == "patient" and patient != actor.reference):
            return None
        try:
            grant = self.services.gate.grant(actor, "read", "Patient")
        except FhirError:
            return None
        found = await self.services.repository.fetch([grant], [patient])
        return _person(found[0]) if found else None

    async def _present(self, stored: Stored) -> Person | None:
        resource = read(stored.body, OWN).resource
        if resource.get("active") is False:
            return None
        person = _person(stored)
        return person if await self._standing(person) is not None else None

    async def _standing(self, person: Person, client: str = "") -> Actor | None:
        try:
            return await self.services.standings.of(_actor(person, client), self.services.clock())
        except Unauthorized:
            return None


def _actor(person: Person, client: str) -> Actor:
    scope = "patient/*.cruds user/*.cruds" if person.role == "patient" else "user/*.cruds"
    made = Actor(person.reference, person.role, parse_scopes(scope), people=(person.reference,), client=client)
    return replace(made, purpose=_PURPOSES.get(person.role, "PATRQT"))


def _person(stored: Stored) -> Person:
    resource = read(stored.body, OWN).resource
    return Person(f"{stored.type}/{stored.id}", name_of(resource), _detail(resource))


def name_of(resource: Mapping[str, Any]) -> str:
    """Return the name by which people know somebody (https://hl7.org/fhir/R4/datatypes.html#HumanName), else the reference."""
    names = sorted(resource.get("name", ()), key=lambda name: name.get("use") != "official")
    for name in names:
        text = name.get("text") or " ".join([*name.get("given", ()), name.get("family", "")]).strip()
        if text:
            return str(text)
    return f"{resource['resourceType']}/{resource['id']}"


def _detail(resource: Mapping[str, Any]) -> str:
    if resource["resourceType"] == "RelatedPerson":
        return str(resource.get("patient", {}).get("display", ""))
    return str(resource.get("birthDate", "")) if resource["resourceType"] == "Patient" else ""


def _escaped(text: str) -> str:
    for special in "\\$,|":
        text = text.replace(special, "\\" + special)
    return text
