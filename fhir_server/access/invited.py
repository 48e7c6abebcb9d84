"""What somebody sees who is invited to a network: the invitation, and nothing else of the dossier, until they accept it."""

from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.search.tree import And, Dossier, Node, Nothing, Or, ReferenceTo, Token

CODES: Final = "https://netwerkdossier.example/fhir/CodeSystem/network-task"
"""What Tasks about a network ask for."""
INVITATION: Final = "invitation"
WAITING: Final = "requested"


def invited(actor: Actor, bound: str = "") -> Node:
    """Return the invitations that wait for ``actor``: to the person, to an organisation of theirs, or to an identifier of theirs.

    Membership and consent have no say in it: what the Task tells was written for the invitee. ``bound`` is the one patient
    ("Patient/id") that the token is for, "" for any.
    """
    if actor.role not in {"practitioner", "related-person"}:
        return Nothing()
    owners: list[Node] = [ReferenceTo("owner", each) for each in (*actor.people, *actor.organisations)]
    for each in actor.addresses:
        system, _, value = each.partition("|")
        owners.append(Token("owner:identifier", value, system))
    parts: tuple[Node, ...] = (Token("code", INVITATION, CODES), Token("status", WAITING), Or(tuple(owners)))
    return And((*parts, Dossier((bound,)))) if bound else And(parts)
