"""The FHIR element that a mapping row writes: read from the table, checked against R4, and filled in.

A target is an element path as FHIR writes it (``MedicationDispense.performer.actor``). A choice is named with its type
(``valueDateTime``), an extension with its url between brackets: ``Patient.extension(https://example.org/x).valueString``.
"""

import re
from dataclasses import dataclass
from functools import cache

from profiles.definitions import Element, UnknownType, type_definition

_STEP = re.compile(r"(?P<name>[A-Za-z]\w*)(?:\((?P<url>[^()\s]+)\))?")


class TargetError(ValueError):
    """The target is not an element of FHIR R4."""


@dataclass(frozen=True, slots=True)
class Primitive:
    """A value of a primitive type with its own extensions, or only extensions (``value`` None)."""

    value: object
    extension: list[object]


@dataclass(frozen=True, slots=True)
class Step:
    """One element on the way: its ``name`` in JSON, whether it repeats; of an extension its ``url``, of a choice "value[x]"."""

    name: str
    repeats: bool
    url: str = ""
    choice: str = ""


def root_type(root: str) -> str:
    """Check that ``root`` ("Medication", "Medication.ingredient") is a type or an element with children; TargetError."""
    name, _, rest = root.partition(".")
    if not _children(name, name):
        raise TargetError(f"{name!r} is not a FHIR R4 type")
    if rest:
        parse_target(root, name)
    return name


def parse_target(text: str, root: str) -> tuple[Step, ...]:
    """Read a target below ``root``: the steps after it; TargetError when R4 has no such element."""
    if not text.startswith(f"{root}."):
        raise TargetError(f"{text!r} does not begin with {root!r}")
    type_name, path = root.split(".", maxsplit=1)[0], root
    steps = []
    position = len(root) + 1
    while position <= len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise TargetError(f"{text!r} is not an element path")
        element = _element(type_name, path, match["name"])
        if element is None:
            raise TargetError(f"{text!r}: R4 has no element {match['name']!r} in {path}")
        if (match["url"] is not None) != (element.name in {"extension", "modifierExtension"} and match.end() < len(text)):
            raise TargetError(f"{text!r}: an extension has its url between brackets, and nothing else has")
        choice = element.name if element.name.endswith("[x]") else ""
        steps.append(Step(match["name"], element.max != 1, match["url"] or "", choice))
        type_name, path = _below(element, match["name"], type_name)
        if match.end() < len(text) and text[match.end()] != ".":
            raise TargetError(f"{text!r} is not an element path")
        position = match.end() + 1
    return tuple(steps)


def required_names(root: str) -> tuple[str, ...]:
    """Return the names of the elements that ``root`` must have; a choice as "medication[x]"."""
    type_name = root.split(".", maxsplit=1)[0]
    return tuple(element.name for element in _children(type_name, root) if element.min)


def in_order(resource: dict[str, object]) -> dict[str, object]:
    """Return ``resource`` with its elements in the order in which R4 defines them."""
    order = _order(str(resource["resourceType"]))
    return dict(sorted(resource.items(), key=lambda item: order.get(item[0].removeprefix("_"), -1)))


@cache
def _order(type_name: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for place_, element in enumerate(_children(type_name, type_name)):
        stem = element.name.removesuffix("[x]")
        chosen = [stem + reference.code[:1].upper() + reference.code[1:] for reference in element.types]
        places |= dict.fromkeys(chosen if element.name.endswith("[x]") else [element.name], place_)
    return places


def has(resource: dict[str, object], name: str) -> bool:
    """Say whether ``resource`` has the element ``name``, for "medication[x]" in any type."""
    if not name.endswith("[x]"):
        return name in resource
    stem = name.removesuffix("[x]")
    return any(key.startswith(stem) and key[len(stem) : len(stem) + 1].isupper() for key in resource)


def place(resource: dict[str, object], steps: tuple[Step, ...], value: object) -> bool:
    """Put ``value`` where ``steps`` lead in ``resource``; say whether it was put.

    A repeating element on the way is its first occurrence, an extension the one with the url of the step; both are made when
    missing. At the end a repeating element takes the value as one more (a list as several more); any other one keeps what it has,
    and so does a choice of any type.
    """
    here = resource
    for step in steps[:-1]:
        here = _occurrence(here, step)
    last = steps[-1]
    if last.repeats:
        many = here.setdefault(last.name, [])
        assert isinstance(many, list)
        if isinstance(value, Primitive):
            _extended(here, last.name, value)
        many.extend(value if isinstance(value, list) else [value.value if isinstance(value, Primitive) else value])
        return True
    if last.name in here or f"_{last.name}" in here or (last.choice and has(here, last.choice)):
        return False
    if isinstance(value, Primitive):
        here[f"_{last.name}"] = {"extension": value.extension}
        value = value.value
    if value is not None:
        here[last.name] = value
    return True


def _extended(here: dict[str, object], name: str, value: Primitive) -> None:
    """Put the extensions of one more value of a list beside it, with null for those before it (https://hl7.org/fhir/R4/json.html)."""
    beside, before = here.setdefault(f"_{name}", []), here[name]
    assert isinstance(beside, list)
    assert isinstance(before, list)
    beside.extend([None] * (len(before) - len(beside)))
    beside.append({"extension": value.extension})


def _occurrence(here: dict[str, object], step: Step) -> dict[str, object]:
    if not step.repeats:
        one = here.setdefault(step.name, {})
        assert isinstance(one, dict)
        return one
    many = here.setdefault(step.name, [])
    assert isinstance(many, list)
    for item in many:
        if isinstance(item, dict) and (not step.url or item.get("url") == step.url):
            return item
    many.append({"url": step.url} if step.url else {})
    made = many[-1]
    assert isinstance(made, dict)
    return made


def _children(type_name: str, path: str) -> tuple[Element, ...]:
    try:
        return type_definition(type_name).elements.get(path, ())
    except UnknownType:
        return ()


def _element(type_name: str, path: str, name: str) -> Element | None:
    for element in _children(type_name, path):
        if element.name == name or (element.name.endswith("[x]") and _chosen(element, name)):
            return element
    return None


def _chosen(element: Element, name: str) -> str:
    stem = element.name.removesuffix("[x]")
    for reference in element.types:
        if name == stem + reference.code[:1].upper() + reference.code[1:]:
            return reference.code
    return ""


def _below(element: Element, name: str, type_name: str) -> tuple[str, str]:
    """Return the type and the path under which the children of ``element`` are listed."""
    if element.content:
        return element.content.split(".", maxsplit=1)[0], element.content
    if _children(type_name, element.path):
        return type_name, element.path
    code = _chosen(element, name) if element.name.endswith("[x]") else element.types[0].code if element.types else ""
    return code, code
