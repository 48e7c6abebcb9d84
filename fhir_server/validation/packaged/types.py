"""What a profile says of the type of an element: which types, which profiles of them, what a reference may point to."""

from collections.abc import Iterator
from typing import Any

from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.judge import Judge
from fhir_server.validation.packaged.path import resolved
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.packaged.rule import Check
from fhir_server.validation.snapshot import Node
from profiles.definitions import resource_types

_ANY = ("Resource", "DomainResource")
_POINTING = ("Reference",)


def type_checks(node: Node, profile: str, judge: Judge) -> Iterator[Check]:
    """Yield the checks of the types that ``node`` itself names; extensions are judged by their own URL, wherever they are."""
    types = [each for each in node.own["type"] if isinstance(each, dict) and isinstance(each.get("code"), str)]
    codes = {str(each["code"]) for each in types}
    if (node.is_choice or codes & resource_types()) and not codes.intersection(_ANY):
        yield _one_of(frozenset(codes), profile)
    for code in sorted(codes - {"Extension"}):
        every = [each for each in types if each["code"] == code]
        profiles = _urls(every, "profile")
        if profiles and all(each.get("profile") for each in every):
            yield _profiled(code, profiles, profile, judge)
        targets = _urls(every, "targetProfile")
        if code in _POINTING and targets and all(each.get("targetProfile") for each in every):
            yield _pointing(targets, profile, judge)


def _urls(types: list[Any], key: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(url) for each in types for url in each.get(key, ())))


def _one_of(codes: frozenset[str], profile: str) -> Check:
    text = f"{profile} allows here: {', '.join(sorted(codes))}. Use one of these types."

    def check(item: Item, look: Look) -> None:
        if item.type not in codes:
            look.error("structure", "profile-choice-type", text, item.at)

    return check


def _profiled(code: str, profiles: tuple[str, ...], profile: str, judge: Judge) -> Check:
    def check(item: Item, look: Look) -> None:
        if item.type != code and code not in _ANY:
            return
        if len(profiles) == 1:
            judge.judge(item, profiles[0], look)
            return
        answers = [judge.conforms(item, each, look) for each in profiles]
        if any(answers):
            return
        if None in answers:
            look.unchecked(f"Whether this conforms to one of {', '.join(profiles)} could not be checked.", item.at)
        else:
            text = f"{profile} demands that this conforms to one of: {', '.join(profiles)}."
            look.error("structure", "profile-type", text, item.at)

    return check


def _pointing(targets: tuple[str, ...], profile: str, judge: Judge) -> Check:
    """Check the type that a reference points to; whether the target conforms to its profile is asked of the target itself."""

    def check(item: Item, look: Look) -> None:
        if item.type not in _POINTING:
            return
        allowed = {judge.type_of(each) for each in targets}
        if allowed.intersection(_ANY):
            return
        found = resolved(item, look)
        type_ = found.type
        if not type_ or type_ in allowed:
            return
        if "" in allowed:
            look.unchecked(f"Whether this reference may point to {type_} could not be checked.", item.at)
            return
        text = f"{profile} demands a reference to: {', '.join(sorted(allowed))}. Refer to one of these."
        look.error("structure", "profile-reference-target", text, item.at)

    return check
