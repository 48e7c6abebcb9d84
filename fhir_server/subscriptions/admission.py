"""Which Subscriptions are taken, and what of them is kept beside the resource (https://hl7.org/fhir/R4/subscription.html)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.access.actor import Actor
from fhir_server.catalog.catalog import Catalog
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.search.values import span
from fhir_server.storage.subscriptions.store import NEVER, Status, Subscribing
from fhir_server.subscriptions import criteria, endpoint, headers, mail, manner, subscriber
from fhir_server.subscriptions.bell import Bell
from fhir_server.subscriptions.headers import HIDDEN, HeaderSeal
from fhir_server.subscriptions.manner import Manner

CHANNELS: Final = ("rest-hook",)
_OF_TOPICS: Final = ("rest-hook", "websocket", "email")
_SECOND: Final = 1_000_000
_STATUS: Final[Mapping[str, Status]] = {"requested": "active", "active": "active", "off": "off"}


@dataclass(frozen=True, slots=True)
class Admission:
    """``resolve`` gives the addresses of a name; ``bell`` wakes whoever works for the subscriptions of this process.

    ``topics`` tells whether Subscriptions may be based on topics, ``mail`` whether there is a server for e-mail.
    """

    seal: HeaderSeal
    resolve: endpoint.Resolve
    bell: Bell
    allow_loopback: bool = False
    topics: bool = True
    mail: bool = False

    def read(self, resource: Mapping[str, Any], id_: str, actor: Actor, catalog: Catalog, base: str) -> Subscribing:
        """Return what is kept of a Subscription that ``actor`` writes under the id ``id_``.

        Raises Forbidden for an endpoint, a payload or a type that is not permitted, BadRequest for criteria that are no search,
        Unprocessable for what this server does not do.
        """
        channel, topical = resource["channel"], manner.is_topical(resource)
        _require_channel(channel, _OF_TOPICS if topical else CHANNELS)
        told, query = self._topical(resource) if topical else (None, resource["criteria"])
        url = self._endpoint(channel, told)
        hook = channel["type"] == "rest-hook"
        if told is None:
            _require_no_payload(channel, actor)
        wanted = criteria.read(query, catalog, base)
        given = headers.read(channel.get("header", ()), dict.fromkeys(_names(channel), HIDDEN))
        return Subscribing(
            id=id_,
            status=_status(resource, answers=topical and hook),
            subscriber=subscriber.written(actor),
            audience=subscriber.audience(actor),
            type=wanted.type,
            criteria=query,
            channel=channel["type"],
            endpoint=url,
            host=endpoint.host_of(url) if hook else channel["type"],
            secret=self.seal.seal(id_, given),
            ends=span(resource["end"]).low if "end" in resource else NEVER,
            keeps=topical,
            manner=manner.written(told) if told else "",
            heartbeat=told.heartbeat * _SECOND if told else 0,
        )

    async def completed(self, made: Subscribing, stored: str) -> Subscribing:
        """Return ``made`` with the headers that it hides, from those ``stored`` before.

        Raises Unprocessable for one that is not known, Forbidden when the endpoint leads inside now.
        """
        hook = made.channel == "rest-hook"
        wrong = await endpoint.inside(made.endpoint, self.resolve, allow_loopback=self.allow_loopback) if hook else ""
        if wrong:
            raise Forbidden(wrong, expression=_ENDPOINT, detail="channel-endpoint")
        given = self.seal.open_(made.id, made.secret)
        if HIDDEN not in given.values():
            return made
        lines = [f"{name}: {value}" for name, value in given.items()]
        return replace(made, secret=self.seal.seal(made.id, headers.read(lines, self.seal.open_(made.id, stored))))

    def _topical(self, resource: Mapping[str, Any]) -> tuple[Manner, str]:
        if not self.topics:
            text = "Subscriptions have criteria here, and no topic."
            raise Unprocessable(text, expression="Subscription.meta.profile", detail="subscription-topic")
        return manner.manner_of(resource), manner.query_of(resource)

    def _endpoint(self, channel: Mapping[str, Any], told: Manner | None) -> str:
        if channel["type"] == "websocket":
            return ""
        if told is not None and channel["type"] == "email":
            return mail.require(channel, told, configured=self.mail)
        url = channel.get("endpoint")
        if not isinstance(url, str):
            raise Unprocessable("A rest-hook needs an endpoint.", expression=_ENDPOINT, detail="channel-endpoint")
        wrong = endpoint.fault(url, allow_loopback=self.allow_loopback)
        if wrong:
            raise Forbidden(wrong, expression=_ENDPOINT, detail="channel-endpoint")
        return url


def hidden(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Subscription without the values of its headers; they must be lines of the right form."""
    channel = resource["channel"]
    lines = channel.get("header", ())
    if not lines:
        return dict(resource)
    return {
        **resource,
        "channel": {**channel, "header": headers.shown(headers.read(lines, dict.fromkeys(_names(channel), "")))},
    }


def _names(channel: Mapping[str, Any]) -> list[str]:
    return [line.partition(":")[0].strip() for line in channel.get("header", ())]


def _require_channel(channel: Mapping[str, Any], known: Sequence[str]) -> None:
    if channel["type"] not in known:
        text = f"The channel {channel['type']} is not supported: use {' or '.join(known)}."
        raise Unprocessable(text, expression="Subscription.channel.type", detail="channel-type")


def _require_no_payload(channel: Mapping[str, Any], actor: Actor) -> None:
    if not channel.get("payload"):
        return
    text = "Notifications are empty here: leave out channel.payload, and read what changed with your own token."
    place = "Subscription.channel.payload"
    if actor.role != "system":
        raise Forbidden(text, expression=place, detail="channel-payload")
    raise Unprocessable(text, expression=place, detail="channel-payload")


def _status(resource: Mapping[str, Any], *, answers: bool) -> Status:
    """Return the status to keep; where its endpoint ``answers`` first, a Subscription is not active before."""
    found = _STATUS.get(resource["status"])
    if found == "active" and answers:
        return "requested"
    if found is None:
        text = "Only the server says that a Subscription is in error: send requested to have it tried again, or off to end it."
        raise Unprocessable(text, expression="Subscription.status", detail="subscription-status")
    return found


_ENDPOINT: Final = "Subscription.channel.endpoint"
