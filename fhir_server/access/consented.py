"""What of a dossier an actor may reach by its consents, as a predicate of the gate; ``access/consent`` says what consents mean."""

from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.catalog.catalog import LAST_UPDATED, Entry
from fhir_server.search.tree import Consented

MEMBERS_FIRST: Final = "message"
"""The category that is open to the members of the network until the client consents for the first time."""
_CORRECTING: Final = frozenset({"update", "patch", "delete"})


def consented(actor: Actor, interaction: str, entry: Entry, at: int) -> Consented:
    """Return that the consents of a dossier permit ``interaction`` on a type that has a category, at the instant ``at``.

    Who writes a message takes part in the conversation, and needs no more than who reads it.
    """
    return Consented(
        keys=recipients(actor),
        people=actor.people,
        purpose=actor.purpose,
        category=entry.category_coding,
        action=action(interaction),
        at=at,
        date="" if entry.main_date == LAST_UPDATED else entry.main_date,
        open_without=entry.category == MEMBERS_FIRST,
    )


def action(interaction: str) -> str:
    """Return the code of http://terminology.hl7.org/CodeSystem/consentaction for ``interaction``."""
    return "correct" if interaction in _CORRECTING else "access"


def recipients(actor: Actor) -> tuple[str, ...]:
    """Return as whom a rule can name ``actor``, apart from the care teams: people, organisations, their kinds, the functions."""
    kinds, functions = (f"kind:{kind}" for kind in actor.kinds), (f"function:{each}" for each in actor.functions)
    return (*actor.people, *actor.organisations, *kinds, *functions)
