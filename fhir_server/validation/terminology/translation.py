"""What a code becomes by a ConceptMap (https://hl7.org/fhir/R4/conceptmap.html)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

_NO_MATCH: Final = frozenset({"unmatched", "disjoint"})


class Translated(NamedTuple):
    """What a code becomes: ``equivalence`` is a code of concept-map-equivalence, ``source`` the map that says so."""

    system: str
    code: str
    display: str
    equivalence: str
    source: str

    @property
    def matches(self) -> bool:
        """Whether it means anything of the same."""
        return self.equivalence not in _NO_MATCH


def translations(concept_map: Mapping[str, Any], system: str, code: str, target: str) -> Iterator[Translated]:
    """Yield what ``code`` of ``system`` becomes, only in the code system ``target`` where that is not ""."""
    url = str(concept_map.get("url", ""))
    for group in concept_map.get("group", ()):
        if group.get("source") != system or (target and group.get("target") != target):
            continue
        found = [each for element in group.get("element", ()) if element.get("code") == code for each in element.get("target", ())]
        for each in found or _unmapped(group.get("unmapped", {}), code):
            coded = str(each.get("code", "")), str(each.get("display", "")), str(each.get("equivalence", "equivalent"))
            yield Translated(str(group.get("target", "")), *coded, url)


def _unmapped(unmapped: Mapping[str, Any], code: str) -> list[Mapping[str, Any]]:
    if unmapped.get("mode") == "provided":
        return [{"code": code, "equivalence": "equal"}]
    return [{**unmapped, "equivalence": "inexact"}] if unmapped.get("mode") == "fixed" else []
