"""What the server publishes of itself: what a few folders of ``profiles`` hold, and what is made of its tables.

The topics, the definitions of the operations, and the data categories of the catalogue.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from profiles import categories, operations, topics

_FOLDERS = ("ozo", "consent", "network", "ladder", "signals", "questionnaires", "own")


@cache
def conformance() -> Mapping[str, Mapping[str, bytes]]:
    """Return the JSON text of the resources by resource type and id, in the order of the ids."""
    found: dict[str, dict[str, bytes]] = {}
    for folder in _FOLDERS:
        for file in sorted((files("profiles") / folder).iterdir(), key=lambda each: each.name):
            if file.name.endswith(".json"):
                _add(found, json.loads(file.read_bytes()))
    made = [*operations.definitions().values(), *topics.basics().values(), categories.concept_map()]
    for each in sorted(made, key=lambda one: str(one["id"])):
        _add(found, each)
    return found


def _add(found: dict[str, dict[str, bytes]], resource: Mapping[str, Any]) -> None:
    text = json.dumps(resource, ensure_ascii=False, separators=(",", ":")).encode()
    found.setdefault(resource["resourceType"], {})[resource["id"]] = text


@cache
def structure_definitions() -> Mapping[str, Mapping[str, Any]]:
    """Return the profiles and extensions by canonical URL."""
    return by_url("StructureDefinition")


@cache
def by_url(type_: str) -> Mapping[str, Mapping[str, Any]]:
    """Return the resources of one type by canonical URL."""
    read = [json.loads(text) for text in conformance().get(type_, {}).values()]
    return {each["url"]: each for each in read}


@cache
def identifier_systems() -> tuple[tuple[str, ...], ...]:
    """Return for each naming system the systems that mean it in an identifier, the preferred one first."""
    known = map(json.loads, conformance()["NamingSystem"].values())
    return tuple(tuple(one["value"] for one in sorted(each["uniqueId"], key=_preferred)) for each in known)


def _preferred(unique: Mapping[str, Any]) -> bool:
    return not unique.get("preferred", False)


@cache
def value_set(url: str) -> frozenset[tuple[str, str]]:
    """Return the (system, code) pairs that the value set ``url`` lists. Raises KeyError."""
    sets = {each["url"]: each for each in map(json.loads, conformance()["ValueSet"].values())}
    parts = sets[url]["compose"]["include"]
    return frozenset((part["system"], each["code"]) for part in parts for each in part.get("concept", ()))
