"""Mandates: by what somebody may choose in the client's place."""

from collections.abc import Mapping
from typing import Any

from fhir_server.network import provision
from fhir_server.network.consent_names import MANDATE, names
from fhir_server.network.json_parts import listed, text


def acts_for(related_person: Mapping[str, Any], patient: str, at: int, base: str) -> bool:
    """Tell whether a RelatedPerson has a mandate of ``patient`` ("Patient/id") at the moment ``at`` (microseconds).

    The mandate is an extension of the resource, which only ``system`` writes: what somebody says about themselves opens nothing.
    https://hl7.org/fhir/R4/relatedperson.html
    """
    if related_person.get("active") is False or provision.literal(related_person.get("patient"), base) != patient:
        return False
    return _lasts(related_person.get("period"), at) and has_mandate(related_person, at)


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
