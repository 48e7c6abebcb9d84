"""The XHTML of a narrative: what FHIR allows in it (https://hl7.org/fhir/R4/narrative.html).

Stricter than FHIR in one point: an image must be part of the resource (``#id`` or ``data:``), because fetching one from
elsewhere tells a third party who reads about whom.
"""

import re
from threading import local

from lxml import etree

from fhir_server.model.body import element_name
from fhir_server.model.shape import XHTML

_ELEMENT_NAMES = """
    a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p
    pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var
"""
_ATTRIBUTE_NAMES = """
    abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite
    class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan
    rules scope shape span src start style summary tabindex title type valign value vspace width
    {http://www.w3.org/XML/1998/namespace}lang {http://www.w3.org/XML/1998/namespace}space
"""
_ELEMENTS = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES = frozenset(_ATTRIBUTE_NAMES.split())
_LINKS = frozenset({"href", "cite", "longdesc"})
_SAFE_LINK = re.compile(r"(?:https?|mailto|tel|urn):|[^:]*\Z|[^:]*[/?#]", re.IGNORECASE)
_SAFE_IMAGE = re.compile(r"#|data:", re.IGNORECASE)
_UNSAFE_STYLE = re.compile(r"\\|url\s*\(|expression|import|script:|behavio|binding", re.IGNORECASE)
_PREFIX = f"{{{XHTML}}}"
_XML = "{http://www.w3.org/XML/1998/namespace}"
_threads = local()


class NoNarrative(ValueError):
    """A text that is not one well-formed XHTML ``div``."""


def parser() -> etree.XMLParser:
    """Return this thread's XML parser: no entities, no network, no DTD, no comments, libxml2's own limits on."""
    found: etree.XMLParser | None = getattr(_threads, "parser", None)
    if found is None:
        found = etree.XMLParser(
            encoding="utf-8",
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            dtd_validation=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        _threads.parser = found
    return found


def problem(div: str) -> str | None:
    """Return what is wrong with the text of ``Narrative.div``, without repeating any of it, or None."""
    try:
        root = parse(div)
    except NoNarrative as error:
        return str(error)
    return element_problem(root)


def parse(div: str) -> etree._Element:
    """Parse the text of ``Narrative.div``; NoNarrative when it is not one well-formed ``div`` of XHTML, or has a DOCTYPE."""
    if "<!DOCTYPE" in div:
        raise NoNarrative("has a DOCTYPE")
    try:
        root = etree.fromstring(div.encode(), parser())
    except (etree.XMLSyntaxError, ValueError):
        raise NoNarrative("is not well-formed XHTML") from None
    if root.tag != f"{_PREFIX}div":
        raise NoNarrative(f"is not a div in the namespace {XHTML}")
    return root


def text_of(div: etree._Element) -> str:
    """Return an XHTML ``div`` as the text that JSON holds: one default namespace, no prefixes; NoNarrative for other namespaces."""
    parts: list[str] = []
    _serialise(parts, div, f' xmlns="{XHTML}"')
    return "".join(parts)


def element_problem(root: etree._Element) -> str | None:
    """Return what is wrong with a parsed ``div``, or None."""
    try:
        found = next(filter(None, map(_element_problem, root.iter())), None)
    except NoNarrative as error:
        return str(error)
    if found:
        return found
    if not "".join(map(str, root.itertext())).strip() and root.find(f".//{_PREFIX}img") is None:
        return "has neither text nor an image"
    return None


def _element_problem(element: etree._Element) -> str | None:
    tag = str(element.tag)
    name = tag.removeprefix(_PREFIX)
    if name not in _ELEMENTS or not tag.startswith(_PREFIX):
        return f"has an element that narrative does not allow: {element_name(name)}"
    for attribute, value in _attributes(element):
        if not _allowed(attribute, value):
            return f"has an attribute that narrative does not allow, or a value that is not safe in it: {element_name(attribute)}"
    return None


def _allowed(attribute: str, value: str) -> bool:
    if attribute not in _ATTRIBUTES:
        return False
    if attribute in _LINKS:
        return _SAFE_LINK.match(value) is not None
    if attribute == "src":
        return _SAFE_IMAGE.match(value) is not None
    return attribute != "style" or _UNSAFE_STYLE.search(value) is None


def _serialise(parts: list[str], element: etree._Element, attributes: str = "") -> None:
    """Write ``element`` as lxml would, but without the namespaces that happen to be in scope (there may be very many)."""
    name = _plain(str(element.tag), _PREFIX, "")
    for attribute, value in _attributes(element):
        attributes += f' {_plain(attribute, _XML, "xml:") if "{" in attribute else attribute}="{_escaped_attribute(value)}"'
    if len(element) or element.text:
        parts.append(f"<{name}{attributes}>{_escaped(element.text or '')}")
        for child in element:
            _serialise(parts, child)
            parts.append(_escaped(child.tail or ""))
        parts.append(f"</{name}>")
    else:
        parts.append(f"<{name}{attributes}/>")


def _attributes(element: etree._Element) -> list[tuple[str, str]]:
    """Return the attributes; NoNarrative when there are more than XHTML has, because lxml takes quadratic time for many."""
    if len(element.attrib) > len(_ATTRIBUTES):
        raise NoNarrative("has an element with too many attributes")
    return [(str(name), str(value)) for name, value in element.attrib.items()]


def _plain(name: str, namespace: str, prefix: str) -> str:
    if not name.startswith(namespace):
        raise NoNarrative("has a name of another namespace")
    return prefix + name.removeprefix(namespace)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")


def _escaped_attribute(text: str) -> str:
    return _escaped(text).replace('"', "&quot;").replace("\n", "&#10;").replace("\t", "&#9;")
