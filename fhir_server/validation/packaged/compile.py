"""From the tree of a profile to its rules: what R4 itself says, and what other profiles say, is left out."""

from collections.abc import Iterator
from typing import Any

from fhir_server.validation.packaged.checks import checks_of
from fhir_server.validation.packaged.discriminator import tests_of
from fhir_server.validation.packaged.judge import Judge
from fhir_server.validation.packaged.rule import Rule, Slice, Slicing
from fhir_server.validation.snapshot import Node
from fhir_server.validation.snapshot.node import CHOICE, base_types


def rule_of(node: Node, profile: str, judge: Judge) -> Rule:
    """Return the rule of ``node``, which stands in the tree of ``profile``. Raises SnapshotError, UnknownPath."""
    own = node.own
    return Rule(
        name=node.name.removesuffix(CHOICE),
        keys=_keys(node),
        slice=node.slice,
        min=_least(node),
        max=node.max if "max" in own else None,
        checks=tuple(checks_of(node, profile, judge)),
        children=children_of(node, profile, judge),
        slicing=_slicing(node, profile, judge),
        profile=profile,
    )


def children_of(node: Node, profile: str, judge: Judge) -> tuple[Rule, ...]:
    """Return the rules of what is below ``node`` that say something."""
    rules = (rule_of(each, profile, judge) for each in (node.children or {}).values())
    return tuple(rule for rule in rules if not rule.is_empty)


def _least(node: Node) -> int:
    """Return how often a profile demands an element, 0 where R4 does so itself."""
    least = int(node.own.get("min", 0))
    return 0 if not node.slice and node.base is not None and least <= node.base.min else least


def _keys(node: Node) -> tuple[tuple[str, str], ...]:
    """Return the JSON names under which the element may be, each with its type."""
    types = base_types(node.base)
    if not node.is_choice:
        return ((node.name, str(types[0]["code"]) if types else ""),)
    stem = node.name.removesuffix(CHOICE)
    return tuple((stem + each["code"][0].upper() + each["code"][1:], str(each["code"])) for each in types)


def _slicing(node: Node, profile: str, judge: Judge) -> Slicing | None:
    said: dict[str, Any] = node.fact("slicing") or {}
    slices = tuple(_slices(node, said, profile, judge))
    closed = said.get("rules") == "closed" and "slicing" in node.own
    if not slices and not closed:
        return None
    return Slicing(slices, closed, bool(said.get("ordered")) and "slicing" in node.own)


def _slices(node: Node, said: dict[str, Any], profile: str, judge: Judge) -> Iterator[Slice]:
    """Yield the slices that can be told apart; where only closing matters, those that say nothing count too."""
    closed = said.get("rules") == "closed"
    for each in node.slices.values():
        rule = rule_of(each, profile, judge)
        if closed or not rule.is_empty:
            yield Slice(tuple(tests_of(each, said.get("discriminator", ()), judge)), rule)
