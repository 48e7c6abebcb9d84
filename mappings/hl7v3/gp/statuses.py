"""The state of things: codes of HL7v3 acts as those of FHIR, and what follows where there is none."""

from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import code_specification, coding, null_coding
from mappings.targets import Primitive
from mappings.tree import Node
from terminology.concept_maps import Match

FUNCTIONS = Functions()
Json = dict[str, object]
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_SNOMED = "http://snomed.info/sct"


def concept_of(system: str, code: str, display: str) -> Json:
    """Return a CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code, "display": display}]}


def _match(node: Node, call: Call) -> Match:
    found = call.concept_map.translate(node.value("code"))
    if found is None:
        raise Unmappable(f"the ConceptMap {call.concept_map.id} does not know the state")
    return found


@FUNCTIONS.each("status", needs_table=True)
def _status(node: Node, call: Call) -> str:
    return _match(node, call).code


@FUNCTIONS.each("status_concept", needs_table=True)
def _status_concept(node: Node, call: Call) -> Json:
    found = _match(node, call)
    return concept_of(found.system, found.code, found.display)


@FUNCTIONS.each("ended")
def _ended(_node: Node, _call: Call) -> Json:
    return concept_of(f"{_TERMINOLOGY}/condition-clinical", "inactive", "Inactive")


@FUNCTIONS.each("confirmed")
def _confirmed(_node: Node, _call: Call) -> Json:
    """Say that a condition is certain, in the code of FHIR and in that of the Dutch information models."""
    fhir = {"system": f"{_TERMINOLOGY}/condition-ver-status", "code": "confirmed", "display": "Confirmed"}
    return {"coding": [fhir, {"system": _SNOMED, "code": "410605003", "display": "Confirmed present"}]}


@FUNCTIONS.each("allergy_ended")
def _allergy_ended(_node: Node, _call: Call) -> Json:
    return concept_of(f"{_TERMINOLOGY}/allergyintolerance-clinical", "inactive", "Inactive")


@FUNCTIONS.each("allergy_active")
def _allergy_active(_node: Node, _call: Call) -> Json:
    return concept_of(f"{_TERMINOLOGY}/allergyintolerance-clinical", "active", "Active")


@FUNCTIONS.each("allergy_confirmed")
def _allergy_confirmed(_node: Node, _call: Call) -> Json:
    return concept_of(f"{_TERMINOLOGY}/allergyintolerance-verification", "confirmed", "Confirmed")


@FUNCTIONS.each("allergy_category", needs_table=True)
def _allergy_category(node: Node, call: Call) -> Primitive | None:
    """Return the category with the source's own code beside it; what kind of allergy another code says, stays with the source."""
    found = coding(node)
    match = call.concept_map.translate(str(found["code"]), str(found.get("system", ""))) if found else None
    if found is None or match is None:
        raise Unmappable("the kind of allergy is none that FHIR has a category for")
    return Primitive(match.code, [code_specification(found)])


@FUNCTIONS.each("encounter_class", needs_table=True)
def _encounter_class(node: Node, call: Call) -> Json:
    """Return the class of a contact; where the way of contact is not in the map it is unknown, and the type tells it."""
    code = node.first("code")
    match = call.concept_map.translate(code.value("code")) if code else None
    if match is None:
        call.remarks.append("the class of the contact is not known; its type is as the source gave it")
        return null_coding("UNK")
    return {"system": match.system, "code": match.code, "display": match.display}


@FUNCTIONS.each("not_applicable")
def _not_applicable(_node: Node, _call: Call) -> list[Json]:
    return [{"system": f"{_TERMINOLOGY}/data-absent-reason", "code": "not-applicable", "display": "Not Applicable"}]
