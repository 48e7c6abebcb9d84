"""HL7v3 elements for tests, without the noise of namespaces."""

from mappings.tree import Node, parse

NAMESPACE = "urn:hl7-org:v3"
_ATTRIBUTES = f'xmlns="{NAMESPACE}" xmlns:hl7="{NAMESPACE}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def element(xml: str) -> Node:
    """Read one element written without namespaces."""
    name = xml.split(">", 1)[0].split("/", 1)[0].split(" ", 1)[0]
    return parse(xml.replace(name, f"{name} {_ATTRIBUTES}", 1).encode(), NAMESPACE)
