"""How many Subscriptions one person may have at a time (``profiles/subscriptions.toml``)."""

from collections.abc import Sequence

from fhir_server.access.private import private
from fhir_server.catalog.announced import announced
from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Call
from fhir_server.search.tree import And, Dossier, Id, Not, Query, Token
from fhir_server.storage.repository import Change

_TYPE = "Subscription"


async def require_room(call: Call, changes: Sequence[Change]) -> None:
    """Refuse Subscriptions of ``changes`` that would be too many with those that the caller has and that are not off.

    What is written at the same moment is not counted; `system` has no limit. Raises Unprocessable.
    """
    new = tuple(each.id for each in changes if each.subscription is not None and each.subscription.status not in {"", "off"})
    if not new or call.actor.role == "system":
        return
    most = announced().per_person
    own = And((Dossier(tuple(map(private, call.actor.people))), Not(Token("status", "off")), Not(Id(new))))
    grant = call.services.gate.locating(_TYPE)
    others = await call.services.repository.count(grant, Query(_TYPE, own))
    if others + len(new) > most:
        text = f"Nobody can have more than {most} Subscriptions at a time: end others first, with status off or by deleting them."
        raise Unprocessable(text, expression=_TYPE, detail="subscription-limit")
