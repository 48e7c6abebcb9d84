"""The tree of a profile: an element with its children, its slices, and who said what about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from profiles.definitions import Element

CHOICE: Final = "[x]"
CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_UNBOUNDED: Final = "*"

Facts = dict[str, Any]
"""Properties of an ElementDefinition by name; constraints by their key."""


class SnapshotError(ValueError):
    """A profile does not hold together; the text says which, where, and why."""


@dataclass(slots=True)
class Node:
    """One element. ``name`` is the last part of its path (a choice with "[x]"), ``slice`` the name of the slice it is, or "".

    ``base`` is the element of R4 itself (None for a root), ``inherited`` what the profile of its type or the element that it is a
    slice of says beside that, ``own`` what the profile and those it derives from say. Where children come from, until ``children``
    is filled, say ``type_name`` and ``content``: the type, and the path in it whose children they are.
    """

    name: str
    type_name: str
    content: str
    base: Element | None = None
    slice: str = ""
    inherited: Facts = field(default_factory=dict)
    own: Facts = field(default_factory=dict)
    children: "dict[str, Node] | None" = None
    slices: "dict[str, Node]" = field(default_factory=dict)

    def copy(self) -> "Node":
        """Return a copy for a profile that derives from this one."""
        children = None if self.children is None else {name: each.copy() for name, each in self.children.items()}
        slices = {name: each.copy() for name, each in self.slices.items()}
        own = _copied(self.own)
        own.pop("narrowed", None)  # the types of a choice before this profile named some: what derives from it begins with those
        return Node(self.name, self.type_name, self.content, self.base, self.slice, dict(self.inherited), own, children, slices)

    def inheriting(self) -> "Node":
        """Return a copy in which everything said so far is inherited: what a slice, or an element of this type, begins with."""
        children = None if self.children is None else {name: each.inheriting() for name, each in self.children.items()}
        slices = {name: each.inheriting() for name, each in self.slices.items()}
        said = merged(self.inherited, self.own)
        said.pop("narrowed", None)
        return Node(self.name, self.type_name, self.content, self.base, self.slice, said, {}, children, slices)

    def fact(self, key: str) -> Any:  # noqa: ANN401 - JSON
        """Return what is said under ``key`` in all, None where nothing is; for ``type`` see ``types``."""
        return self.own.get(key, self.inherited.get(key))

    @property
    def min(self) -> int:
        """How often it must be there."""
        said = self.fact("min")
        return int(said) if said is not None else self.base.min if self.base else 0

    @property
    def max(self) -> int | None:
        """How often it may be there; None is unbounded."""
        said = self.fact("max")
        if said is not None:
            return None if said == _UNBOUNDED else int(said)
        return self.base.max if self.base else None

    @property
    def types(self) -> tuple[Mapping[str, Any], ...]:
        """Its types, as ``ElementDefinition.type``."""
        said = self.fact("type")
        if said is not None:
            return tuple(said)
        return base_types(self.base)

    @property
    def is_choice(self) -> bool:
        """Whether it is a choice of types."""
        return self.name.endswith(CHOICE)


def base_types(element: Element | None) -> tuple[Mapping[str, Any], ...]:
    """Return the types that R4 itself gives an element, as ``ElementDefinition.type``."""
    types = element.types if element else ()
    return tuple(
        {"code": each.code, **({"targetProfile": [CORE + name for name in each.targets]} if each.targets else {})} for each in types
    )


def merged(lower: Facts, upper: Mapping[str, Any]) -> Facts:
    """Return what is said in all where ``upper`` is said after ``lower``: constraints add up, a slicing is completed."""
    result = _copied(lower)
    for key, value in upper.items():
        if key in {"constraint", "slicing"}:
            result[key] = {**result.get(key, {}), **value}
        else:
            result[key] = value
    return result


def _copied(facts: Facts) -> Facts:
    return {key: dict(value) if key in {"constraint", "slicing"} else value for key, value in facts.items()}
