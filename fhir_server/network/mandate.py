"""Mandates: by what somebody may act in the client's place. Whom a RelatedPerson represents says ``network/representative``."""

from collections.abc import Mapping
from typing import Any

from fhir_server.network import provision
from fhir_server.network.consent_names import MANDATE, names
from fhir_server.network.json_parts import listed, text


def has_mandate(element: Mapping[str, Any], at: int) -> bool:
    """Tell whether ``element`` has the extension mandate, of a known kind and in force at the moment ``at`` (microseconds)."""
    mandates = [
        {text(part, "url"): part for part in listed(each, "extension")}
        for each in listed(element, "extension")
        if each.get("url") == MANDATE
    ]
    return any(
        each.get("kind", {}).get("valueCode") in names().mandates and _lasts(each.get("period", {}).get("valuePeriod"), at)
        for each in mandates
    )


def _lasts(period: object, at: int) -> bool:
    found = provision.time(period)
    return found is not None and found.low <= at < found.high
