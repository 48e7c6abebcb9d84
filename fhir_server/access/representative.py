"""Whom a RelatedPerson represents: the relationship says so, for as long as it lasts."""

from collections.abc import Collection, Mapping
from typing import Any

from fhir_server.model.reference import parse
from fhir_server.search.values import DateError, span


def represents(related: Mapping[str, Any], relationships: Collection[str], at: int) -> str:
    """Return the client ("Patient/id") whom the RelatedPerson represents at the instant ``at``, "" for nobody.

    ``relationships`` ("system|code") are those that make a representative.
    """
    if related.get("active") is False or not _lasts(related.get("period", {}), at):
        return ""
    codings = [each for concept in related.get("relationship", ()) for each in concept.get("coding", ())]
    if not any(f"{each.get('system', '')}|{each.get('code', '')}" in relationships for each in codings):
        return ""
    client = parse(related.get("patient", {}).get("reference", ""))
    return str(client) if client is not None and client.type == "Patient" else ""


def _lasts(period: Mapping[str, Any], at: int) -> bool:
    try:
        begun = "start" not in period or span(period["start"]).low <= at
        return begun and ("end" not in period or at < span(period["end"]).high)
    except DateError:
        return False
