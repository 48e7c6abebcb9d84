"""What the dossier says about who cares for a client: whom sources know the client as, and whose sources may be asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.federation.guard import Identifier, identifiers
from fhir_server.interactions.call import Call
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.reference import parse
from fhir_server.network.standing import codes
from fhir_server.search.tree import And, Query, ReferenceTo, Token
from fhir_server.storage.repository import Stored

_MOST_TEAMS = 20


@dataclass(frozen=True, slots=True)
class Care:
    """A client as the sources know them (``identifiers``), and the identifiers of the ``organisations`` in the network.

    ``kinds`` are the types ("system|code") of the organisation that has an identifier.
    """

    identifiers: tuple[Identifier, ...]
    organisations: frozenset[Identifier]
    kinds: Mapping[Identifier, tuple[str, ...]]


async def care_of(call: Call, patient: str) -> Care | None:
    """Return the care of ``patient`` ("Patient/id"), None when there is no such client. The gate must have decided before."""
    found = await _resources(call, [patient])
    if not found:
        return None
    where = And((ReferenceTo("subject", patient), Token("status", "active")))
    grant = call.services.gate.locating("CareTeam")
    page = await call.services.repository.search(grant, Query("CareTeam", where, count=_MOST_TEAMS))
    members = [member for team in _read(page.resources) for member in _members(team)]
    roles = await _resources(call, [each for each in members if each.startswith("PractitionerRole/")])
    members += [reference for role in roles if (reference := _literal(role.get("organization")))]
    organisations = await _resources(call, [each for each in members if each.startswith("Organization/")])
    kinds = {each: _kinds(one) for one in organisations for each in identifiers(one)}
    return Care(tuple(_known_as(call, found[0])), frozenset(each for one in organisations for each in identifiers(one)), kinds)


def _known_as(call: Call, patient: dict[str, Any]) -> Iterable[Identifier]:
    """Yield the identifiers of a stored patient, numbers in clear: they live as long as the question to the sources."""
    for system, value in identifiers(patient):
        yield system, call.services.bsn.open_(value) or value


def _members(team: dict[str, Any]) -> Iterable[str]:
    for participant in team.get("participant", ()):
        for name in ("member", "onBehalfOf"):
            if reference := _literal(participant.get(name)):
                yield reference


def _kinds(organisation: dict[str, Any]) -> tuple[str, ...]:
    return tuple(code for concept in organisation.get("type", ()) for code in codes(concept))


def _literal(reference: Any) -> str:  # noqa: ANN401 - JSON
    target = parse(reference.get("reference", "")) if isinstance(reference, dict) else None
    return str(target) if target else ""


async def _resources(call: Call, references: Sequence[str]) -> list[dict[str, Any]]:
    if not references:
        return []
    grants = [call.services.gate.locating(type_) for type_ in {each.partition("/")[0] for each in references}]
    return _read(await call.services.repository.fetch(grants, list(dict.fromkeys(references))))


def _read(stored: Iterable[Stored]) -> list[dict[str, Any]]:
    return [read(each.body, OWN).resource for each in stored]
