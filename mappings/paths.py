"""The two small languages in which mapping rows speak of the source: paths and conditions.

A path is steps with a slash between them (``product/dispensedMedication/code``); ``.`` is the element itself, and a last step
``@name`` is an attribute. Paths with `` | `` between them are alternatives: the first that finds something counts.

A condition is clauses with `` and `` between them. A clause asks whether a path finds something (``low``, ``not low``; an empty
element is nothing), or what its value is (``@code = 'OTH'``, ``@code != 'OTH'``, ``@unit in ('d', 'wk')``). A path that begins
with a slash starts at the context of the row, every other one at the element that the row found.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mappings.tree import Node

_STEP = r"(?:\.|[A-Za-z_][\w.-]*)"
_PATH = re.compile(rf"(?:{_STEP}(?:/{_STEP})*(?:/@[\w:-]+)?|@[\w:-]+)")
_CLAUSE = re.compile(
    r"(?P<not>not )?(?P<root>/)?(?P<path>[@\w./:-]+)(?: ?(?P<operator>=|!=| in ) ?(?P<values>'[^']*'|\((?:'[^']*'(?:, ?)?)+\)))?"
)


class GrammarError(ValueError):
    """A path or a condition is not of the form that this module describes."""


@dataclass(frozen=True, slots=True)
class Path:
    """One alternative: the names of the ``steps``, and the ``attribute`` at its end, or ""."""

    steps: tuple[str, ...]
    attribute: str = ""

    def nodes(self, start: Node) -> list[Node]:
        """Return the elements that the steps lead to, in document order; with an attribute, only those that have it."""
        found = [start]
        for step in self.steps:
            found = [child for node in found for child in node.children if child.name == step]
        return [node for node in found if node.value(self.attribute)] if self.attribute else found


@dataclass(frozen=True, slots=True)
class Clause:
    """One clause of a condition; ``values`` are compared with for ``=`` and ``in``, and may not occur for ``!=``."""

    path: Path
    from_context: bool
    test: Literal["exists", "missing", "equals", "differs"]
    values: frozenset[str]

    def holds(self, node: Node, context: Node) -> bool:
        """Say whether the clause is true for the ``node`` that a row found in its ``context``."""
        found = self.path.nodes(context if self.from_context else node)
        if self.test in ("exists", "missing"):
            return (self.test == "exists") == any(not item.empty for item in found)
        values = {item.value(self.path.attribute) if self.path.attribute else item.text for item in found}
        return bool(values & self.values) if self.test == "equals" else not values & self.values


def parse_source(text: str) -> tuple[Path, ...]:
    """Read the ``source`` of a row: its alternatives, none for an empty text; GrammarError."""
    return tuple(_path(part.strip()) for part in text.split("|")) if text else ()


def parse_condition(text: str) -> tuple[Clause, ...]:
    """Read the ``when`` of a row: its clauses, none for an empty text; GrammarError."""
    return tuple(_clause(part.strip()) for part in text.split(" and ")) if text else ()


def select(alternatives: Sequence[Path], clauses: Sequence[Clause], context: Node) -> list[Node]:
    """Return what the first alternative finds for which the clauses hold; without alternatives the context itself."""
    for path in alternatives or (Path(()),):
        found = [node for node in path.nodes(context) if all(clause.holds(node, context) for clause in clauses)]
        if found:
            return found
    return []


def _path(text: str) -> Path:
    if not _PATH.fullmatch(text):
        raise GrammarError(f"{text!r} is not a path")
    steps = text.split("/")
    attribute = steps.pop().removeprefix("@") if steps[-1].startswith("@") else ""
    return Path(tuple(step for step in steps if step != "."), attribute)


def _clause(text: str) -> Clause:
    match = _CLAUSE.fullmatch(text)
    if match is None or (match["not"] and match["operator"]):
        raise GrammarError(f"{text!r} is not a condition")
    path = _path(match["path"])
    values = frozenset(re.findall(r"'([^']*)'", match["values"] or ""))
    operator = (match["operator"] or "").strip()
    if (operator == "in") != (match["values"] or "").startswith("("):
        raise GrammarError(f"{text!r} is not a condition: 'in' takes a list in brackets, '=' and '!=' one value")
    if not operator:
        return Clause(path, bool(match["root"]), "missing" if match["not"] else "exists", values)
    return Clause(path, bool(match["root"]), "differs" if operator == "!=" else "equals", values)
