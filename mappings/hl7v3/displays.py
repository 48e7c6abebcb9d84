"""The text with which a reference shows what it refers to."""

from mappings.engine import Resource
from terminology.concept_maps import concept_map


def display(resource: Resource) -> str:
    """Return kind and name of a patient or an organisation, the name of a product; "" where there is nothing to show."""
    if resource["resourceType"] == "Patient":
        return ", ".join(part for part in ("Patient", _person(resource)) if part)
    if resource["resourceType"] == "Organization":
        return ", ".join(part for part in ("Healthcare provider (organization)", _organisation(resource)) if part)
    code = resource.get("code")
    return " ".join(str(code.get("text", "")).split()) if isinstance(code, dict) else ""


def _person(resource: Resource) -> str:
    """Return the official name of a person, with the call name before it in brackets."""
    names = resource.get("name")
    if not isinstance(names, list):
        return ""
    usual = [f"({name['given'][0]})" for name in names if name.get("use") == "usual"]
    shown = [str(name["text"]) for name in names if "text" in name]
    return " ".join([*usual, *shown[:1]])


def _organisation(resource: Resource) -> str:
    """Return the name of an organisation, else its first identifier with the root that the source wrote."""
    if "name" in resource:
        return str(resource["name"])
    identifiers = resource.get("identifier")
    if not isinstance(identifiers, list):
        return ""
    first = identifiers[0]
    root = concept_map("oid-to-identifier-system").source_of(str(first["system"])) or str(first["system"])
    return f"organisation-id {first['value']} in system {root.removeprefix('urn:oid:')}"
