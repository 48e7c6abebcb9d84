"""Physical quantities (PQ) as FHIR Quantity, in UCUM with the G-Standaard unit beside it.

Values are kept as they were written, as Decimal; a comma counts as a point. The unit is that of the G-Standaard translation where
the source has one. The ConceptMaps ``gstandaard-unit-to-ucum`` and ``ucum-to-gstandaard-unit`` hold the units.
"""

import re
from decimal import Decimal

from mappings.functions import Call, Functions, Unmappable
from mappings.tree import Node
from terminology.concept_maps import concept_map

FUNCTIONS = Functions()
Json = dict[str, object]
UCUM = "http://unitsofmeasure.org"
GSTANDAARD_OID = "2.16.840.1.113883.2.4.4.1.900.2"
GSTANDAARD = f"urn:oid:{GSTANDAARD_OID}"
TRANSLATION = "http://hl7.org/fhir/StructureDefinition/iso21090-PQ-translation"
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,15})?")


def number(text: str) -> Decimal:
    """Return a number exactly as written; Unmappable when it is none."""
    plain = text.replace(",", ".")
    if not _NUMBER.fullmatch(plain) or not plain.isascii():
        raise Unmappable("a quantity has a value that is not a number")
    return Decimal(plain)


def quantity(node: Node) -> Json | None:
    """Return an amount in UCUM with its G-Standaard unit; None when empty.

    A G-Standaard unit without UCUM unit stands alone, and an unknown unit is only shown: no code is guessed.
    """
    for translation in node.all("translation"):
        if translation.value("codeSystem") == GSTANDAARD_OID and translation.value():
            return _by_gstandaard(number(translation.value()), translation.value("code"), translation.value("displayName"))
    if not node.value():
        return None
    return _by_ucum(number(node.value()), node.value("unit") or "1")


def duration(node: Node) -> Json | None:
    """Return a length of time in UCUM; None when empty; Unmappable when the unit is none of time."""
    if not node.value():
        return None
    unit = concept_map("time-unit-to-ucum").translate(node.value("unit"), UCUM)
    if unit is None:
        raise Unmappable("a length of time has a unit that is none of time")
    return {"value": number(node.value()), "unit": unit.display, "system": UCUM, "code": unit.code}


def ratio(node: Node) -> Json | None:
    """Return numerator and denominator as FHIR Ratio; a denominator may be a length of time; None when both are empty."""
    top, bottom = node.first("numerator"), node.first("denominator")
    found: Json = {}
    if top and (numerator := quantity(top)):
        found["numerator"] = numerator
    if bottom and bottom.value():
        is_time = concept_map("time-unit-to-ucum").translate(bottom.value("unit"), UCUM)
        found["denominator"] = duration(bottom) if is_time else quantity(bottom)
    return found or None


def _by_gstandaard(value: Decimal, code: str, display: str) -> Json:
    ucum = concept_map("gstandaard-unit-to-ucum").translate(code, GSTANDAARD)
    unit = display or (ucum.display if ucum else "")
    original = {"value": value, "unit": unit, "system": GSTANDAARD, "code": code}
    original = {name: part for name, part in original.items() if part != ""}
    return _translated(original, value, unit, ucum.code) if ucum else original


def _by_ucum(value: Decimal, unit: str) -> Json:
    gstandaard = concept_map("ucum-to-gstandaard-unit").translate(unit, UCUM)
    if gstandaard is None:
        return {"value": value, "unit": unit}
    original = {"value": value, "unit": gstandaard.display, "system": GSTANDAARD, "code": gstandaard.code}
    return _translated(original, value, gstandaard.display, unit)


def _translated(original: Json, value: Decimal, unit: str, code: str) -> Json:
    found: Json = {"extension": [{"url": TRANSLATION, "valueQuantity": original}], "value": value}
    return found | ({"unit": unit} if unit else {}) | {"system": UCUM, "code": code}


@FUNCTIONS.each("ratio")
def _ratio(node: Node, _call: Call) -> Json | None:
    return ratio(node)
