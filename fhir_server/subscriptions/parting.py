"""Who hears of a deletion: found out before it, for afterwards nothing says any more who could see the resource."""

from collections.abc import Sequence

from fhir_server.catalog.topics import topics
from fhir_server.storage.subscriptions.store import Event, Subscribed, SubscriptionStore
from fhir_server.subscriptions.access import Access
from fhir_server.subscriptions.criteria import Reading
from fhir_server.subscriptions.manner import kept
from fhir_server.subscriptions.matching import Matcher


async def hearing(store: SubscriptionStore, access: Access, reading: Reading, last: Event) -> Sequence[str]:
    """Return the subscriptions, by their ids, that hear when a resource is deleted whose last version is that of ``last``.

    They are based on a topic that fires on deletions, their filters want the last version, and their subscribers may read it.
    """
    found = await Matcher(store, access, reading).subscriptions([last], access.clock())
    wanted = found.get(last.number, ())
    return [each.id for each in await store.several(wanted) if _fires(each)] if wanted else ()


def _fires(known: Subscribed) -> bool:
    manner = kept(known.manner)
    topic = topics().get(manner.topic) if manner else None
    return topic is not None and "delete" in topic.interactions
