"""What a message says in one place about something in another, put beside it before it is mapped.

The tables know these elements by their underscore. They share children with the elements that they stand for, so that what is
read of the one is read of the other; of an act only what is said of itself, or an act would be among what surrounds it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from mappings.tree import Node

_FACTS = frozenset({"id", "code", "text", "statusCode", "effectiveTime", "value"})
_ORGANISATIONS = ("Organization", "representedOrganization", "scopingEntity")


@dataclass(frozen=True, slots=True)
class Thing:
    """Something to map: the ``node``, and the ``table`` by which."""

    table: str
    node: Node


@dataclass(slots=True)
class Message:
    """The part of an answer that is about one patient: the ``root`` of it, the ``patient`` and what is to be mapped."""

    root: Node
    patient: Thing
    things: list[Thing] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def add(self, table: str, node: Node) -> None:
        """Add something to map; what the source withdrew or denies is left out with a remark."""
        status = node.first("statusCode")
        if node.value("negationInd") == "true":
            self.remarks.append(f"{node.name}: the source says that it is not so; it is left out")
        elif status and status.value("code") == "nullified":
            self.remarks.append(f"{node.name}: the source withdrew it; it is left out")
        else:
            self.things.append(Thing(table, node))


def standing_for(name: str, node: Node, *more: Node) -> Node:
    """Return an element ``name`` with the children of ``node``, and ``more``."""
    made = Node(name, {}, "", "")
    made.children = [*node.children, *more]
    return made


def put(node: Node, name: str, role: Node | None) -> None:
    """Put an element ``name`` that stands for a person or an organisation into ``node``, unless there is none."""
    if role is not None:
        node.children.append(standing_for(name, role))


def put_act(node: Node, name: str, act: Node | None) -> None:
    """Put an element ``name`` that stands for another act into ``node``, unless there is none."""
    if act is not None:
        made = Node(name, {}, "", "")
        made.children = [child for child in act.children if child.name in _FACTS]
        node.children.append(made)


def left_over(node: Node) -> list[str]:
    """Return the paths of what nobody read in a message, after taking out again what was put into it."""
    _take_out(node)
    return list(node.unread())


def _take_out(node: Node) -> None:
    node.children = [child for child in node.children if not child.name.startswith("_")]
    for child in node.children:
        _take_out(child)


def keys(node: Node) -> list[str]:
    """Return the identifiers of an element, to find it by."""
    return [f"{one.value('root')}|{one.value('extension')}" for one in node.all("id") if one.value("extension")]


def person(candidates: Iterable[Node]) -> Node | None:
    """Return the first of the candidates that says who it is: by identifier or by name."""
    return next((node for node in candidates if keys(node) or _named(node)), None)


def organisation(role: Node | None) -> Node | None:
    """Return the organisation of a role."""
    found = [one for name in _ORGANISATIONS for one in role.all(name)] if role else []
    return found[0] if found else None


def _named(role: Node) -> bool:
    return any(part.text for node in role.walk() if node.name == "name" for part in node.walk())
