"""HL7v3 instance identifiers (II) as FHIR identifiers and ids.

The root becomes the system that the ConceptMap ``oid-to-identifier-system`` names, else ``urn:oid:``, or ``urn:uuid:`` for a UUID.
"""

import re

from mappings.engine import hash_id
from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import NULL_FLAVOR, oid_uri
from mappings.tree import Node

FUNCTIONS = Functions()
Json = dict[str, object]
# Roots of identifiers that are made for what an older message does not name (medication process 9, "fabricated" identifiers).
AGREEMENT_PREFIX = "1.3.6.1.4.1.58606.1.1."
TREATMENT_PREFIX = "1.3.6.1.4.1.58606.1.2."
TREATMENT_BY_PRK = "2.16.840.1.113883.2.4.3.11.61.2"
TREATMENT_BY_HPK = "2.16.840.1.113883.2.4.3.11.61.3"
PRK = "2.16.840.1.113883.2.4.4.10"
HPK = "2.16.840.1.113883.2.4.4.7"
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def system_of(root: str) -> str:
    """Return the FHIR system of a root; Unmappable when it is neither an OID nor a UUID."""
    system = f"urn:uuid:{root.lower()}" if _UUID.fullmatch(root) else oid_uri(root, "oid-to-identifier-system")
    if not system:
        raise Unmappable("the root of an identifier is neither an OID nor a UUID")
    return system


def identifier(node: Node, prefix: str = "") -> Json | None:
    """Return an II as FHIR Identifier, its root after ``prefix``; None when it has no value (a null flavour, say)."""
    root, extension = node.value("root"), node.value("extension")
    if not root or not extension:
        return {"system": "urn:ietf:rfc:3986", "value": system_of(root)} if root and not prefix else None
    return {"system": system_of(prefix + root), "value": extension}


@FUNCTIONS.each("identifier")
def _identifier(node: Node, _call: Call) -> Json | None:
    return identifier(node)


@FUNCTIONS.each("agreement_identifier")
def _agreement_identifier(node: Node, _call: Call) -> Json | None:
    found = identifier(node, AGREEMENT_PREFIX)
    if found is None:
        raise Unmappable("the event has no identifier, so its agreement has none either")
    return found


@FUNCTIONS.each("stable_id")
def _stable_id(node: Node, _call: Call) -> str | None:
    root, extension = node.value("root"), node.value("extension")
    return hash_id(f"{root}|{extension}") if root and extension else None


@FUNCTIONS.each("treatment_identifier")
def _treatment_identifier(node: Node, _call: Call) -> Json | None:
    """Name the treatment by the product, since all agreements about one product belong together; else by the event."""
    codes: dict[str, str] = {}
    for kind in (below for below in node.walk() if below.name == "MedicationKind"):
        for code in (main for main in kind.all("code")):
            for one in [code, *code.all("translation")]:
                codes.setdefault(one.value("codeSystem"), one.value("code"))
        break
    if codes.get(PRK):
        return {"system": f"urn:oid:{TREATMENT_BY_PRK}", "value": codes[PRK]}
    if codes.get(HPK):
        return {"system": f"urn:oid:{TREATMENT_BY_HPK}", "value": codes[HPK]}
    event = node.first("id")
    return identifier(event, TREATMENT_PREFIX) if event else None


@FUNCTIONS.each("prescription")
def _prescription(node: Node, _call: Call) -> Json:
    """Name the prescription, which is not sent; one that the source does not know by a null flavour, as the profile wants."""
    ids = [found for prescription in node.all("prescription") for found in prescription.all("id")]
    known = next((found for one in ids if (found := identifier(one)) is not None), None)
    flavor = next((one.value("nullFlavor") for one in ids if one.value("nullFlavor")), "UNK")
    return {"type": "MedicationRequest", "identifier": known or {"system": NULL_FLAVOR, "value": flavor}}
