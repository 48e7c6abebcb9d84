"""A read receipt: an AuditEvent with which a reader tells that a thread or a message was read.

https://hl7.org/fhir/R4/auditevent.html
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal

_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_EVENT: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"


class Receipt(NamedTuple):
    """``readers`` ("Type/id") read ``threads`` ("CommunicationRequest/id") and ``messages`` ("Communication/id")."""

    readers: tuple[str, ...]
    threads: tuple[str, ...]
    messages: tuple[str, ...]


def receipt_of(event: Mapping[str, Any], base: str = "") -> Receipt | None:
    """Return what an AuditEvent says as a receipt, None when it is none.

    It is one when it tells of an access, or of a read over REST, to threads or messages; versions in its references do not count.
    """
    if text(event, "action") != "R" or not _is_reading(event):
        return None
    readers = [literal(mapped(each, "who"), base) for each in listed(event, "agent") if each.get("requestor") is True]
    read = [literal(mapped(each, "what"), base) for each in listed(event, "entity")]
    threads = tuple(dict.fromkeys(each for each in read if each.startswith("CommunicationRequest/")))
    messages = tuple(dict.fromkeys(each for each in read if each.startswith("Communication/")))
    return Receipt(tuple(filter(None, readers)), threads, messages) if threads or messages else None


def _is_reading(event: Mapping[str, Any]) -> bool:
    type_ = mapped(event, "type")
    if text(type_, "system") == _LIFECYCLE:
        return text(type_, "code") == "access"
    codes = [(text(each, "system"), text(each, "code")) for each in listed(event, "subtype")]
    return (text(type_, "system"), text(type_, "code")) == (_EVENT, "rest") and any(
        system in {_INTERACTION, ""} and code in {"read", "vread"} for system, code in codes
    )
