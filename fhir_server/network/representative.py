"""Whom a RelatedPerson represents: one rule, for whoever asks whether somebody acts for a client.

https://hl7.org/fhir/R4/relatedperson.html. Only ``system`` writes a RelatedPerson: what people say of themselves opens nothing.
"""

from collections.abc import Collection, Mapping
from typing import Any

from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.mandate import has_mandate
from fhir_server.network.message_thread import literal
from fhir_server.network.period import lasting
from profiles.identifiers import equivalents


def represents(related: Mapping[str, Any], relationships: Collection[str], at: int, base: str = "") -> str:
    """Return the client ("Patient/id") whom the RelatedPerson represents at the instant ``at`` (microseconds), "" for nobody.

    Two things make a representative: a relationship of those named ("system|code": guardian, attorney), or a mandate that the
    client gave (``network/mandate``). Both last while the relation does. ``base`` is the server's own FHIR base.
    """
    low, high = lasting(related.get("period"))
    if related.get("active") is False or not low <= at < high:
        return ""
    codings = (each for concept in listed(related, "relationship") for each in listed(concept, "coding"))
    if not (any(code in relationships for each in codings for code in _codes(each)) or has_mandate(related, at)):
        return ""
    client = literal(mapped(related, "patient"), base)
    return client if client.startswith("Patient/") else ""


def _codes(coding: Mapping[str, Any]) -> list[str]:
    """Return the code ("system|code") under each name that its system has."""
    system, code = text(coding, "system"), text(coding, "code")
    return [f"{each}|{code}" for each in equivalents().get(system, (system,))]
