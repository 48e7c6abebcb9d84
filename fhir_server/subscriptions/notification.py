"""Notifications of topic-based subscriptions as resources: a Bundle that begins with a status.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.model import json, xml
from fhir_server.model.meta import instant
from fhir_server.subscriptions.manner import BACKPORT, XML

STATUS: Final = BACKPORT + "backport-subscription-status-r4"
BUNDLE: Final = BACKPORT + "backport-subscription-notification-r4"
Resource = dict[str, Any]


class About(NamedTuple):
    """The subscription that a status is about: its status, and how many events it has had so far."""

    id: str
    topic: str
    status: str
    events: int
    error: str = ""


class Happened(NamedTuple):
    """One event: its number, its moment (microseconds), and what changed ("Type/id"), "" where that is not told.

    ``gone`` tells that it was deleted.
    """

    number: int
    moment: int
    focus: str = ""
    version: int = 0
    gone: bool = False


def status(about: About, type_: str, base: str, events: Iterable[Happened] = ()) -> Resource:
    """Return the SubscriptionStatus, as Parameters, of the subscription that is stored at ``base``."""
    parts: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": f"{base}/Subscription/{about.id}"}},
        {"name": "topic", "valueCanonical": about.topic},
        {"name": "status", "valueCode": about.status},
        {"name": "type", "valueCode": type_},
        {"name": "eventsSinceSubscriptionStart", "valueString": str(about.events)},
        *({"name": "notificationEvent", "part": _event(each, base)} for each in events),
    ]
    if about.error:
        parts.append({"name": "error", "valueCodeableConcept": {"text": about.error}})
    return {"resourceType": "Parameters", "meta": {"profile": [STATUS]}, "parameter": parts}


def bundle(about: About, type_: str, base: str, id_: str, now: int, events: Sequence[Happened] = ()) -> Resource:
    """Return the notification: the status under the fresh id ``id_``, then what its events are about, without content."""
    first = {
        "fullUrl": f"urn:uuid:{_uuid(id_)}",
        "resource": status(about, type_, base, events),
        "request": {"method": "GET", "url": f"Subscription/{about.id}/$status"},
        "response": {"status": "200"},
    }
    newest = {each.focus: each for each in sorted(events) if each.focus}
    return {
        "resourceType": "Bundle",
        "meta": {"profile": [BUNDLE]},
        "type": "history",
        "timestamp": instant(now),
        "entry": [first, *(_focus(each, base) for each in newest.values())],
    }


def found(statuses: Mapping[str, Resource], base: str) -> Resource:
    """Return the answer to a question for the statuses of subscriptions, by their ids."""
    entries = [
        {"fullUrl": f"{base}/Subscription/{id_}/$status", "resource": status, "search": {"mode": "match"}}
        for id_, status in statuses.items()
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entries)} | ({"entry": entries} if entries else {})


def body(resource: Resource, media: str) -> bytes:
    """Return the bytes to send."""
    return xml.write(resource) if media == XML else json.write(resource)


def _event(event: Happened, base: str) -> list[Resource]:
    parts: list[Resource] = [
        {"name": "eventNumber", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": instant(event.moment)},
    ]
    if event.focus:
        parts.append({"name": "focus", "valueReference": {"reference": f"{base}/{event.focus}"}})
    return parts


def _focus(event: Happened, base: str) -> Resource:
    request, status = {"method": "PUT", "url": event.focus}, "200"
    if event.gone:
        request, status = {"method": "DELETE", "url": event.focus}, "204"
    elif event.version == 1:
        request, status = {"method": "POST", "url": event.focus.partition("/")[0]}, "201"
    return {"fullUrl": f"{base}/{event.focus}", "request": request, "response": {"status": status}}


def _uuid(id_: str) -> str:
    return f"{id_[:8]}-{id_[8:12]}-4{id_[12:15]}-8{id_[15:18]}-{id_[18:26]:0<12}"
