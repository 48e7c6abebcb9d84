"""What may stand in an element: its children by JSON name, XML tag and XML attribute, from the definitions of R4."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from profiles.definitions import Element, TypeRef, type_definition

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"

Kind = Literal["primitive", "complex", "resource", "xhtml"]


@dataclass(frozen=True, slots=True)
class Child:
    """One child that an element may have.

    ``name`` is its name in JSON and XML (of a choice: with the type), ``order`` its place (one for all types of a choice), ``type``
    its FHIR type; ``owner`` and ``content`` say where its own children are defined: a type, and a path in it. ``needed`` is what no
    subset leaves out, since it is mandatory or changes the meaning of the rest; ``summary`` is what a summary shows.
    """

    name: str
    order: int
    repeats: bool
    kind: Kind
    type: str
    owner: str
    content: str
    path: str
    attribute: bool
    needed: bool
    summary: bool

    @property
    def shape(self) -> "Shape":
        """Return what may stand in this child."""
        return shape_of(self.owner, self.content)


@dataclass(frozen=True, slots=True)
class Shape:
    """The children of an element: ``members`` by JSON name, ``tags`` by XML tag in Clark notation, ``attributes`` in XML."""

    members: Mapping[str, Child]
    tags: Mapping[str, Child]
    attributes: Mapping[str, Child]


@cache
def shape_of(owner: str, path: str) -> Shape:
    """Return what may stand in the element ``path`` of the type ``owner``; UnknownType when there is no such type."""
    elements = type_definition(owner).elements[path]
    children = [child for order, element in enumerate(elements) for child in _children(owner, order, element)]
    return Shape(
        members={child.name: child for child in children},
        tags={f"{{{XHTML if child.kind == 'xhtml' else FHIR}}}{child.name}": child for child in children if not child.attribute},
        attributes={child.name: child for child in children if child.attribute},
    )


def _children(owner: str, order: int, element: Element) -> Iterator[Child]:
    if element.max == 0:
        return
    types = element.types or (TypeRef("Element"),)
    for type_ in types:
        name = element.name
        if name.endswith("[x]"):
            name = name.removesuffix("[x]") + type_.code[0].upper() + type_.code[1:]
        inside = _content(owner, element, type_.code)
        kind = _kind(type_.code)
        needed = element.min > 0 or element.modifier
        attribute, summary = element.attribute, element.summary
        yield Child(name, order, element.max != 1, kind, type_.code, *inside, element.path, attribute, needed, summary)


def _content(owner: str, element: Element, code: str) -> tuple[str, str]:
    if element.content:
        return owner, element.content
    if element.path in type_definition(owner).elements:
        return owner, element.path
    return code, code


def _kind(code: str) -> Kind:
    if code == "xhtml":
        return "xhtml"
    definition = type_definition(code)
    if definition.kind == "primitive-type":
        return "primitive"
    return "resource" if definition.kind == "resource" else "complex"
