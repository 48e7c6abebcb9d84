"""A message that is forwarded: a new one with what the sender saw of it, which names where it comes from.

The original stays as it is, among those whom it was for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_server.model.meta import instant
from fhir_server.network.json_parts import listed, mapped
from fhir_server.network.message_thread import literal
from fhir_server.network.question import reference

Resource = dict[str, Any]


def origins(original: Mapping[str, Any], base: str = "") -> tuple[str, ...]:
    """Return ``original`` ("Type/id"), and the messages that it was forwarded from itself."""
    earlier = (literal(each, base) for each in listed(original, "basedOn"))
    own = f"{original['resourceType']}/{original['id']}"
    return tuple(
        dict.fromkeys((own, *(each for each in earlier if each.partition("/")[0] in {"Communication", "CommunicationRequest"})))
    )


def to_people(
    original: Mapping[str, Any], sender: str, recipients: Sequence[str], comment: str, at: int, base: str = ""
) -> Resource:
    """Return the thread (CommunicationRequest) that begins with ``original``, from ``sender`` to ``recipients`` (all "Type/id")."""
    return {
        "resourceType": "CommunicationRequest",
        **_common(original, comment, base),
        "status": "active",
        "authoredOn": instant(at),
        "requester": reference(sender),
        "recipient": [reference(each) for each in recipients],
    }


def to_thread(original: Mapping[str, Any], sender: str, thread: str, comment: str, at: int, base: str = "") -> Resource:
    """Return the message (Communication) that brings ``original`` into ``thread`` ("CommunicationRequest/id")."""
    return {
        "resourceType": "Communication",
        **_common(original, comment, base),
        "partOf": [reference(thread)],
        "status": "completed",
        "sent": instant(at),
        "sender": reference(sender),
    }


def _common(original: Mapping[str, Any], comment: str, base: str) -> Resource:
    security = listed(mapped(original, "meta"), "security")
    said = [{"contentString": comment}] if comment else []
    return {
        **({"meta": {"security": [dict(each) for each in security]}} if security else {}),
        "basedOn": [reference(each) for each in origins(original, base)],
        "payload": [
            *said,
            *({name: value for name, value in each.items() if name != "id"} for each in listed(original, "payload")),
        ],
    }


def provenance(id_: str, made: str, patient: str, original: str, version: int, sender: str, at: int) -> Resource:
    """Return where the message ``made`` comes from: ``version`` of ``original``, which ``sender`` forwarded (all "Type/id")."""
    return {
        "resourceType": "Provenance",
        "id": id_,
        "target": [reference(made), reference(patient)],
        "recorded": instant(at),
        "activity": {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE"}],
            "text": "forwarded",
        },
        "agent": [{"who": reference(sender)}],
        "entity": [{"role": "source", "what": {"reference": f"{original}/_history/{version}", "type": original.partition("/")[0]}}],
    }
