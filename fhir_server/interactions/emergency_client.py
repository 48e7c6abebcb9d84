"""Whom a request in an emergency is about, as the request itself says it."""

from fhir_server.errors import FhirError, Forbidden, NotFound
from fhir_server.federation.sealed_id import LENGTH
from fhir_server.interactions.bsn import query_sealed
from fhir_server.interactions.call import Call
from fhir_server.interactions.parameters import asked
from fhir_server.interactions.sealed_patient import UNKNOWN, patient_of
from fhir_server.interactions.touched import named
from fhir_server.search.tree import And, Node, Or, Query, Token


async def named_clients(call: Call, known: str) -> set[str]:
    """Return the clients ("Patient/id") whom ``call`` names: none, one, or more than an emergency opens.

    ``known`` is the one for whom the token was used before, "" for nobody. Raises NotFound, and Forbidden as ``refused`` has it.
    """
    if call.interaction != "read":
        return await _searched(call, {each for each in (known, call.actor.patient) if each})
    if from_sources(call):
        sealed = call.services.federation.seal.open_(call.id)
        patient = await patient_of(call, sealed) if sealed and sealed.type == call.type else None
        if patient is None:
            raise NotFound(UNKNOWN)
        return {patient}
    return {f"Patient/{call.id}"} if call.type == "Patient" else set()


def from_sources(call: Call) -> bool:
    """Tell whether sources are asked to answer ``call``, and not the own store."""
    sealed = call.interaction == "read" and len(call.id) == LENGTH and call.services.federation.seal.open_(call.id) is not None
    return sealed or call.entry.home == "federated"


def refused(call: Call) -> FhirError:
    """Return the error for a dossier that no emergency opens: it is not there, or its client refused that in advance."""
    if call.interaction == "read" and from_sources(call):
        return NotFound(UNKNOWN)
    text = "Emergency access is not possible here: there is no such client, or the client refused it in advance."
    return Forbidden(text, detail="btg-refused")


async def _searched(call: Call, bound: set[str]) -> set[str]:
    wanted, _ = asked(call)
    found = {each for each in named(call.type, wanted.query.where) if each.startswith("Patient/")}
    if found or call.type != "Patient" or not _is_key(wanted.query.where):
        return found
    call.services.rates.look_for(call.actor, _codes(wanted.query.where), call.now)
    # Somebody who was found on the street has a number, and no logical id.
    grant = call.services.gate.locating("Patient")
    page = await call.services.repository.search(grant, query_sealed(call, Query("Patient", wanted.query.where, count=2)))
    found = {f"Patient/{each.id}" for each in page.resources}
    if len(found) != 1 or not bound <= found:  # whether somebody else is a client here is not to be learned by trying numbers
        for each in found:
            call.touched.ask(each)
        raise refused(call)
    return found


def _is_key(where: Node) -> bool:
    """Tell whether a search of Patient is one by identifiers with their system, and by nothing else."""
    if isinstance(where, And | Or):
        return bool(where.parts) and all(map(_is_key, where.parts))
    return isinstance(where, Token) and where.param == "identifier" and bool(where.system)


def _codes(where: Node) -> list[str]:
    """Return the identifiers in ``where``, of which it has nothing else."""
    if isinstance(where, And | Or):
        return [each for part in where.parts for each in _codes(part)]
    return [where.code] if isinstance(where, Token) else []
