"""HL7v3 as Dutch systems on the national switch point speak it: reading the question, and the frame of every answer.

Edition NICTIZEd2005-Okt, namespace ``urn:hl7-org:v3``, in a SOAP 1.1 envelope.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

HL7 = "urn:hl7-org:v3"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
BSN = "2.16.840.1.113883.2.4.6.3"
URA = "2.16.528.1.1007.3.3"
APPLICATION = "2.16.840.1.113883.2.4.6.6"
NAMESPACES = {None: HL7, "xsi": XSI}

Element = etree._Element  # noqa: SLF001 - lxml has no public name for the type of an element


class NotUnderstood(Exception):
    """The question is not one that this system understands."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An HL7v3 instance identifier."""

    root: str
    extension: str


@dataclass(frozen=True, slots=True)
class Question:
    """A query about one patient."""

    message: Reference
    query: Reference
    sender: str
    bsn: str


def element(
    tag: str,
    attributes: Mapping[str, str] | None = None,
    *children: Element | None,
    text: str = "",
) -> Element:
    """Make an HL7v3 element; the attribute ``xsi`` is its ``xsi:type``; children that are None are left out."""
    made = etree.Element(f"{{{HL7}}}{tag}", nsmap=NAMESPACES)  # type: ignore[arg-type]  # the stubs forget that None is the default prefix
    for name, value in (attributes or {}).items():
        made.set(f"{{{XSI}}}type" if name == "xsi" else name, value)
    made.text = text or None
    made.extend([child for child in children if child is not None])
    return made


def read_question(body: bytes, questions: Sequence[str]) -> Question:
    """Read a query, one of ``questions``; raise ``NotUnderstood`` with a text that names what is missing."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise NotUnderstood("the body is not well-formed XML") from error
    found = (root.find(f"{{{SOAP}}}Body/{{{HL7}}}{name}") for name in questions)
    asked = next((each for each in found if each is not None), None)
    if asked is None:
        raise NotUnderstood(f"the SOAP body holds no {' or '.join(questions)}")
    return Question(
        message=_reference(asked, "id"),
        query=_reference(asked, "ControlActProcess/queryByParameter/queryId"),
        sender=_reference(asked, "sender/device/id").extension,
        bsn=_bsn(asked),
    )


def envelope(content: Element) -> bytes:
    """Put ``content`` into a SOAP 1.1 envelope."""
    made = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    etree.SubElement(made, f"{{{SOAP}}}Body").append(content)
    return etree.tostring(made, xml_declaration=True, encoding="UTF-8")


def fault(text: str) -> bytes:
    """Make a SOAP 1.1 fault."""
    made = etree.Element(f"{{{SOAP}}}Fault", nsmap={"soap": SOAP})
    etree.SubElement(made, "faultcode").text = "soap:Client"
    etree.SubElement(made, "faultstring").text = text
    return envelope(made)


def moment(at: datetime) -> str:
    """Write a point in time as an HL7v3 TS with offset."""
    return at.strftime("%Y%m%d%H%M%S%z")


def _path(path: str) -> str:
    return "/".join(f"{{{HL7}}}{step}" for step in path.split("/"))


def _reference(asked: Element, path: str) -> Reference:
    found = asked.find(_path(path))
    if found is None:
        raise NotUnderstood(f"the question lacks {path}")
    return Reference(found.get("root", ""), found.get("extension", ""))


def _bsn(asked: Element) -> str:
    parameters = asked.find(_path("ControlActProcess/queryByParameter"))
    for found in () if parameters is None else parameters.iter(f"{{{HL7}}}value"):
        if found.get("root") == BSN:
            return found.get("extension", "")
    raise NotUnderstood("the question names no patient")
