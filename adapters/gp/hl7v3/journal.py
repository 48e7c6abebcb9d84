"""The lines of one report, put together by kind: at most one section each for S, O, E and P, in that order."""

from collections.abc import Iterable

from adapters.gp.hl7v3.surroundings import put, put_act, standing_for
from mappings.hl7v3.gp.journal import line_type
from mappings.tree import Node

_ORDER = ("S", "O", "E", "P", "")


def sections(lines: Iterable[Node], encounter: Node | None, author: Node | None) -> list[Node]:
    """Return the sections of a report; each line says in which ``encounter`` it was written, and by whom."""
    by_kind: dict[str, list[Node]] = {}
    for line in lines:
        shown = standing_for("line", line)
        put_act(shown, "_encounter", encounter)
        put(shown, "_author", author)
        by_kind.setdefault(kind(line), []).append(shown)
    made = []
    for name in (name for name in _ORDER if name in by_kind):
        section = Node("_section", {}, "", "")
        section.children = by_kind[name]
        made.append(section)
    return made


def kind(line: Node) -> str:
    """Return S, O, E or P, or "" for a line of a kind that is not known."""
    found = next((found for code in line.all("code") if (found := line_type(code))), None)
    return found.code if found else ""
