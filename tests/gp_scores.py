"""How much of what is expected of the messages of GP systems comes out: the translation, in the form of the expectation.

A report of a folder with ``input/`` and ``expected/``: ``PYTHONPATH=. python tests/gp_scores.py FOLDER``.
"""

import copy
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stu3 import expectation

from adapters.registry import load
from mappings.compare import Score, compare

Resource = dict[str, Any]
NOT_TRANSLATED = ("medicatieafspraken_Kwalificatie", "medicatieafspraken_QUMA_IN991203NL02_01")
NOT_EXPECTED = ("contactverslag_bundle_02_met_contacten",)  # its expectation is empty


def scores(folder: Path) -> Iterator[tuple[str, Score]]:
    """Yield the name and the score of every pair in ``folder`` that can be compared."""
    for message in sorted((folder / "input").glob("*.xml")):
        if message.stem not in (*NOT_TRANSLATED, *NOT_EXPECTED):
            wanted, addresses = expectation((folder / "expected" / message.name).read_bytes())
            offered = comparable(load("gp/hl7v3").translate(message.read_bytes()).resources, wanted)
            yield message.stem, compare(wanted, offered, addresses)


def comparable(resources: Any, wanted: list[Resource]) -> list[Resource]:
    """Return the resources with what they contain beside them, without what no expectation has: profiles, shown references.

    A report has a section for each line, as the expectations have them. Of a type whose expected resources have no identifiers the
    own ones go too, or they would not be recognised.
    """
    named = {each["resourceType"] for each in wanted if "identifier" in each}
    shown = {code["code"] for each in wanted for section in each.get("section", []) for code in section["code"]["coding"]}
    found = []
    for resource in copy.deepcopy(list(resources)):
        found += [*resource.pop("contained", []), resource]
    for resource in found:
        resource.pop("meta", None)
        if "section" in resource:
            resource["section"] = [part for section in resource["section"] for part in _by_line(section, shown)]
        if resource["resourceType"] not in named:
            resource.pop("identifier", None)
        _plain(resource)
    return found


def _by_line(section: Resource, shown: set[str]) -> Iterator[Resource]:
    """Yield a section for each of its lines; the expectation of the summary holds only lines of some kinds."""
    if shown & {code["code"] for code in section.get("code", {}).get("coding", [])}:
        for entry in section["entry"]:
            yield {"code": section["code"], "entry": [entry]}


def _plain(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _plain(each)
    elif isinstance(value, dict):
        reference = value.get("reference")
        if isinstance(reference, str):
            value["reference"] = f"Observation/{reference[1:]}" if reference.startswith("#") else reference
        if "resourceType" not in value and ("reference" in value or isinstance(value.get("identifier"), dict)):
            value.pop("display", None)
            value.pop("type", None)
        for each in value.values():
            _plain(each)


if __name__ == "__main__":
    for name, score in scores(Path(sys.argv[1])):
        counts = f"{score.expected:>9}{score.equal:>8}{score.missing:>9}{score.different:>11}{score.extra:>7}"
        sys.stdout.write(f"{name:<45}{counts}{score.percentage:>9.2f}\n")
