"""``Subscription/{id}/$events``: what the subscriber to a topic may have missed.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/operations.html
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.read import existing
from fhir_server.interactions.subscription import access_of
from fhir_server.model.json import write
from fhir_server.operations.asked_parameters import asked
from fhir_server.storage.subscriptions.store import Notice, Subscribed
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.manner import Manner, kept
from fhir_server.subscriptions.notification import About, Happened
from fhir_server.subscriptions.subscriber import written
from profiles.operations import takes

MOST: Final = 200
"""Events of one answer; who wants more asks again, from the last number on."""
_NAMES: Final = takes("events")
_DIGITS: Final = 18
_What = tuple[str, str, int]


async def events(call: Call) -> Answer:
    """Answer the events from ``eventsSinceNumber`` to ``eventsUntilNumber`` that are kept still, ``MOST`` of them at most.

    What each is about is told where the subscriber and the caller may read that now. Raises as ``topical`` does, and BadRequest.
    """
    known, manner = await topical(call)
    given = _given(call)
    since, until = _number(given, "eventsSinceNumber", 1), _number(given, "eventsUntilNumber", known.last)
    notices = await call.services.repository.subscriptions().pending(call.id, max(since, 1) - 1, MOST)
    wanted = [each for each in notices if each.number <= until]
    seen = await _seen(call, known, wanted) if _content(given, manner) == "id-only" else frozenset[_What]()
    happened = [_happened(each, seen) for each in wanted]
    services = call.services
    made = notification.bundle(about(known, manner), "query-event", services.base, services.new_id(), call.now, happened)
    return Answer(200, write(made), id=call.id, keep=False)


async def topical(call: Call) -> tuple[Subscribed, Manner]:
    """Return the topic-based subscription that the call is about. Raises NotFound, Forbidden, Gone, Unprocessable."""
    services = call.services
    grant = services.gate.grant(call.actor, "read", "Subscription")
    existing(call, await services.repository.read(grant, "Subscription", call.id))
    known = await services.repository.subscriptions().find(call.id)
    manner = kept(known.manner) if known else None
    if known is None or manner is None:
        text = "This Subscription is not based on a topic: its notifications have no numbers."
        raise Unprocessable(text, expression="Subscription.criteria", detail="subscription-topic")
    return known, manner


def about(known: Subscribed, manner: Manner) -> About:
    """Return the subscription as a status tells of it."""
    return About(known.id, manner.topic, known.status, known.last, known.error)


async def _seen(call: Call, known: Subscribed, notices: Sequence[Notice]) -> frozenset[_What]:
    access = access_of(call.services)
    asked = {(each.type, each.id, each.gone): each for each in notices}
    return frozenset([what for what, each in asked.items() if await _sees(call, access, known, each)])


async def _sees(call: Call, access: Access, known: Subscribed, notice: Notice) -> bool:
    if notice.gone:
        texts = (written(call.actor), known.subscriber)
        return all([await access.hears(text, notice) for text in texts])
    seen = await access.sees(call.actor, notice.type, notice.id)
    return seen and await access.knows(known.subscriber, notice.type, notice.id) is not None


def _happened(notice: Notice, seen: frozenset[_What]) -> Happened:
    focus = notice.reference if (notice.type, notice.id, notice.gone) in seen else ""
    return Happened(notice.number, notice.moment, focus, notice.version, bool(notice.gone))


def _given(call: Call) -> Mapping[str, Any]:
    if not call.body.strip():
        return {name: value for name, value in call.parameters if name in _NAMES}
    parts = asked(call)
    found = {name: parts.one(name, "String", "Integer", "UnsignedInt", "PositiveInt", "Code") for name in _NAMES}
    return {name: value for name, value in found.items() if value is not None}


def _number(given: Mapping[str, Any], name: str, otherwise: int) -> int:
    text = str(given.get(name, otherwise))
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise BadRequest(f"'{name}' is the number of an event: a whole number.", detail="parameter-value")
    return int(text)


def _content(given: Mapping[str, Any], manner: Manner) -> str:
    content = str(given.get("content", manner.content))
    if content not in {"empty", "id-only"}:
        text = "The content can be empty or id-only: what changed is read with your own token."
        raise Unprocessable(text, detail="payload-content")
    return content
