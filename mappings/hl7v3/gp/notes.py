"""What a source says in words beside what it says in codes (https://hl7.org/fhir/R4/datatypes.html#Annotation)."""

from mappings.functions import Call, Functions
from mappings.tree import Node

FUNCTIONS = Functions()


@FUNCTIONS.each("note")
def _note(node: Node, _call: Call) -> dict[str, object] | None:
    return {"text": node.text} if node.text else None
