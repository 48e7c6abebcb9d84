"""The definitions of FHIR R4 (https://hl7.org/fhir/R4): types, code lists, search parameters, compartments.

Facts only, from ``r4/definitions.zip``, which ``r4/extract.py`` makes. A type is read when it is first asked for and kept; all
values are immutable, and every function may be called from any thread.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from zipfile import ZipFile

Kind = Literal["resource", "complex-type", "primitive-type"]


class UnknownType(KeyError):
    """FHIR R4 has no type, or no compartment, of this name."""


@dataclass(frozen=True, slots=True)
class TypeRef:
    """A type that an element may have; ``targets`` are the types that a Reference or canonical may point to."""

    code: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """The codes of an element come from ``value_set`` (canonical url without version), as strictly as ``strength`` says."""

    strength: str
    value_set: str


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant: ``expression`` is FHIRPath, ``severity`` "error" or "warning"."""

    key: str
    severity: str
    expression: str


@dataclass(frozen=True, slots=True)
class Element:
    """One element of a type.

    ``name`` is the last part of ``path``; that of a choice ends in "[x]". ``max`` None is unbounded. ``content`` is the path of the
    element whose children this one has too ("Bundle.link"), else "". ``attribute``: in XML it is an attribute.
    """

    path: str
    name: str
    min: int
    max: int | None
    types: tuple[TypeRef, ...]
    binding: Binding | None
    content: str
    constraints: tuple[Constraint, ...]
    modifier: bool
    summary: bool
    attribute: bool


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A type. ``elements`` maps the path of every element that has children to them, in order, inherited ones included.

    The value of a primitive type is none of its elements; ``regex`` says what it looks like ("" where FHIR gives none).
    ``base`` is the name of the type it specialises, ``constraints`` are the invariants on the type itself.
    """

    name: str
    kind: Kind
    abstract: bool
    base: str
    regex: str
    elements: Mapping[str, tuple[Element, ...]]
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchParameterFact:
    """A search parameter. ``components``: of a composite, (url of the parameter, FHIRPath relative to ``expression``)."""

    code: str
    url: str
    type: str
    base: tuple[str, ...]
    expression: str
    targets: tuple[str, ...]
    components: tuple[tuple[str, str], ...]


def type_definition(name: str) -> TypeDefinition:
    """Return the definition of the resource, complex or primitive type ``name``; UnknownType when there is none."""
    found = _types().get(name)
    if found is None:
        raise UnknownType(name)
    return _type_definition(name)


def resource_types() -> frozenset[str]:
    """Return the names of all resource types of which there can be instances."""
    return _resource_types()


def value_set_codes(url: str) -> Mapping[str, frozenset[str]] | None:
    """Return the codes by system of the value set ``url`` (a version is ignored), or None where codes cannot be checked.

    Known are the value sets of the R4 package whose codes it can list completely: not media types, units, currencies, or a
    selection from SNOMED CT by its hierarchy.
    """
    url = url.split("|", maxsplit=1)[0]
    return None if _value_sets().get(url) is None else _value_set_codes(url)


def search_parameters(resource_type: str) -> Mapping[str, SearchParameterFact]:
    """Return the search parameters of ``resource_type`` by code, those of Resource and DomainResource included.

    UnknownType when it is no resource type.
    """
    if type_definition(resource_type).kind != "resource":
        raise UnknownType(resource_type)
    return _search_parameters(resource_type)


def compartment(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return the parameters by which a resource type belongs to the compartment ``name`` ("Patient"); UnknownType.

    Types that are never in the compartment are left out; "{def}" means the resource that the compartment is about.
    """
    found = _compartments().get(name)
    if found is None:
        raise UnknownType(name)
    return found


@cache
def _archive() -> ZipFile:
    return ZipFile(BytesIO(Path(__file__).with_name("r4").joinpath("definitions.zip").read_bytes()))


def _entry(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(_archive().read(name))


@cache
def _types() -> Mapping[str, tuple[Kind, bool]]:
    return {name: (kind, abstract) for name, (kind, abstract) in _entry("manifest.json")["types"].items()}


@cache
def _resource_types() -> frozenset[str]:
    return frozenset(name for name, (kind, abstract) in _types().items() if kind == "resource" and not abstract)


@cache
def _type_definition(name: str) -> TypeDefinition:
    facts = _entry(f"types/{name}.json")
    children: dict[str, list[Element]] = {name: []}
    for each in facts["elements"]:
        parent, _, _ = each["path"].rpartition(".")
        children.setdefault(parent, []).append(_element(each))
    elements = MappingProxyType({path: tuple(found) for path, found in children.items()})
    constraints = _constraints(facts)
    return TypeDefinition(name, facts["kind"], facts["abstract"], facts["base"], facts["regex"], elements, constraints)


def _element(facts: Mapping[str, Any]) -> Element:
    return Element(
        path=facts["path"],
        name=facts["path"].rpartition(".")[2],
        min=facts["min"],
        max=facts["max"],
        types=tuple(TypeRef(code, tuple(targets)) for code, targets in facts.get("types", [])),
        binding=Binding(*facts["binding"]) if "binding" in facts else None,
        content=facts.get("content", ""),
        constraints=_constraints(facts),
        modifier=facts.get("modifier", False),
        summary=facts.get("summary", False),
        attribute=facts.get("attribute", False),
    )


def _constraints(facts: Mapping[str, Any]) -> tuple[Constraint, ...]:
    return tuple(_constraint(*each) for each in facts.get("constraints", []))


@cache
def _constraint(key: str, severity: str, expression: str) -> Constraint:
    """Give equal constraints as one object: ele-1 alone stands on thousands of elements."""
    return Constraint(key, severity, expression)


@cache
def _value_sets() -> Mapping[str, Mapping[str, list[str]] | None]:
    return dict(_entry("value-sets.json"))


@cache
def _value_set_codes(url: str) -> Mapping[str, frozenset[str]]:
    systems = _value_sets()[url]
    assert systems is not None
    return MappingProxyType({system: frozenset(codes) for system, codes in systems.items()})


@cache
def _all_search_parameters() -> tuple[SearchParameterFact, ...]:
    return tuple(
        SearchParameterFact(
            each["code"],
            each["url"],
            each["type"],
            tuple(each["base"]),
            each["expression"],
            tuple(each["targets"]),
            tuple((url, expression) for url, expression in each["components"]),
        )
        for each in _entry("search-parameters.json")
    )


@cache
def _search_parameters(resource_type: str) -> Mapping[str, SearchParameterFact]:
    bases = {"Resource", resource_type}
    if type_definition(resource_type).base == "DomainResource":
        bases.add("DomainResource")
    return MappingProxyType({each.code: each for each in _all_search_parameters() if bases.intersection(each.base)})


@cache
def _compartments() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    return {
        name: MappingProxyType({type_: tuple(params) for type_, params in rows.items()})
        for name, rows in _entry("compartments.json").items()
    }
