"""Which resource type is data of which category, as the catalogue has it, in the form that others can read.

https://hl7.org/fhir/R4/conceptmap.html
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

from profiles.definitions import search_parameters

ID: Final = "resource-type-to-data-category"
TYPES: Final = "http://hl7.org/fhir/resource-types"
_URL: Final = f"https://netwerkdossier.example/fhir/ConceptMap/{ID}"
_CODE_SYSTEMS: Final = ("data-category", "nl-gf-data-categories-cs")
_DESCRIPTION: Final = (
    "The data category of each resource type that a client's choices can be about. A target that depends on something is for the "
    "resources of the type in which that search parameter finds that code, and goes before a target that depends on nothing. A "
    "type that is not in this map has no data category: no choice names it."
)
_REST: Final = "The resources of this type that no target which depends on something is for."
Json = dict[str, Any]


def concept_map(catalog: Mapping[str, Any] | None = None) -> Json:
    """Return the ConceptMap from resource types to data categories, of ``catalog.toml`` unless another ``catalog`` is given.

    There is a group for each code system of categories. Raises KeyError where the catalogue names a category that neither code
    system has, or a part by a search parameter that there is not.
    """
    if catalog is None:
        catalog = tomllib.loads((files("profiles") / "catalog.toml").read_text(encoding="utf-8"))
    systems = {code: system for system, codes in map(_codes, _CODE_SYSTEMS) for code in codes}
    groups: dict[str, dict[str, list[Json]]] = {}
    for type_, table in sorted(catalog.items()):
        for category, target in _targets(type_, table):
            groups.setdefault(systems[category], {}).setdefault(type_, []).append({"code": category, **target})
    return {
        "resourceType": "ConceptMap",
        "id": ID,
        "url": _URL,
        "name": "ResourceTypeToDataCategory",
        "title": "Data category of each resource type",
        "status": "active",
        "description": _DESCRIPTION,
        "sourceCanonical": "http://hl7.org/fhir/ValueSet/resource-types",
        "group": [_group(target, elements) for target, elements in sorted(groups.items())],
    }


def _group(target: str, elements: Mapping[str, list[Json]]) -> Json:
    return {"source": TYPES, "target": target, "element": [{"code": type_, "target": told} for type_, told in elements.items()]}


def _targets(type_: str, table: Mapping[str, Any]) -> Iterator[tuple[str, Json]]:
    """Yield each category of the type, and what is said of it: of a part first, of the rest last."""
    parts = table.get("parts", ())
    for part in parts:
        depends = {"property": _parameter(type_, part["param"]), "system": part["system"], "value": part["code"]}
        yield part["category"], {"equivalence": "inexact", "comment": _part(part), "dependsOn": [depends]}
    if "category" in table:
        yield table["category"], {"equivalence": "inexact", "comment": _REST} if parts else {"equivalence": "subsumes"}


def _part(part: Mapping[str, str]) -> str:
    return f"The resources of this type that {part['param']}={part['system']}|{part['code']} finds."


def _parameter(type_: str, code: str) -> str:
    """Return the URL of a search parameter, of the server's own before that of R4."""
    own = json.loads((files("profiles") / "search-parameters.json").read_text(encoding="utf-8"))
    ours = {each["code"]: each["url"] for each in own if type_ in each["base"]}
    url: str = ours.get(code) or search_parameters(type_)[code].url
    return url


def _codes(name: str) -> tuple[str, list[str]]:
    """Return the URL of a code system of categories, and its codes."""
    system = json.loads((files("profiles") / "consent" / f"CodeSystem-{name}.json").read_text(encoding="utf-8"))
    return system["url"], [each["code"] for each in system["concept"]]
