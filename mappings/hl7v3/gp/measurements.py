"""Determinations: what was measured or found, as the source coded it, with LOINC and units beside it where those are certain."""

from mappings.engine import hash_id
from mappings.functions import Call, Functions, Unmappable
from mappings.hl7v3.codes import codings, concept
from mappings.hl7v3.quantities import UCUM, number
from mappings.hl7v3.times import date_time
from mappings.tree import Node
from terminology.concept_maps import ConceptMap, Match

FUNCTIONS = Functions()
Json = dict[str, object]
LABORATORY = frozenset({"2.16.840.1.113883.2.4.3.11.60.7.10.31", "2.16.840.1.113883.2.4.3.11.60.66.10.203"})
CATEGORIES = "http://terminology.hl7.org/CodeSystem/observation-category"
_CODED = frozenset({"CD", "CE", "CV", "CO", "CS"})
_MEASURED = frozenset({"PQ", "INT", "REAL"})
_NORMAL = {
    "coding": [
        {"system": "http://terminology.hl7.org/CodeSystem/referencerange-meaning", "code": "normal", "display": "Normal Range"}
    ]
}


def measured(node: Node | None) -> Json | None:
    """Return an amount as Quantity in UCUM, exactly as written; None when it has no value."""
    if node is None or not node.value():
        return None
    found: Json = {"value": number(node.value())}
    unit = node.value("unit")
    return found | ({"unit": unit, "system": UCUM, "code": unit} if unit and unit != "1" else {})


def kind_of(value: Node) -> str:
    """Return the type of a value, guessed by its form where the source does not say it; "" for an empty one."""
    if value.type:
        return value.type
    if value.value("code") or value.first("originalText"):
        return "CD"
    return "PQ" if value.value() else "ST" if value.text else ""


def vital_sign(code: Node, table: ConceptMap) -> Match | None:
    """Return the LOINC code of a vital sign; None for every other determination."""
    for one in codings(code):
        found = table.translate(str(one["code"]), str(one.get("system", "")) or "?")
        if found:
            return found
    return None


@FUNCTIONS.each("determination", needs_table=True)
def _determination(node: Node, call: Call) -> Json | None:
    """Return what was determined: the code of the source, and after it the LOINC code of a vital sign."""
    found = concept(node)
    loinc = vital_sign(node, call.concept_map)
    if found is None or loinc is None:
        return found
    return found | {"coding": [*codings(node), {"system": loinc.system, "code": loinc.code, "display": loinc.display}]}


@FUNCTIONS.each("observation_category", needs_table=True)
def _observation_category(node: Node, call: Call) -> Json | None:
    code = node.first("code")
    if any(template.value("root") in LABORATORY for template in node.all("templateId")):
        return {"coding": [{"system": CATEGORIES, "code": "laboratory", "display": "Laboratory"}]}
    if code and vital_sign(code, call.concept_map):
        return {"coding": [{"system": CATEGORIES, "code": "vital-signs", "display": "Vital Signs"}]}
    return None


@FUNCTIONS.each("value_quantity")
def _value_quantity(node: Node, _call: Call) -> Json | None:
    return measured(node) if kind_of(node) in _MEASURED else None


@FUNCTIONS.each("value_concept")
def _value_concept(node: Node, _call: Call) -> Json | None:
    return concept(node) if kind_of(node) in _CODED else None


@FUNCTIONS.each("value_boolean")
def _value_boolean(node: Node, _call: Call) -> bool | None:
    if kind_of(node) != "BL" or not node.value():
        return None
    if node.value() not in ("true", "false"):
        raise Unmappable("a value is neither true nor false")
    return node.value() == "true"


@FUNCTIONS.each("value_string")
def _value_string(node: Node, _call: Call) -> str | None:
    """Return the text of a value, whatever its type; a value of a type that is not structured and has no text is left out."""
    kind = kind_of(node)
    if kind in _CODED | _MEASURED | {"BL", "IVL_PQ"}:
        return None
    if kind and not node.text:
        raise Unmappable("a value is of a type that is not structured")
    return node.text or None


@FUNCTIONS.each("value_range")
def _value_range(node: Node, _call: Call) -> Json | None:
    return _bounds(node) or None if kind_of(node) == "IVL_PQ" else None


@FUNCTIONS.each("reference_range")
def _reference_range(node: Node, _call: Call) -> Json | None:
    """Return the range that a value is compared with; None without any bound."""
    for observed in node.all("observationRange"):
        bounds: Json = {}
        for value in observed.all("value"):
            bounds |= _bounds(value)
        text = observed.first("text")
        if text and text.text:
            bounds["text"] = text.text
        normal = any(code.value("code") == "N" for code in observed.all("interpretationCode"))
        if bounds:
            return bounds | ({"type": _NORMAL} if normal else {})
    return None


def _bounds(value: Node) -> Json:
    ends = {name: measured(value.first(name)) for name in ("low", "high")}
    return {name: end for name, end in ends.items() if end}


@FUNCTIONS.each("period")
def _period(node: Node, _call: Call) -> Json | None:
    low, high = node.first("low"), node.first("high")
    found = {"start": low.value() if low else "", "end": high.value() if high else ""}
    return {name: date_time(stamp) for name, stamp in found.items() if stamp} or None


@FUNCTIONS.each("pressure_id")
def _pressure_id(node: Node, _call: Call) -> str | None:
    """Name a blood pressure by its two measurements."""
    ids = [one for part in (node.first("systolic"), node.first("diastolic")) if part for one in part.all("id")]
    known = [f"{one.value('root')}|{one.value('extension')}" for one in ids if one.value("extension")]
    return hash_id(f"pressure {' '.join(known)}") if known else None
