"""The checks of one value: type, fixed value, pattern, code, length, bounds, invariants."""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from fhir_server.model.json import write
from fhir_server.validation.fhirpath import Expression, NotEvaluated
from fhir_server.validation.packaged.bound import bound
from fhir_server.validation.packaged.codes import Membership
from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.judge import Judge
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.packaged.rule import Check
from fhir_server.validation.packaged.types import type_checks
from fhir_server.validation.packaged.values import equals, matches
from fhir_server.validation.snapshot import Node

_MOST_SHOWN: Final = 300
_BACKBONE: Final = ("BackboneElement", "Element", "")


def checks_of(node: Node, profile: str, judge: Judge) -> Iterator[Check]:
    """Yield what the profile itself checks of each value of ``node``."""
    own = node.own
    if "type" in own:
        yield from type_checks(node, profile, judge)
    for key, value in own.items():
        if key.startswith("fixed"):
            yield _valued(equals, value, f"{profile} demands here exactly {_shown(value)}.", "profile-fixed")
        elif key.startswith("pattern"):
            yield _valued(matches, value, f"{profile} demands that this has {_shown(value)}.", "profile-pattern")
        elif key.startswith(("minValue", "maxValue")):
            yield _bounded(value, profile, below=key.startswith("minValue"))
    if "maxLength" in own:
        yield _short(int(own["maxLength"]), profile)
    binding = own.get("binding", {})
    if binding.get("strength") == "required" and isinstance(url := binding.get("valueSet"), str):
        yield _coded(judge.codes.membership(url), url, profile)
    for each in own.get("constraint", {}).values():
        if isinstance(each.get("expression"), str):
            yield _invariant(each, node, profile)


def _shown(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return what a profile demands, which is nothing about anybody, as JSON of a readable length."""
    text = write(value).decode()
    return text if len(text) <= _MOST_SHOWN else text[:_MOST_SHOWN] + "..."


def _valued(holds: Callable[[Any, Any], bool], wanted: Any, text: str, detail: str) -> Check:  # noqa: ANN401 - JSON
    def check(item: Item, look: Look) -> None:
        if not holds(item.value, wanted) and not (item.value is None and item.shadow):
            look.error("value", detail, text, item.at)

    return check


def _bounded(bound_: Any, profile: str, *, below: bool) -> Check:  # noqa: ANN401 - JSON
    text = f"{profile} allows nothing {'below' if below else 'above'} {bound_} here. Correct the value."

    def check(item: Item, look: Look) -> None:
        if _comparable(item.value, bound_) and (item.value < bound_ if below else item.value > bound_):
            look.error("value", "profile-bounds", text, item.at)

    return check


def _comparable(value: object, bound_: object) -> bool:
    numbers = (int, Decimal)
    if isinstance(value, numbers) and isinstance(bound_, numbers):
        return True
    return isinstance(value, str) and isinstance(bound_, str) and len(value) == len(bound_)


def _short(most: int, profile: str) -> Check:
    def check(item: Item, look: Look) -> None:
        if isinstance(item.value, str) and len(item.value) > most:
            look.error("too-long", "profile-length", f"{profile} allows {most} characters here. Shorten it.", item.at)

    return check


def _coded(member: Membership, value_set: str, profile: str) -> Check:
    def check(item: Item, look: Look) -> None:
        answer = bound(item, member)
        if answer is False:
            text = f"{profile} demands a code from {value_set}. Use one of its codes."
            look.error("code-invalid", "profile-not-in-value-set", text, item.at)
        elif answer is None:
            look.unchecked(f"Whether this code is in {value_set} could not be checked: its codes are not all here.", item.at)

    return check


def _invariant(constraint: Mapping[str, Any], node: Node, profile: str) -> Check:
    expression, key = Expression(str(constraint["expression"])), str(constraint["key"])
    told = f"{profile} has the rule {key}: {constraint.get('human') or constraint['expression']}"
    severe = constraint.get("severity") != "warning"

    def check(item: Item, look: Look) -> None:
        type_ = node.content if item.type in _BACKBONE else item.type
        try:
            holds = expression.holds(item.value, item.shadow, type_, look.resource)
        except NotEvaluated:
            look.unchecked(f"{told} - whether it holds could not be checked.", item.at)
            return
        if not holds:
            (look.error if severe else look.warn)("invariant", "profile-invariant", told, item.at)

    return check
