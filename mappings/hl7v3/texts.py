"""Texts as they stand in the message."""

from mappings.functions import Call, Functions
from mappings.targets import Primitive
from mappings.tree import Node

FUNCTIONS = Functions()
ISO21090_NULL = "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor"


@FUNCTIONS.each("text")
def _text(node: Node, _call: Call) -> str | None:
    return node.text or None


@FUNCTIONS.whole("texts")
def _texts(nodes: list[Node], _call: Call) -> str | None:
    """Join the distinct texts of several elements, in their order."""
    return "; ".join(dict.fromkeys(node.text for node in nodes if node.text)) or None


@FUNCTIONS.each("no_information")
def _no_information(_node: Node, _call: Call) -> Primitive:
    """Say that the source does not have what the profile wants."""
    return Primitive(None, [{"url": ISO21090_NULL, "valueCode": "NI"}])
