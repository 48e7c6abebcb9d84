"""How a topic-based Subscription wants to be told: the R4 form of R5 subscriptions, read from a resource and kept beside it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription.html
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

from fhir_server.catalog.topics import Topic, topics
from fhir_server.errors import Unprocessable

Content = Literal["empty", "id-only"]
BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
PROFILE: Final = BACKPORT + "backport-subscription"
JSON, XML = "application/fhir+json", "application/fhir+xml"
_MEDIA: Final = {"": JSON, JSON: JSON, "application/json": JSON, XML: XML, "application/xml": XML}
_CONTENTS: Final = frozenset({"empty", "id-only"})
_CRITERIA, _CHANNEL, _PAYLOAD = "Subscription.criteria", "Subscription.channel", "Subscription.channel.payload"
_SHORTEST, _LONGEST = 10, 86_400


@dataclass(frozen=True, slots=True)
class Manner:
    """``topic`` is a canonical URL. ``heartbeat`` and ``timeout`` are seconds, 0 where none is asked for.

    ``most`` is how many events one notification may tell of (0: as many as it likes); this server tells of one.
    """

    topic: str
    content: Content
    media: str = JSON
    heartbeat: int = 0
    timeout: int = 0
    most: int = 0


def is_topical(resource: Mapping[str, Any]) -> bool:
    """Tell whether a Subscription is based on a topic: it says so, or its criteria name one."""
    profiles = resource.get("meta", {}).get("profile", ())
    return any(str(each).partition("|")[0] == PROFILE for each in profiles) or resource["criteria"] in topics()


def manner_of(resource: Mapping[str, Any]) -> Manner:
    """Return how a topic-based Subscription is to be told; raises Unprocessable."""
    topic, channel = topic_of(resource), resource["channel"]
    media = _MEDIA.get(str(channel.get("payload", "")).partition(";")[0].strip())
    if media is None:
        raise Unprocessable(f"A notification is written as {JSON} or {XML}.", expression=_PAYLOAD, detail="channel-payload")
    return Manner(
        topic.url,
        _content(channel),
        media,
        _seconds(channel, "backport-heartbeat-period", _SHORTEST),
        _seconds(channel, "backport-timeout", 1),
        _number(channel, "backport-max-count"),
    )


def topic_of(resource: Mapping[str, Any]) -> Topic:
    """Return the topic of a topic-based Subscription; raises Unprocessable for one that is not known."""
    found = topics().get(resource["criteria"].partition("|")[0])
    if found is None:
        text = f"Criteria are the canonical URL of a topic, one of {', '.join(topics())}."
        raise Unprocessable(text, expression=_CRITERIA, detail="subscription-topic")
    return found


def query_of(resource: Mapping[str, Any]) -> str:
    """Return the search that topic and filters of a topic-based Subscription come to, "Type?a=b&c=d"; raises Unprocessable."""
    topic = topic_of(resource)
    given = [str(each.get("valueString", "")) for each in _extensions(resource.get("_criteria"), "backport-filter-criteria")]
    parts = [part for each in given for part in _parts(each, topic)]
    return topic.resource + ("?" + "&".join(parts) if parts else "")


def written(manner: Manner) -> str:
    """Return the text to keep."""
    return json.dumps(asdict(manner))


def kept(text: str) -> Manner | None:
    """Return what ``written`` kept; None where notifications are those of R4: empty."""
    return Manner(**json.loads(text)) if text else None


def _parts(criteria: str, topic: Topic) -> Iterator[str]:
    type_, question, query = criteria.partition("?")
    if type_ != topic.resource or not question:
        text = f"A filter of this topic has the form {topic.resource}?name=value."
        raise Unprocessable(text, expression=_FILTER, detail="topic-filter")
    for part in filter(None, query.split("&")):
        name = part.partition("=")[0].partition(":")[0]
        if name not in topic.filters:
            text = f"This topic is filtered by {', '.join(sorted(topic.filters))}."
            raise Unprocessable(text, expression=_FILTER, detail="topic-filter")
        yield part


def _content(channel: Mapping[str, Any]) -> Content:
    given = next((each.get("valueCode") for each in _extensions(channel.get("_payload"), "backport-payload-content")), "empty")
    if given == "full-resource":
        text = "Notifications carry no resources here: ask for id-only, and read with your own token."
        raise Unprocessable(text, expression=_PAYLOAD, detail="payload-content")
    if given not in _CONTENTS:
        raise Unprocessable("The content of a notification is empty or id-only.", expression=_PAYLOAD, detail="payload-content")
    return cast("Content", given)


def _seconds(channel: Mapping[str, Any], name: str, least: int) -> int:
    found = _number(channel, name)
    if found and not least <= found <= _LONGEST:
        text = f"{name} is {least} to {_LONGEST} seconds."
        raise Unprocessable(text, expression=_CHANNEL, detail=name)
    return found


def _number(channel: Mapping[str, Any], name: str) -> int:
    for each in _extensions(channel, name):
        value = next((value for key, value in each.items() if key.startswith("value")), None)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Unprocessable(f"{name} is a whole number.", expression=_CHANNEL, detail=name)
        return value
    return 0


def _extensions(element: Mapping[str, Any] | None, name: str) -> Iterable[Mapping[str, Any]]:
    return [each for each in (element or {}).get("extension", ()) if each.get("url") == BACKPORT + name]


_FILTER: Final = "Subscription.criteria.extension"
