"""Another text in every reference and uri of a resource, wherever the definitions of R4 have one.

A canonical stays: it is the name of a definition, and R4 excepts it (https://hl7.org/fhir/R4/http.html#trules).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from fhir_server.model.shape import Child, Shape, shape_of
from profiles.definitions import resource_types

Rewrite = Callable[[str], str]
_URIS = frozenset({"uri", "url"})
_TAG = re.compile(r"""<[A-Za-z][^\s<>/]*(?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))+\s*/?>""")
_LINK = re.compile(r"""(?P<before>\s(?:href|src)\s*=\s*(?P<quote>["']))(?P<link>[^"'<&]+)(?P=quote)""")


def rewritten(resource: Mapping[str, Any], reference: Rewrite, uri: Rewrite) -> dict[str, Any]:
    """Return ``resource`` with each Reference.reference as ``reference`` makes it, and each uri and url as ``uri`` does.

    Contained resources and extensions are gone into; of a narrative, each ``href`` and ``src`` is as ``uri`` makes it. What R4
    does not know, or has in another shape, stays as it is: whether a resource is valid is looked at elsewhere.
    """
    type_ = resource.get("resourceType")
    if not isinstance(type_, str) or type_ not in resource_types():
        return dict(resource)
    return _members(resource, shape_of(type_, type_), reference, uri)


def _members(element: Mapping[str, Any], shape: Shape, reference: Rewrite, uri: Rewrite) -> dict[str, Any]:
    return {name: _member(name, value, shape, reference, uri) for name, value in element.items()}


def _member(name: str, value: Any, shape: Shape, reference: Rewrite, uri: Rewrite) -> Any:  # noqa: ANN401 - JSON
    child = shape.members.get(name)
    if name.startswith("_"):
        inside = shape_of("Element", "Element")
        return _each(value, lambda each: _complex(each, inside, reference, uri))
    return _each(value, lambda each: _value(each, child, reference, uri)) if child else value


def _each(value: Any, of: Callable[[Any], Any]) -> Any:  # noqa: ANN401 - JSON
    return [of(each) for each in value] if isinstance(value, list) else of(value)


def _value(value: Any, child: Child, reference: Rewrite, uri: Rewrite) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        if child.type == "xhtml":
            return _TAG.sub(lambda tag: _LINK.sub(lambda link: _linked(link, uri), tag[0]), value)
        # An attribute is the url of an extension: the name of what it is, never a link.
        return uri(value) if child.type in _URIS and not child.attribute else value
    if child.kind == "resource":
        return rewritten(value, reference, uri) if isinstance(value, dict) else value
    if child.kind != "complex":
        return value
    made = _complex(value, child.shape, reference, uri)
    if child.type == "Reference" and isinstance(value, dict) and isinstance(value.get("reference"), str):
        made["reference"] = reference(value["reference"])
    return made


def _complex(value: Any, shape: Shape, reference: Rewrite, uri: Rewrite) -> Any:  # noqa: ANN401 - JSON
    return _members(value, shape, reference, uri) if isinstance(value, dict) else value


def _linked(link: re.Match[str], uri: Rewrite) -> str:
    return link["before"] + escape(uri(link["link"]), {'"': "&quot;", "'": "&#39;"}) + link["quote"]
