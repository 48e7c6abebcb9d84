"""What is said of a person beside name and address."""

from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import code_specification, coding, null_coding
from mappings.targets import Primitive
from mappings.tree import Node

FUNCTIONS = Functions()


@FUNCTIONS.each("gender", needs_table=True)
def _gender(node: Node, call: Call) -> Primitive | None:
    """Return the FHIR code with the source's own code beside it."""
    flavor = node.value("nullFlavor")
    found = coding(node) or (null_coding(flavor) if flavor else None)
    if found is None:
        return None
    match = call.concept_map.translate(str(found["code"]), str(found.get("system", "")))
    if match is None:
        raise Unmappable(f"the ConceptMap {call.concept_map.id} does not know the code")
    return Primitive(match.code, [code_specification(found)])
