"""Carries out the rules of a profile on the members of an object."""

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.validation.location import Location, below
from fhir_server.validation.packaged.codes import Known, all_of
from fhir_server.validation.packaged.item import Item, items
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.packaged.rule import MISSING, TOO_MANY, Rule, Slicing


def carry_out(rules: tuple[Rule, ...], owner: Mapping[str, Any], at: Location, look: Look) -> None:
    """Note in ``look`` what ``owner``, which is at ``at``, has wrong by ``rules``."""
    for rule in rules:
        found = list(items(owner, rule.keys, rule.name, at))
        _count(rule, len(found), len(found), below(at, rule.name), look)
        for item in found:
            keep(rule, item, look)
        if rule.slicing:
            _slice(rule, rule.slicing, found, below(at, rule.name), look)


def keep(rule: Rule, item: Item, look: Look) -> None:
    """Note what is wrong with one value of the element that ``rule`` is about."""
    for check in rule.checks:
        check(item, look)
    if rule.children:
        carry_out(rule.children, item.owner, item.at, look)


def _count(rule: Rule, sure: int, possible: int, at: Location, look: Look) -> None:
    """Note too few or too many: ``sure`` are in it, ``possible`` may be."""
    what = f"{rule.name}:{rule.slice}" if rule.slice else rule.name
    if possible < rule.min:
        text = f"{rule.profile} demands {rule.min} of {what}, and {possible} is here. Add it."
        look.error("required", MISSING, text, at)
    elif sure < rule.min:
        look.unchecked(f"{rule.profile} demands {what}; whether it is here could not be checked.", at)
    if rule.max is not None and sure > rule.max:
        text = f"{rule.profile} allows {rule.max} of {what}, and {sure} are here. Remove what is too many."
        look.error("structure", TOO_MANY, text, at)


def _slice(rule: Rule, slicing: Slicing, found: Sequence[Item], at: Location, look: Look) -> None:
    """Sort the values into the slices, and carry out what each slice says of its own."""
    placed = [_place(slicing, item, look) for item in found]
    for number, each in enumerate(slicing.slices):
        inside = [item for item, (place, _) in zip(found, placed, strict=True) if place == number]
        possible = sum(place is None and number in maybe for place, maybe in placed)
        _count(each.rule, len(inside), len(inside) + possible, at, look)
        for item in inside:
            keep(each.rule, item, look)
        if each.rule.slicing:
            _slice(each.rule, each.rule.slicing, inside, at, look)
    for item, (place, maybe) in zip(found, placed, strict=True):
        if slicing.closed and place is None and not maybe:
            text = f"{rule.profile} allows here only what is in one of its slices: {_names(slicing)}. Remove it, or change it."
            look.error("structure", "profile-slicing", text, item.at)
    order = [place for place, _ in placed if place is not None]
    if slicing.ordered and order != sorted(order):
        text = f"{rule.profile} demands another order: {_names(slicing)}."
        look.error("structure", "profile-slicing", text, at)


def _place(slicing: Slicing, item: Item, look: Look) -> tuple[int | None, frozenset[int]]:
    """Return the slice that ``item`` is in, or None and those it may be in."""
    maybe = set()
    for number, each in enumerate(slicing.slices):
        answer: Known = all_of(test(item, look) for test in each.tests)
        if answer:
            return number, frozenset()
        if answer is None:
            maybe.add(number)
    return None, frozenset(maybe)


def _names(slicing: Slicing) -> str:
    return ", ".join(each.rule.slice for each in slicing.slices)
