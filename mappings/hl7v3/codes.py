"""HL7v3 codes (CD, CE, CV, CS) as FHIR Coding and CodeableConcept.

The code system is an OID; it becomes the system that the ConceptMap ``oid-to-code-system`` names, else ``urn:oid:``.
"""

import re

from mappings.functions import Call, Functions
from mappings.tree import Node
from terminology.concept_maps import concept_map

FUNCTIONS = Functions()
Json = dict[str, object]
NULL_FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
CODE_SPECIFICATION = "http://nictiz.nl/fhir/StructureDefinition/ext-CodeSpecification"
_OID = re.compile(r"[0-2](?:\.(?:0|[1-9]\d*))+")


def oid_uri(oid: str, table: str) -> str:
    """Return the FHIR system of an OID by the ConceptMap ``table``, "" when it is no OID."""
    if not _OID.fullmatch(oid):
        return ""
    match = concept_map(table).translate(f"urn:oid:{oid}")
    return match.code if match else f"urn:oid:{oid}"


def coding(node: Node) -> Json | None:
    """Return the code of one element, without its translations; None when it has none."""
    code = node.value("code")
    if not code:
        return None
    system = oid_uri(node.value("codeSystem"), "oid-to-code-system")
    parts: Json = {"system": system, "code": code, "display": node.value("displayName")}
    return {name: value for name, value in parts.items() if value != ""}


def codings(node: Node) -> list[Json]:
    """Return the code of an element and its translations."""
    found = [coding(node), *(coding(translation) for translation in node.all("translation"))]
    return [one for one in found if one is not None]


def null_coding(flavor: str) -> Json:
    """Return a null flavour as the code that the Dutch profiles make of it."""
    match = concept_map("null-flavor-display").translate(flavor, NULL_FLAVOR)
    found: Json = {"system": NULL_FLAVOR, "code": flavor}
    return found | {"display": match.display} if match else found


def original_text(node: Node) -> str:
    """Return the text that a code stands for, or ""."""
    text = node.first("originalText")
    return text.text if text else ""


def concept(node: Node) -> Json | None:
    """Return a CodeableConcept: code, translations and text; a null flavour is kept only where a text says what is meant."""
    found, text = codings(node), original_text(node)
    flavor = node.value("nullFlavor")
    if not found and flavor and text:
        found = [null_coding(flavor)]
    parts: Json = {"coding": found, "text": text}
    return {name: value for name, value in parts.items() if value} or None


def code_specification(found: Json) -> Json:
    """Return the extension that keeps the source's own code beside a FHIR code."""
    return {"url": CODE_SPECIFICATION, "valueCodeableConcept": {"coding": [found]}}


@FUNCTIONS.each("codeable_concept")
def _codeable_concept(node: Node, _call: Call) -> Json | None:
    return concept(node)
