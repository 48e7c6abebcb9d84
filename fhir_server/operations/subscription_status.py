"""``Subscription/$status`` and ``Subscription/{id}/$status``: how topic-based subscriptions are doing.

Parameters of the first: ``id`` and ``status``, each as often as one likes (in a GET also separated by commas).
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html
"""

from collections.abc import Sequence
from typing import Final

from fhir_server.errors import BadRequest, Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.model.reference import LOGICAL_ID
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.subscription_events import about, topical
from fhir_server.search.tree import Everything, Id, Query
from fhir_server.storage.subscriptions.store import Subscribed
from fhir_server.subscriptions import notification
from fhir_server.subscriptions.manner import kept

MOST: Final = 1000
"""Subscriptions of one answer."""
_TYPE: Final = "Subscription"
_STATUSES: Final = ("requested", "active", "error", "off")


async def status(call: Call) -> Answer:
    """Answer a Bundle with the status of one; without an id as ``statuses`` does.

    Raises NotFound, Forbidden, Gone, and Unprocessable for one without a topic (subscription-topic).
    """
    if not call.id:
        return await statuses(call)
    known, _ = await topical(call)
    return _answer(call, [known])


async def statuses(call: Call) -> Answer:
    """Answer a Bundle with the statuses of those that the caller may read, of the ids and statuses asked for.

    Raises Forbidden, BadRequest, and Unprocessable for more than ``MOST`` (subscription-limit).
    """
    services = call.services
    ids, wanted = _given(call, "id"), _given(call, "status")
    if wrong := [each for each in ids if not LOGICAL_ID.fullmatch(each)]:
        raise BadRequest(f"{len(wrong)} of the values of 'id' are no logical ids.", detail="parameter-value")
    if not set(wanted) <= set(_STATUSES):
        raise BadRequest(f"'status' is one of {', '.join(_STATUSES)}.", detail="parameter-value")
    grant = services.gate.grant(call.actor, "search", _TYPE)
    where = Id(tuple(ids)) if ids else Everything()
    page = await services.repository.search(grant, Query(_TYPE, where, count=MOST + 1))
    if len(page.resources) > MOST:
        raise Unprocessable(f"These are more than {MOST} Subscriptions: name them by 'id'.", detail="subscription-limit")
    known = await services.repository.subscriptions().several([each.id for each in page.resources])
    return _answer(call, [each for each in known if each.manner and (not wanted or each.status in wanted)])


def _answer(call: Call, known: Sequence[Subscribed]) -> Answer:
    base = call.services.base
    found = {
        each.id: notification.status(about(each, manner), "query-status", base)
        for each in known
        if (manner := kept(each.manner)) is not None
    }
    return Answer(200, write(notification.found(found, base)), id=call.id, keep=False)


def _given(call: Call, name: str) -> list[str]:
    """Return the values of a parameter, from a body where there is one. Raises BadRequest."""
    if not call.body.strip():
        texts = [value for given, value in call.parameters if given == name]
        return [part for text in texts for part in text.split(",") if part]
    found = asked(call).all(name)
    if any(type_ not in {"Id", "Code", "String"} for type_, _ in found):
        raise BadRequest(f"'{name}' is given as valueId, valueCode or valueString.", detail="parameter-value")
    return [str(value) for _, value in found]
