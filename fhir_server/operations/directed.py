"""What the operations that direct a network share: the team, as what the caller directs it, and the change of it in one commit."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fhir_server.errors import FhirError, Forbidden, NotFound, Unprocessable
from fhir_server.interactions import consequences
from fhir_server.interactions.anew import anew
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.hub_change import hub_change, origin_change
from fhir_server.interactions.recorded import line
from fhir_server.interactions.represented import represented
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.model.meta import version_headers
from fhir_server.network import network_roles
from fhir_server.network.careteam import dossier_of
from fhir_server.network.consent import rules
from fhir_server.network.network_roles import Directing
from fhir_server.network.participation import delegated
from fhir_server.network.provenance import provenance
from fhir_server.search.tree import Node, Query
from fhir_server.storage.repository import Change, Stored

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """A resource as it is stored now, and what it says."""

    stored: Stored
    resource: Resource

    @property
    def reference(self) -> str:
        """The relative reference, "Type/id"."""
        return f"{self.stored.type}/{self.stored.id}"


@dataclass(frozen=True, slots=True)
class Decided:
    """What is to be changed, each after what is stored of it (None: nothing yet), why, and what is answered then."""

    answer: Answer
    changes: Sequence[tuple[Resource, Stored | None]] = ()
    reason: str = ""


async def known(call: Call, type_: str, id_: str, refused: FhirError | None = None) -> Known:
    """Return a resource in the hub's own view; raises NotFound, or ``refused``, for whom nothing tells what is there."""
    grant = call.services.gate.locating(type_)
    stored = await call.services.repository.read(grant, type_, id_)
    if stored is None or stored.deleted:
        raise NotFound(f"There is no such {type_}.") if refused is None or call.actor.role == "system" else refused
    call.touched.find([stored])
    return Known(stored, read(stored.body, OWN).resource)


async def found(call: Call, references: Sequence[str]) -> dict[str, Known]:
    """Return those of ``references`` ("Type/id") that are there, in the hub's own view."""
    if not references:
        return {}
    grants = [call.services.gate.locating(each) for each in dict.fromkeys(each.partition("/")[0] for each in references)]
    stored = await call.services.repository.fetch(grants, list(dict.fromkeys(references)))
    return {f"{each.type}/{each.id}": Known(each, read(each.body, OWN).resource) for each in stored if not each.deleted}


async def searched(call: Call, type_: str, where: Node, count: int) -> list[Known]:
    """Return ``count`` resources at most for which ``where`` holds, in the hub's own view."""
    grant = call.services.gate.locating(type_)
    page = await call.services.repository.search(grant, Query(type_, where, count=count))
    return [Known(each, read(each.body, OWN).resource) for each in page.resources]


async def directing(call: Call, operation: str) -> tuple[Known, str, Directing]:
    """Return the team of the call, its client ("Patient/id"), and as what the caller directs it.

    Raises NotFound for ``system``; Forbidden (not-directing) for who does not; Unprocessable (team-without-client, team-inactive).
    """
    bound = call.services.gate.operating(call.actor, operation)
    team = await known(call, "CareTeam", call.id, _strange())
    client = dossier_of(team.resource, call.services.base)
    as_ = await directs_as(call, team, client, bound)
    if not client.startswith("Patient/"):
        raise Unprocessable("This team is about no client: its organisation says who is in it.", detail="team-without-client")
    if team.resource.get("status") != "active":
        raise Unprocessable("This network is not active.", expression="CareTeam.status", detail="team-inactive")
    return team, client, as_


async def directs_as(call: Call, team: Known, client: str, bound: str) -> Directing:
    """Return as what the caller directs the network of ``client``; ``bound`` is the one client of the token. Raises Forbidden."""
    actor = call.actor
    if bound in {"", client}:
        if actor.role == "system":
            return "system"
        if actor.role == "patient" and client in actor.people:
            return "client"
        if client in await represented(call):
            return "representative"
        if delegated(team.resource, actor.people, actor.left, call.now, call.services.base):
            return "coordinator"
    raise _strange()


def _strange() -> Forbidden:
    text = "This network is directed by its client, who represents the client, and whom the client lets coordinate it."
    return Forbidden(text, detail="not-directing")


async def carried_out(call: Call, decide: Callable[[], Awaitable[Decided]]) -> Answer:
    """Do what ``decide`` says, with all that follows from it and one line of the record; anew when somebody was first.

    Raises Conflict when others are first each time.
    """

    async def done() -> Answer:
        decided = await decide()
        if not decided.changes:
            return decided.answer
        changes = [made(call, resource, stored) for resource, stored in decided.changes]
        changes.append(_origin(call, changes, decided))
        await consequences.commit(call, [], changes, [line(call, decided.answer)])
        decided.answer.recorded = True
        return decided.answer

    return await anew(done, "Others are changing this network at the same moment. Try again.")


def _origin(call: Call, changes: Sequence[Change], decided: Decided) -> Change:
    """Return the Provenance of ``changes``, in the dossier that they are about."""
    client = decided.answer.dossier
    versions = [f"{each.reference}/_history/{each.expected + 1}" for each in changes]
    actor, id_ = call.actor, call.services.new_id()
    organisation = actor.organisation or (actor.organisations[0] if len(actor.organisations) == 1 else "")
    targets = [*versions, *([client] if client.startswith("Patient/") else [])]
    made_by = provenance(id_, call.interaction, actor.reference, organisation, targets, call.now, decided.reason)
    return origin_change(call.services, made_by, changes, call.now)


def made(call: Call, resource: Resource, stored: Stored | None) -> Change:
    """Return the change that makes ``resource`` the next version; raises Unprocessable (second-director)."""
    base = call.services.base
    if resource["resourceType"] == "CareTeam":
        network_roles.check(resource, base)
    change = hub_change(call.services, resource, stored, call.now)
    if resource["resourceType"] != "Consent":
        return change
    return replace(change, rules=rules(resource, base, call.now, change.expected + 1))


def told(call: Call, resource: Resource, stored: Stored | None, client: str, status: int = 200) -> Answer:
    """Return the answer with ``resource`` as it will be stored after ``stored``."""
    body = hub_change(call.services, resource, stored, call.now).body
    version = stored.version + 1 if stored else 1
    place = f"{call.services.base}/{resource['resourceType']}/{resource['id']}/_history/{version}"
    headers = (*version_headers(version, call.now), *([("location", place)] if status == 201 else []))  # noqa: PLR2004 - Created
    return Answer(status, body, headers, dossier=client, updated=call.now)


def unchanged(resource: Known, client: str) -> Answer:
    """Return the answer with what is stored already."""
    stored = resource.stored
    return Answer(200, stored.body, version_headers(stored.version, stored.updated), dossier=client, updated=stored.updated)


def parameters(parts: Sequence[Resource], client: str = "") -> Answer:
    """Return Parameters as the answer."""
    return Answer(200, write({"resourceType": "Parameters", **({"parameter": list(parts)} if parts else {})}), dossier=client)
