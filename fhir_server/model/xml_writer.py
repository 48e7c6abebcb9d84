"""From the dict of a resource to its XML text."""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import zip_longest
from typing import Any

from fhir_server.model.body import decimal_text, element_name
from fhir_server.model.shape import FHIR, Child, Shape, shape_of
from fhir_server.model.xhtml import NoNarrative, parse
from fhir_server.model.xhtml import text_of as narrative_text
from profiles.definitions import resource_types

_NOT_XML = bytes(set(range(0x20)) - {0x09, 0x0A, 0x0D})


class Unwritable(ValueError):
    """A resource that XML cannot carry: something in it is not as the definition of its type says."""


def pieces(resource: Mapping[str, Any], *, pretty: bool) -> Iterator[bytes]:
    """Yield ``resource`` as XML without declaration, element by element: a Bundle comes entry by entry.

    Unwritable names the element, never a value.
    """
    parts: list[str] = []
    margin = "\n" if pretty else ""
    name, members = _named(resource)
    children = _begun(parts, name, members, shape_of(name, name), margin, f' xmlns="{FHIR}"')
    for child in children:
        for value, extra in _items(child, members.get(child.name), members.get(f"_{child.name}")):
            _item(parts, child, value, extra, f"{margin}  " if margin else "")
            yield _taken(parts)
    if children:
        parts.append(f"{margin}</{name}>")
    yield _taken(parts)


def _taken(parts: list[str]) -> bytes:
    """Return what is in ``parts``, which are empty then."""
    text = "".join(parts)
    parts.clear()
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise Unwritable("a text holds a lone surrogate") from None
    if len(data.translate(None, _NOT_XML)) != len(data) or "\ufffe" in text or "\uffff" in text:
        raise Unwritable("a text holds a character that XML cannot carry")
    return data


def _named(resource: object) -> tuple[str, dict[str, Any]]:
    """Return the type of ``resource`` and its members apart from that."""
    name = resource.get("resourceType") if isinstance(resource, Mapping) else None
    if not isinstance(resource, Mapping) or name not in resource_types():
        raise Unwritable("a resource has no resourceType of FHIR R4")
    return name, {key: value for key, value in resource.items() if key != "resourceType"}


def _resource(parts: list[str], resource: object, margin: str) -> None:
    name, members = _named(resource)
    _element(parts, name, members, shape_of(name, name), margin)


def _element(parts: list[str], tag: str, members: Mapping[str, Any], shape: Shape, margin: str, attributes: str = "") -> None:
    """Write one element: its attributes, and its children in the order of the definition."""
    children = _begun(parts, tag, members, shape, margin, attributes)
    inside = f"{margin}  " if margin else ""
    for child in children:
        for value, extra in _items(child, members.get(child.name), members.get(f"_{child.name}")):
            _item(parts, child, value, extra, inside)
    if children:
        parts.append(f"{margin}</{tag}>")


def _begun(parts: list[str], tag: str, members: Mapping[str, Any], shape: Shape, margin: str, attributes: str) -> list[Child]:
    """Write the start of an element, the whole of it when it has no children, and return those in their order."""
    children: dict[str, Child] = {}
    for key in members:
        name = key.removeprefix("_")
        child = shape.members.get(name)
        if child is None or (name != key and child.kind != "primitive"):
            raise Unwritable(f"{tag} has no member {element_name(key)}")
        if child.attribute:
            attributes += f' {name}="{_escaped(_lexical(child, members[key]))}"'
        else:
            children[name] = child
    parts.append(f"{margin}<{tag}{attributes}>" if children else f"{margin}<{tag}{attributes}/>")
    return sorted(children.values(), key=_order)


def _order(child: Child) -> int:
    return child.order


def _items(child: Child, value: Any, extra: Any) -> Iterable[tuple[Any, Any]]:  # noqa: ANN401 - JSON
    """Return each value of ``child`` with what stands beside it."""
    if not child.repeats:
        return ((value, extra),)
    if not all(each is None or isinstance(each, list | tuple) for each in (value, extra)):
        raise Unwritable(f"{child.path} is a list")
    return zip_longest(value or (), extra or ())


def _item(parts: list[str], child: Child, value: Any, extra: Any, margin: str) -> None:  # noqa: ANN401 - JSON
    if child.kind == "primitive":
        _primitive(parts, child, value, extra, margin)
    elif child.kind == "xhtml":
        parts.append(f"{margin}{_narrative(child, value)}")
    elif not isinstance(value, Mapping):
        raise Unwritable(f"{child.path} is an object")
    elif child.kind == "resource":
        parts.append(f"{margin}<{child.name}>")
        _resource(parts, value, f"{margin}  " if margin else "")
        parts.append(f"{margin}</{child.name}>")
    else:
        _element(parts, child.name, value, child.shape, margin)


def _primitive(parts: list[str], child: Child, value: Any, extra: Any, margin: str) -> None:  # noqa: ANN401 - JSON
    attribute = "" if value is None else f' value="{_escaped(_lexical(child, value))}"'
    if extra is None and value is not None:
        parts.append(f"{margin}<{child.name}{attribute}/>")
    elif isinstance(extra, Mapping):
        _element(parts, child.name, extra, child.shape, margin, attribute)
    else:
        raise Unwritable(f"{child.path} has neither a value nor an extension")


def _narrative(child: Child, value: object) -> str:
    """Return the div anew, so that nothing but a well-formed one gets into the document."""
    try:
        return narrative_text(parse(str(value)))
    except NoNarrative as error:
        raise Unwritable(f"{child.path} {error}") from None


def _lexical(child: Child, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        return decimal_text(value)
    raise Unwritable(f"{child.path} has a value that is no primitive")


def _escaped(text: str) -> str:
    """Escape for an attribute in double quotes; line ends and tabs would otherwise be read back as spaces."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return text.replace("\n", "&#10;").replace("\t", "&#9;").replace("\r", "&#13;")
