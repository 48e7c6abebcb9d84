"""Bundles of what was translated (https://hl7.org/fhir/R4/bundle.html)."""

from collections.abc import Iterable

# Entries need a full url, or the relative references between them would point nowhere.
BASE = "https://netwerkdossier.example/fhir"


def collection(resources: Iterable[dict[str, object]], base: str = BASE) -> dict[str, object]:
    """Return a Bundle of type collection with ``resources`` in their order, addressed below ``base``."""
    entries = [{"fullUrl": f"{base}/{resource['resourceType']}/{resource['id']}", "resource": resource} for resource in resources]
    bundle: dict[str, object] = {"resourceType": "Bundle", "type": "collection"}
    return bundle | {"entry": entries} if entries else bundle
