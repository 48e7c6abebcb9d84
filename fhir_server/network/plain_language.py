"""Payloads for professionals and payloads in plain language: which of a message's payloads are for whom."""

from typing import Final

from fhir_server.network.consent_names import CANONICAL

AUDIENCE: Final = f"{CANONICAL}/StructureDefinition/audience"
"""The extension of a payload that says for whom it is; without it, it is for everybody."""
PROFESSIONAL, LAY = "professional", "lay"
