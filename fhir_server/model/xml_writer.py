"""From the dict of a resource to its XML text."""

from collections.abc import Mapping
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


def text_of(resource: Mapping[str, Any], *, pretty: bool) -> str:
    """Return ``resource`` as XML without declaration; Unwritable names the element, never a value."""
    parts: list[str] = []
    _resource(parts, resource, "\n" if pretty else "", f' xmlns="{FHIR}"')
    text = "".join(parts)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        raise Unwritable("a text holds a lone surrogate") from None
    if len(data.translate(None, _NOT_XML)) != len(data) or "\ufffe" in text or "\uffff" in text:
        raise Unwritable("a text holds a character that XML cannot carry")
    return text


def _resource(parts: list[str], resource: object, margin: str, namespace: str = "") -> None:
    name = resource.get("resourceType") if isinstance(resource, Mapping) else None
    if not isinstance(resource, Mapping) or name not in resource_types():
        raise Unwritable("a resource has no resourceType of FHIR R4")
    members = {key: value for key, value in resource.items() if key != "resourceType"}
    _element(parts, name, members, shape_of(name, name), margin, namespace)


def _element(parts: list[str], tag: str, members: Mapping[str, Any], shape: Shape, margin: str, attributes: str = "") -> None:
    """Write one element: its attributes, and its children in the order of the definition."""
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
    if not children:
        parts.append(f"{margin}<{tag}{attributes}/>")
        return
    parts.append(f"{margin}<{tag}{attributes}>")
    inside = f"{margin}  " if margin else ""
    for child in sorted(children.values(), key=_order):
        _member(parts, child, members.get(child.name), members.get(f"_{child.name}"), inside)
    parts.append(f"{margin}</{tag}>")


def _order(child: Child) -> int:
    return child.order


def _member(parts: list[str], child: Child, value: Any, extra: Any, margin: str) -> None:  # noqa: ANN401 - JSON
    if not child.repeats:
        _item(parts, child, value, extra, margin)
        return
    if not all(each is None or isinstance(each, list | tuple) for each in (value, extra)):
        raise Unwritable(f"{child.path} is a list")
    for one, more in zip_longest(value or (), extra or ()):
        _item(parts, child, one, more, margin)


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
