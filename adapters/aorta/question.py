"""The question to a system: the HL7v3 query about one patient in a SOAP 1.1 envelope, and what its HTTP answer means."""

import re
from collections.abc import Mapping
from datetime import datetime

from lxml import etree

from adapters.contract import Response, Source, SourceError, SourceQuery
from mappings.hl7v3 import NAMESPACE

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
BSN_SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
BSN_ROOT = "2.16.840.1.113883.2.4.6.3"
APPLICATION_ROOT = "2.16.840.1.113883.2.4.6.6"
URA_ROOT = "2.16.528.1.1007.3.3"
INTERACTION_ROOT = "2.16.840.1.113883.1.6"
PROFILE_ROOT = "2.16.840.1.113883.2.4.3.11.1"
DEFAULTS = {"receiver_application": "1", "sender_application": "90000001"}


def question(query: SourceQuery, source: Source, interaction: str) -> bytes:
    """Return the query ``interaction`` about one patient; SourceError when the patient is not known by BSN.

    The option ``query_interaction`` of the source gives the query another name.
    """
    bsn = next((value for system, value in query.identifiers if system == BSN_SYSTEM), "")
    if not re.fullmatch(r"[0-9]{9}", bsn):
        raise SourceError("not-supported", "the source is asked by BSN, and none is known for this patient")
    options = DEFAULTS | {"query_interaction": interaction} | dict(source.options)
    try:
        return _envelope(query, bsn, options)
    except ValueError as error:
        raise SourceError(
            "not-supported", f"the question cannot be written as XML; look at the options of the source: {error}"
        ) from None


def _envelope(query: SourceQuery, bsn: str, options: Mapping[str, str]) -> bytes:
    own_root = f"{APPLICATION_ROOT}.{options['sender_application']}"
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    body = etree.SubElement(envelope, f"{{{SOAP}}}Body")
    root = etree.SubElement(body, f"{{{NAMESPACE}}}{options['query_interaction']}", nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # the stubs forget the default namespace
    _add(root, "id", root=f"{own_root}.1", extension=query.request_id)
    _add(root, "creationTime", value=_stamp(query.now))
    _add(root, "versionCode", code="NICTIZEd2005-Okt")
    _add(root, "interactionId", root=INTERACTION_ROOT, extension=options["query_interaction"])
    _add(root, "profileId", root=PROFILE_ROOT, extension="810")
    _add(root, "processingCode", code="P")
    _add(root, "processingModeCode", code="T")
    _add(root, "acceptAckCode", code="NE")
    for side in ("receiver", "sender"):
        _add(_add(_add(root, side), "device"), "id", root=APPLICATION_ROOT, extension=options[f"{side}_application"])
    act = _add(root, "ControlActProcess", moodCode="EVN")
    _author(act, options)
    parameters = _add(act, "queryByParameter")
    _add(parameters, "queryId", root=f"{own_root}.2", extension=query.request_id)
    _add(parameters, "statusCode", code="executing")
    _add(_add(parameters, "patientID"), "value", root=BSN_ROOT, extension=bsn)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def headers(source: Source, interaction: str) -> dict[str, str]:
    """Return the HTTP headers that go with the query ``interaction``."""
    name = source.options.get("query_interaction", interaction)
    return {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": f'"{NAMESPACE}/{name}"'}


def body_of(response: Response) -> bytes:
    """Return the body of an answer that may be read; SourceError for every other status.

    A SOAP fault comes with status 500 and is read, so that it counts as a refusal.
    """
    status = response.status
    if status == 200 or (status == 500 and b"Fault" in response.body):  # noqa: PLR2004 - HTTP
        return response.body
    if status == 429:  # noqa: PLR2004 - HTTP
        raise SourceError("throttled", "the source asks to come back later (HTTP 429)")
    if 400 <= status < 500:  # noqa: PLR2004 - HTTP
        raise SourceError("refused", f"the source refused the request (HTTP {status})")
    raise SourceError("unreachable", f"the source did not answer the request (HTTP {status})")


def _author(act: etree._Element, options: Mapping[str, str]) -> None:
    device = _add(_add(_add(act, "authorOrPerformer", typeCode="AUT"), "participant"), "AssignedDevice")
    _add(device, "id", root=APPLICATION_ROOT, extension=options["sender_application"])
    if options.get("sender_ura"):
        organisation = _add(device, "Organization")
        _add(organisation, "id", root=URA_ROOT, extension=options["sender_ura"])
        if options.get("sender_name"):
            _add(organisation, "name").text = options["sender_name"]


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)


def _stamp(now: str) -> str:
    """Return an ISO 8601 moment as HL7v3 time stamp."""
    return f"{datetime.fromisoformat(now):%Y%m%d%H%M%S%z}"
