"""From a parsed XML tree to the dict of a resource."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import groupby
from typing import Any

from lxml import etree

from fhir_server.errors import Malformed
from fhir_server.model.body import decimal, element_name, integer
from fhir_server.model.shape import FHIR, Child, Shape, shape_of
from fhir_server.model.xhtml import element_problem, text_of
from profiles.definitions import resource_types

_PREFIX = f"{{{FHIR}}}"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_MOST_ATTRIBUTES = 3  # id, url, value; more are refused before they are listed, for which lxml takes quadratic time
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def resource_of(root: etree._Element, depth: int) -> dict[str, Any]:
    """Return the resource that ``root`` is, nested at most ``depth`` elements deep; Malformed with the place of the first fault."""
    if _SCHEMA_LOCATION in root.attrib:
        del root.attrib[_SCHEMA_LOCATION]
    return _resource(root, depth)


def _resource(node: etree._Element, depth: int) -> dict[str, Any]:
    name = str(node.tag).removeprefix(_PREFIX)
    if not str(node.tag).startswith(_PREFIX) or name not in resource_types():
        raise _at(node, f"is no resource of FHIR R4 in the namespace {FHIR}")
    return {"resourceType": name, **_complex(node, shape_of(name, name), depth)}


def _complex(node: etree._Element, shape: Shape, depth: int, skip: str = "") -> dict[str, Any]:
    """Read attributes and children; ``skip`` is an attribute that the caller reads."""
    if depth < 1:
        raise Malformed("The body is nested too deeply.")
    result: dict[str, Any] = {}
    if len(node.attrib) > _MOST_ATTRIBUTES:
        raise _at(node, "has too many attributes")
    for name, value in node.attrib.items():
        if name == skip:
            continue
        if name not in shape.attributes or not value:
            raise _at(node, f"has an attribute that is empty or unknown: {element_name(str(name))}")
        result[str(name)] = value
    _require_no_text(node, node.text)
    last = -1
    for tag, group in groupby(node, _tag):
        nodes = list(group)
        child = shape.tags.get(tag)
        if child is None:
            raise _at(nodes[0], "is unknown here, or in the wrong namespace")
        if child.order <= last:
            raise _at(nodes[0], "is out of order, or the second one of a choice")
        if len(nodes) > 1 and not child.repeats:
            raise _at(nodes[1], "may stand there only once")
        last = child.order
        result.update(_READERS[child.kind](child, nodes, depth - 1))
    return result


def _tag(node: etree._Element) -> str:
    tail = node.tail
    if tail:
        _require_no_text(node, tail)
    return str(node.tag)


def _require_no_text(node: etree._Element, text: str | None) -> None:
    if text and not text.isspace():
        raise _at(node, "has text in or beside it: FHIR puts values into the attribute value")


def _complex_member(child: Child, nodes: list[etree._Element], depth: int) -> dict[str, Any]:
    values = [_filled(node, _complex(node, child.shape, depth)) for node in nodes]
    return {child.name: values if child.repeats else values[0]}


def _resource_member(child: Child, nodes: list[etree._Element], depth: int) -> dict[str, Any]:
    values = [_inline(node, depth) for node in nodes]
    return {child.name: values if child.repeats else values[0]}


def _inline(node: etree._Element, depth: int) -> dict[str, Any]:
    _require_no_text(node, node.text)
    if len(node) != 1 or node.attrib:
        raise _at(node, "must hold one resource and nothing else")
    _require_no_text(node[0], node[0].tail)
    return _resource(node[0], depth)


def _xhtml_member(child: Child, nodes: list[etree._Element], _: int) -> dict[str, Any]:
    found = element_problem(nodes[0])
    if found:
        raise _at(nodes[0], found)
    return {child.name: text_of(nodes[0])}


def _primitive_member(child: Child, nodes: list[etree._Element], depth: int) -> dict[str, Any]:
    """Read a primitive into its member and, for id and extensions, the member with an underscore."""
    if not child.repeats:
        value, extra = _primitive(child, nodes[0], depth)
        result = {} if value is None else {child.name: value}
        return result if extra is None else {**result, f"_{child.name}": extra}
    values, extras = zip(*[_primitive(child, node, depth) for node in nodes], strict=True)
    lists = {child.name: list(values), f"_{child.name}": list(extras)}
    return {name: found for name, found in lists.items() if found.count(None) < len(found)}


def _primitive(child: Child, node: etree._Element, depth: int) -> tuple[Any, dict[str, Any] | None]:
    text = node.get("value")
    extra = None
    if text is None or len(node) or len(node.attrib) != 1 or node.text:
        extra = _complex(node, child.shape, depth, skip="value") or None
    if text is None:
        _filled(node, extra)
        return None, extra
    try:
        return _VALUES.get(child.type, _text)(text), extra
    except ValueError:
        raise _at(node, f"has a value that is no {child.type}") from None


def _filled(node: etree._Element, value: dict[str, Any] | None) -> dict[str, Any]:
    if not value:
        raise _at(node, "is empty: leave it out")
    return value


def _text(text: str) -> str:
    if not text:
        raise ValueError("empty")
    return text


def _boolean(text: str) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("not a boolean")
    return text == "true"


def _integer(text: str) -> int | Decimal:
    if not _INTEGER.fullmatch(text):
        raise ValueError("not an integer")
    return integer(text)


def _decimal(text: str) -> int | Decimal:
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal")
    return integer(text) if _INTEGER.fullmatch(text) else decimal(text)


_VALUES: Mapping[str, Callable[[str], str | bool | int | Decimal]] = {
    "boolean": _boolean,
    "integer": _integer,
    "unsignedInt": _integer,
    "positiveInt": _integer,
    "decimal": _decimal,
}
_READERS: Mapping[str, Callable[[Child, list[etree._Element], int], dict[str, Any]]] = {
    "complex": _complex_member,
    "primitive": _primitive_member,
    "resource": _resource_member,
    "xhtml": _xhtml_member,
}


def _at(node: etree._Element, what: str) -> Malformed:
    place = _place(node)
    return Malformed(f"The element {place} (line {node.sourceline}) {what}.", expression=place)


def _place(node: etree._Element) -> str:
    """Return where the element stands, like ``Patient.name[0].given[1]``, an index wherever it has siblings of its name."""
    parts: list[str] = []
    current: etree._Element | None = node
    while current is not None:
        name = element_name(etree.QName(current).localname)
        before = sum(1 for _ in current.itersiblings(current.tag, preceding=True))
        after = next(current.itersiblings(current.tag), None) is not None
        parts.append(f"{name}[{before}]" if before or after else name)
        current = current.getparent()
    return ".".join(reversed(parts))
