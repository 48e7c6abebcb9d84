"""Translation of codes by ConceptMap (https://hl7.org/fhir/R4/conceptmap.html).

The maps are FHIR JSON in ``data/concept_maps``, one file per map, named by its id. A map is read when it is first asked for and
kept.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any


class UnknownConceptMap(KeyError):
    """There is no ConceptMap with this id."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a code becomes: ``display`` is "" where the map gives none, ``equivalence`` a code of concept-map-equivalence."""

    system: str
    code: str
    display: str
    equivalence: str


@dataclass(frozen=True, slots=True)
class Group:
    """The codes of one source system in one target system; ``fixed`` is the match of a code that is not listed.

    ``provided``: a code that is not listed stays as it is.
    """

    source: str
    target: str
    matches: Mapping[str, Match]
    fixed: Match | None
    provided: bool


@dataclass(frozen=True, slots=True)
class ConceptMap:
    """A ConceptMap, ready for look-ups."""

    id: str
    url: str
    groups: tuple[Group, ...]

    def translate(self, code: str, system: str = "") -> Match | None:
        """Return what ``code`` of ``system`` becomes, None where the map says nothing; without ``system`` any group may answer."""
        for group in self.groups:
            if system and group.source != system:
                continue
            match = group.matches.get(code) or group.fixed
            if match is None and group.provided:
                match = Match(group.target, code, "", "equivalent")
            if match is not None:
                return match
        return None

    def source_of(self, target: str) -> str:
        """Return the first code that becomes ``target``, "" when no listed code does."""
        listed = (code for group in self.groups for code, match in group.matches.items() if match.code == target)
        return next(listed, "")


@cache
def concept_map(map_id: str) -> ConceptMap:
    """Return the ConceptMap ``map_id``; UnknownConceptMap when there is none."""
    if map_id not in concept_map_ids():
        raise UnknownConceptMap(map_id)
    resource = concept_map_resource(map_id)
    return ConceptMap(map_id, resource["url"], tuple(_group(group) for group in resource["group"]))


@cache
def concept_map_ids() -> frozenset[str]:
    """Return the ids of all ConceptMaps."""
    return frozenset(file.name.removesuffix(".json") for file in _folder().iterdir() if file.name.endswith(".json"))


def concept_map_resource(map_id: str) -> dict[str, Any]:
    """Return the ConceptMap ``map_id`` as FHIR JSON, a fresh copy; UnknownConceptMap when there is none."""
    if map_id not in concept_map_ids():
        raise UnknownConceptMap(map_id)
    resource: dict[str, Any] = json.loads((_folder() / f"{map_id}.json").read_text(encoding="utf-8"))
    return resource


def _folder() -> Traversable:
    return files("terminology") / "data" / "concept_maps"


def _group(group: Mapping[str, Any]) -> Group:
    unmapped = group.get("unmapped", {})
    target = group["target"]
    return Group(
        source=group["source"],
        target=target,
        matches={element["code"]: _match(target, element["target"][0]) for element in group["element"]},
        fixed=_match(target, unmapped) if unmapped.get("mode") == "fixed" else None,
        provided=unmapped.get("mode") == "provided",
    )


def _match(system: str, target: Mapping[str, Any]) -> Match:
    return Match(system, target["code"], target.get("display", ""), target.get("equivalence", "equivalent"))
