"""The facts of what R4 builds on its own types: its profiles, its extensions, and the codes of its complete code systems."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_ELEMENT = ("id", "path", "sliceName", "slicing", "min", "max", "contentReference", "isModifier", "maxLength")
_VALUES = ("fixed", "pattern", "minValue", "maxValue")
_PARENTS = ("subsumedBy", "parent")


def profile_facts(definition: Json) -> Json:
    """Return the facts of one StructureDefinition that constrains another: what it is of, where it may stand, its differential."""
    elements = [_element(each) for each in definition.get("differential", {}).get("element", [])]
    facts = {
        "resourceType": "StructureDefinition",
        **{key: definition.get(key) for key in ("url", "type", "kind", "abstract", "baseDefinition", "derivation")},
        "context": [{"type": each["type"], "expression": each["expression"]} for each in definition.get("context", [])],
        "differential": {"element": elements},
    }
    return {key: value for key, value in facts.items() if value is not None}


def _element(element: Json) -> Json:
    facts = {key: element[key] for key in _ELEMENT if key in element}
    facts |= {key: value for key, value in element.items() if key.startswith(_VALUES)}
    if "slicing" in element:
        facts["slicing"] = {key: value for key, value in element["slicing"].items() if key != "description"}
    if "type" in element:
        facts["type"] = [_type(each) for each in element["type"]]
    if "valueSet" in element.get("binding", {}):
        facts["binding"] = {key: element["binding"][key] for key in ("strength", "valueSet")}
    if "constraint" in element:
        facts["constraint"] = [
            {key: each[key] for key in ("key", "severity", "expression") if key in each} for each in element["constraint"]
        ]
    return facts


def _type(type_: Json) -> Json:
    return {key: value for key, value in type_.items() if key in {"code", "profile", "targetProfile", "aggregation", "versioning"}}


def code_system_facts(code_system: Json) -> Json:
    """Return the codes of a complete code system, with what lies above each."""
    return {
        "url": code_system["url"],
        "content": "complete",
        "concept": [_concept(each) for each in code_system.get("concept", [])],
    }


def _concept(concept: Json) -> Json:
    above = [
        {"code": each["code"], "valueCode": each["valueCode"]} for each in concept.get("property", []) if each["code"] in _PARENTS
    ]
    facts: Json = {"code": concept["code"]}
    if above:
        facts["property"] = above
    if "concept" in concept:
        facts["concept"] = [_concept(each) for each in concept["concept"]]
    return facts


def entries(found: Mapping[str, list[Json]]) -> dict[str, Any]:
    """Return the content of ``profiles.zip``: the facts of all of them, by canonical URL."""
    profiles = (each for each in found["StructureDefinition"] if each.get("derivation") == "constraint")
    systems = (each for each in found["CodeSystem"] if each.get("content") == "complete")
    return {
        "profiles.json": {each["url"]: profile_facts(each) for each in profiles},
        "code-systems.json": {each["url"]: code_system_facts(each) for each in systems},
    }
