"""The part of FHIRPath in which search parameters say where their values are, as paths of JSON names.

Understood are a union of paths with ``as``/``ofType``, ``where(x='y')`` and ``where(resolve() is T)``: with that all parameters of
R4 that are offered can be written, but for the ones in ``HAND_WRITTEN``. https://hl7.org/fhir/R4/searchparameter.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from profiles.definitions import Element, UnknownType, type_definition

LEAVES = {
    "token": ("boolean", "code", "id", "string", "uri", "Coding", "CodeableConcept", "ContactPoint", "Identifier"),
    "reference": ("Reference", "canonical"),
    "date": ("date", "dateTime", "instant", "Period", "Timing"),
    "string": ("string", "markdown", "Address", "HumanName"),
    "uri": ("canonical", "oid", "uri", "url", "uuid"),
    "number": ("decimal", "integer", "positiveInt", "unsignedInt"),
    "quantity": ("Age", "Count", "Distance", "Duration", "Money", "Quantity", "Range", "SampledData"),
}

_DECEASED = "Patient.deceased.exists() and Patient.deceased != false"
_AS = re.compile(r"^\(?([\w.()'=:/ -]+?) as (\w+)\)?(.*)$")
_STEP = re.compile(
    r"(?P<name>[A-Za-z]\w*)(?!\()"
    r"|(?:as|ofType)\((?P<type>\w+)\)"
    r"|where\((?P<field>\w+)\s*=\s*'(?P<value>[^'\\]*)'\)"
    r"|where\(resolve\(\) is (?P<target>\w+)\)"
)
_DOT = re.compile(r"\.(?![^(]*\))")


class ExpressionError(ValueError):
    """An expression lies outside the grammar, or names what the type does not have."""


@dataclass(frozen=True, slots=True)
class Step:
    """One JSON property on the way; ``many``: an array; ``only``: (property, value) that an object must have to count."""

    name: str
    many: bool
    only: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a resource to values of FHIR type ``type``; ``target``: only references to this resource type.

    ``value_set`` is that from which each value must come, "" where others are possible.
    """

    steps: tuple[Step, ...]
    type: str
    target: str = ""
    value_set: str = ""


@dataclass(frozen=True, slots=True)
class _At:
    """Where the reading of an expression is: the way so far and the element there."""

    path: Path
    definition: str
    element: str


_MISSPELT = {"DateTime": "dateTime"}  # in the components of Observation's code-value-date
HAND_WRITTEN: dict[str, tuple[Path, ...]] = {_DECEASED: (Path((), "Patient.deceased"),)}


def paths(expression: str, resource_type: str, leaves: tuple[str, ...]) -> tuple[Path, ...]:
    """Read the terms of ``expression`` that start at ``resource_type`` (or at Resource) as paths to values of the types ``leaves``.

    A choice element becomes one path for each of its types that is among ``leaves``. Raises ExpressionError.
    """
    if expression in HAND_WRITTEN:
        return HAND_WRITTEN[expression]
    return _read(expression, resource_type, leaves)


@lru_cache(4096)  # what R4 and the catalogue define is some 900 expressions, read for each load of the catalogue
def _read(expression: str, resource_type: str, leaves: tuple[str, ...]) -> tuple[Path, ...]:
    terms = [_plain(term) for term in re.split(r"\s*\|\s*", expression)]
    own = [term for term in terms if term.partition(".")[0] in {resource_type, "Resource", "DomainResource"}]
    found = tuple(dict.fromkeys(path for term in own for path in _term(term, resource_type, leaves)))
    if not found:
        raise ExpressionError(f"'{expression}' leads to no {' | '.join(leaves)} of {resource_type}")
    return found


def _plain(term: str) -> str:
    matched = _AS.match(term.strip())
    return f"{matched[1]}.as({matched[2]}){matched[3]}" if matched and " is " not in matched[1] else term.strip()


def _term(term: str, resource_type: str, leaves: tuple[str, ...]) -> Iterator[Path]:
    places = [_At(Path((), resource_type), resource_type, resource_type)]
    for text in _DOT.split(term)[1:]:
        step = _STEP.fullmatch(text)
        if step is None:
            raise ExpressionError(f"'{text}' in '{term}' is outside the grammar")
        places = [at for place in places for at in _advance(place, step)]
        if not places:
            raise ExpressionError(f"{resource_type} has no '{text}' in '{term}'")
    return (at.path for at in places if at.path.type in leaves)


def _advance(at: _At, step: re.Match[str]) -> Iterator[_At]:
    if step["name"]:
        yield from _children(at, step["name"])
    elif step["type"]:
        if at.path.type == _MISSPELT.get(step["type"], step["type"]):
            yield at
    elif step["target"]:
        yield replace(at, path=replace(at.path, target=step["target"]))
    elif at.path.steps and _elements(at):
        last = replace(at.path.steps[-1], only=(step["field"], step["value"]))
        yield replace(at, path=replace(at.path, steps=(*at.path.steps[:-1], last)))


def _children(at: _At, name: str) -> Iterator[_At]:
    for element in _elements(at):
        if element.name not in {name, f"{name}[x]"}:
            continue
        for type_ in element.types or ():
            written = name if element.name == name else name + type_.code[0].upper() + type_.code[1:]
            step = Step(written, element.max is None or element.max > 1)
            path = Path((*at.path.steps, step), type_.code, value_set=_value_set(element, type_.code))
            yield _At(path, *_inside(at.definition, element, type_.code))
        if element.content:
            step = Step(name, element.max is None or element.max > 1)
            yield _At(Path((*at.path.steps, step), "BackboneElement"), element.content.partition(".")[0], element.content)


def _value_set(element: Element, type_: str) -> str:
    required = element.binding is not None and element.binding.strength == "required" and type_ == "code"
    return element.binding.value_set if element.binding and required else ""


def _elements(at: _At) -> tuple[Element, ...]:
    try:
        found = type_definition(at.definition)
    except UnknownType:
        return ()
    return () if found.kind == "primitive-type" else found.elements.get(at.element, ())


def _inside(definition: str, element: Element, type_: str) -> tuple[str, str]:
    return (definition, element.path) if type_ in {"BackboneElement", "Element"} else (type_, type_)
