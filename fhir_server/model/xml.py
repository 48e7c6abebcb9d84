"""XML of resources (https://hl7.org/fhir/R4/xml.html): a safe, strict reader and a writer, both driven by the definitions."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from fhir_server.errors import Malformed, TooLarge
from fhir_server.model import xml_writer
from fhir_server.model.body import Limits
from fhir_server.model.xhtml import parser
from fhir_server.model.xml_reader import resource_of

_BOM = b"\xef\xbb\xbf"
_DECLARATION = re.compile(rb"""<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)["']""")


def read(body: bytes, limits: Limits = Limits()) -> dict[str, Any]:  # noqa: B008 - immutable
    """Read one resource into the dict that its JSON would give; decimals keep their text.

    UTF-8 only, no DOCTYPE; comments and processing instructions are skipped. Refused with the place: unknown elements, attributes
    and namespaces, text between elements, a wrong order, a repeated element that is no list, empty elements, values that are no
    boolean, integer or decimal where one belongs, and narrative beyond FHIR's XHTML. Raises Malformed, TooLarge.
    """
    if len(body) > limits.size:
        raise TooLarge(f"The body is larger than {limits.size} bytes: send less at a time.")
    return resource_of(_parse(body.removeprefix(_BOM)), limits.depth)


def write(resource: Mapping[str, Any], *, pretty: bool = False) -> bytes:
    """Return ``resource`` (JSON's form, as a dict) as UTF-8 XML; ``pretty`` indents, but never inside narrative.

    Raises Unwritable when a member has no place in the definition of its type.
    """
    return b"".join(pieces(resource, pretty=pretty))


def pieces(resource: Mapping[str, Any], *, pretty: bool = False) -> Iterator[bytes]:
    """Yield the same piece by piece, of a Bundle entry by entry, for who has others to serve meanwhile."""
    yield b'<?xml version="1.0" encoding="UTF-8"?>'
    yield from xml_writer.pieces(resource, pretty=pretty)


def _parse(body: bytes) -> etree._Element:
    """Parse with nothing that reaches outside: https://hl7.org/fhir/R4/security.html#narrative."""
    declared = _DECLARATION.match(body)
    if declared is not None and declared[1].lower() != b"utf-8":
        raise Malformed("The body declares an encoding other than UTF-8: encode it as UTF-8.")
    if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
        raise Malformed("The body has a DOCTYPE or an entity declaration: leave it out.")
    try:
        root = etree.fromstring(body, parser())
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise Malformed(f"The body is not well-formed XML, line {line}, column {column}.") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise Malformed("The body has a DOCTYPE: leave it out.")
    return root
