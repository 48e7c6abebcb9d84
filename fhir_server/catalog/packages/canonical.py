"""From a canonical URL to its definition: in the packages, in what the server publishes itself, and in R4.

https://hl7.org/fhir/R4/references.html#canonical
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from fhir_server.catalog.packages.shelf import Kept
from profiles import conformance, core_constraints
from terminology.concept_maps import concept_map_ids, concept_map_resource

_NUMBERS: Final = re.compile(r"\d+")
_R4: Final = ("", "4.0.1", "4.0")


class Canonicals:
    """Finds definitions; what was read is kept. Where several have one URL, the newest version counts unless one is named."""

    def __init__(self, packages: Sequence[Kept]) -> None:
        self.packages = tuple(packages)
        self._places: dict[tuple[str, str], list[tuple[str, Kept]]] = {}
        self._read: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for kept in packages:
            for key, noted in kept.index.items():
                self._places.setdefault(key, []).append((noted.get("version", ""), kept))
        for places in self._places.values():
            places.sort(key=lambda place: (_order(place[0]), _order(place[1].manifest.version)))

    def structure_definition(self, canonical: str) -> Mapping[str, Any] | None:
        """Return the profile or extension, None where nobody defines it."""
        return self._find("StructureDefinition", canonical)

    def value_set(self, canonical: str) -> Mapping[str, Any] | None:
        """Return the ValueSet of a package or of this server, None where nobody defines it (those of R4 are expanded already)."""
        return self._find("ValueSet", canonical)

    def code_system(self, canonical: str) -> Mapping[str, Any] | None:
        """Return the CodeSystem with its concepts, None where nobody has them."""
        return self._find("CodeSystem", canonical)

    def concept_map(self, canonical: str) -> Mapping[str, Any] | None:
        """Return the ConceptMap, of a package, or of those by which this server translates itself; None where nobody defines it."""
        return self._find("ConceptMap", canonical)

    def concept_maps(self) -> Iterator[Mapping[str, Any]]:
        """Yield all of them."""
        urls = [url for type_, url in self._places if type_ == "ConceptMap"]
        for url in dict.fromkeys([*urls, *conformance.by_url("ConceptMap"), *_mapped()]):
            if (found := self.concept_map(url)) is not None:
                yield found

    def _find(self, type_: str, canonical: str) -> Mapping[str, Any] | None:
        url, _, version = canonical.partition("|")
        return self._packaged(type_, url, version) or _known(type_, url, version)

    def _packaged(self, type_: str, url: str, version: str) -> Mapping[str, Any] | None:
        """Return what a package defines, and keep it; what nobody defines is not kept, since anybody may ask for it."""
        places = self._places.get((type_, url), [])
        named = [place for place in places if place[0] == version] if version else places
        if not named:
            return None
        key = (type_, url, named[-1][0])
        if key not in self._read:
            self._read[key] = named[-1][1].read(type_, url) or {}
        return self._read[key]


def _known(type_: str, url: str, version: str) -> Mapping[str, Any] | None:
    """Return what this server publishes, or R4 defines, in this version if one is named."""
    own = conformance.by_url(type_).get(url)
    if own is not None:
        return own if version in {"", own.get("version")} else None
    if type_ == "ConceptMap" and not version:
        return _mapped().get(url)
    if type_ not in {"StructureDefinition", "CodeSystem"} or version not in _R4:
        return None
    return core_constraints.structure_definition(url) if type_ == "StructureDefinition" else core_constraints.code_system(url)


@cache
def _mapped() -> Mapping[str, Mapping[str, Any]]:
    """Return the maps of the mapping rows by URL."""
    found = map(concept_map_resource, sorted(concept_map_ids()))
    return {each["url"]: each for each in found}


def _order(version: str) -> tuple[tuple[int, ...], bool, str]:
    """Order versions: by their numbers, and a release after what came before it (1.0.0-rc.1)."""
    release, _, before = version.partition("-")
    return tuple(map(int, _NUMBERS.findall(release))), not before, before
