"""What a person, an organisation or a team is called (https://hl7.org/fhir/R4/datatypes.html#HumanName)."""

from collections.abc import Mapping
from typing import Any


def name_of(resource: Mapping[str, Any]) -> str:
    """Return the name of ``resource``: its text where it has one, else its parts; "" where it has none."""
    names = resource.get("name", "")
    if isinstance(names, str):
        return names
    for each in names:
        if "text" in each:
            return str(each["text"])
        parts = [*each.get("prefix", ()), *each.get("given", ()), each.get("family", "")]
        if text := " ".join(part for part in parts if part):
            return text
    return ""
