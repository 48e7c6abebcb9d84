"""What the gate opens to somebody who breaks the glass: one dossier, for reading, as far as its client did not refuse that."""

from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.access.break_glass import PURPOSE, VERY_RESTRICTED
from fhir_server.access.consented import by_part, consented
from fhir_server.catalog.catalog import Entry
from fhir_server.errors import Forbidden
from fhir_server.search.tree import And, Dossier, Node, Not, Nothing, Token, Unrefused

_READING: Final = frozenset({"read", "search", "search-type"})
_WITHOUT_CATEGORY: Final = frozenset({"Patient", "CareTeam"})


def is_emergency(actor: Actor) -> bool:
    """Tell whether ``actor`` acts in an emergency: then nothing else is open than what an emergency opens."""
    return actor.purpose == PURPOSE


def require_reading(interaction: str) -> None:
    """Raise Forbidden for what nobody does in an emergency: to write, to export, to look back, to do anything but look."""
    if interaction not in _READING:
        text = "In an emergency you can search a type and read, nothing else. For this, use an access token with another purpose."
        raise Forbidden(text, detail="btg-read-only")


def opens(entry: Entry) -> bool:
    """Tell whether an emergency opens what is kept here of a type."""
    return entry.home != "federated" and (bool(entry.category) or entry.name in _WITHOUT_CATEGORY)


def reach(actor: Actor, entry: Entry, at: int) -> Node:
    """Return what ``actor`` reaches in an emergency: of the one client whom the token names, who may have refused it."""
    if actor.role != "practitioner" or not actor.patient or not opens(entry):
        return Nothing()
    unrefused = by_part(entry, lambda of: Unrefused(consented(actor, "read", of, at)))
    return And((Dossier((actor.patient,)), unrefused, Not(Token("_security", VERY_RESTRICTED))))
