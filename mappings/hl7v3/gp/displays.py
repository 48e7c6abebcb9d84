"""The text with which a reference shows what it refers to."""

from mappings.engine import Resource
from mappings.hl7v3 import displays


def display(resource: Resource) -> str:
    """Return the name of a person, of a role its person and organisation, and for the rest what every HL7v3 source shows."""
    if resource["resourceType"] == "Practitioner":
        return _name(resource)
    if resource["resourceType"] == "PractitionerRole":
        return ", ".join(part for part in (_shown(resource, "practitioner"), _shown(resource, "organization")) if part)
    if resource["resourceType"] == "Observation":
        return _first_display(resource.get("code"))
    return displays.display(resource)


def _name(resource: Resource) -> str:
    names = resource.get("name")
    return str(names[0].get("text", "")) if isinstance(names, list) else ""


def _shown(resource: Resource, element: str) -> str:
    reference = resource.get(element)
    return str(reference.get("display", "")) if isinstance(reference, dict) else ""


def _first_display(concept: object) -> str:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    return str(codings[0].get("display", "")) if isinstance(codings, list) else ""
