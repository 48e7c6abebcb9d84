"""To whose dossier a Binary (https://hl7.org/fhir/R4/binary.html) belongs: that of its securityContext, else its maker alone."""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.model.reference import Reference, parse

_UNFIT: Final = frozenset({"AuditEvent", "Binary"})
"""Seen by one person alone, though they may lie in a dossier: what they stand for would be seen by more."""


def names_context(binary: Mapping[str, Any]) -> bool:
    """Tell whether another resource says who may see the Binary."""
    return "securityContext" in binary


def context(binary: Mapping[str, Any], base: str = "") -> Reference | None:
    """Return the resource on this server, below ``base``, that says who may see the Binary; None when it names no such resource."""
    named = binary.get("securityContext")
    literal = named.get("reference") if isinstance(named, Mapping) else None
    found = parse(literal, base) if isinstance(literal, str) else None
    return found if found and found.type not in _UNFIT else None
