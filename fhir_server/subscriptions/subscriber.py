"""Who subscribes, as it is kept beside a Subscription: enough to decide anew what that person may see, and no token."""

import json
from typing import cast

from fhir_server.access.actor import Actor, Role
from fhir_server.access.scope import parse_scopes
from fhir_server.storage.subscriptions.store import EVERYBODY


def written(actor: Actor) -> str:
    """Return the text to keep for ``actor``."""
    kept = {
        "reference": actor.reference,
        "role": actor.role,
        "scope": " ".join(f"{each.level}/{each.type}.{each.letters}" for each in actor.scopes),
        "patient": actor.patient,
        "purpose": actor.purpose,
        "organisation": actor.organisation,
        "client": actor.client,
    }
    return json.dumps({name: value for name, value in kept.items() if value})


def read(text: str) -> Actor:
    """Return the actor that ``text`` was kept for: a new object, of which nobody has remembered anything."""
    kept = json.loads(text)
    return Actor(
        reference=kept["reference"],
        role=cast("Role", kept["role"]),
        scopes=parse_scopes(kept.get("scope", "")),
        patient=kept.get("patient", ""),
        purpose=kept.get("purpose", ""),
        organisation=kept.get("organisation", ""),
        client=kept.get("client", ""),
        people=(kept["reference"],),
    )


def audience(actor: Actor) -> tuple[str, ...]:
    """Return the references by which it is known that a resource may be for ``actor``, whose standing is known."""
    return (EVERYBODY,) if actor.role == "system" else (actor.reference, *actor.people)
