"""Who reads the record: which lines the caller may see, and which of the clients in a line the caller may know of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fhir_server.interactions.call import Call
from fhir_server.interactions.represented import represented
from fhir_server.search.tree import And, Dossier, Node
from fhir_server.storage.repository import AuditRow, Grant


@dataclass(frozen=True, slots=True)
class Reader:
    """The lines that the caller may see (``grant``); ``clients`` tells which clients in one of them may be named.

    Of these, ``known`` are named whatever else holds (None: all are); the others only if the caller may see them now.
    ``inspecting``: a person reads what others did, and whose data that was stands in the line of that reading too.
    """

    grant: Grant
    clients: Callable[[AuditRow], Sequence[str]]
    known: frozenset[str] | None = None
    inspecting: bool = False


async def reader_of(call: Call, interaction: str) -> Reader:
    """Return what the caller may read of the record; raises Forbidden for roles that see no patient data."""
    services = call.services
    grant = services.gate.record(call.actor, interaction, await represented(call))
    known = frozenset(_dossiers(grant.where))
    bound, inspects = call.actor.patient, services.gate.inspects(call.actor)

    def clients(line: AuditRow) -> Sequence[str]:
        named = line.dossier.split()
        if bound:
            return [each for each in named if each == bound]
        if inspects or (line.actor in call.actor.people and call.actor.role != "patient"):
            return named
        return [each for each in named if each in known]

    return Reader(grant, clients, None if inspects else known, inspects and call.actor.role != "system")


def _dossiers(node: Node) -> Sequence[str]:
    match node:
        case Dossier(clients):
            return clients
        case And(parts):
            return [each for part in parts for each in _dossiers(part)]
    return [each for part in getattr(node, "parts", ()) for each in _dossiers(part)]
