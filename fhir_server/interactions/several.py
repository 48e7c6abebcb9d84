"""What is asked of several types at once: which of them are open to the caller, and one page out of a page of each."""

from collections.abc import Callable, Sequence

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call
from fhir_server.storage.repository import Grant, Page, Stored


def open_types(call: Call, interaction: str) -> tuple[Grant, ...]:
    """Return a grant for ``interaction`` on each stored type for which the caller has one; raises Forbidden without any."""
    types = [entry.name for entry in call.services.catalog.types.values() if entry.home != "federated"]
    grants = call.services.gate.permitted(call.actor, interaction, types)
    if not grants:
        raise Forbidden(f"No resource type is open to you for {interaction}: the token's scopes and the role leave none.")
    return grants


def merged(pages: Sequence[Page], count: int, place: Callable[[Stored], tuple[int, ...]], *, descending: bool = True) -> Page:
    """Return the first ``count`` of what ``pages`` hold, of which each is in the order of ``place`` and as long as that."""
    if len(pages) == 1:
        return pages[0]
    found = sorted((each for page in pages for each in page.resources), key=place, reverse=descending)
    return Page(found[:count], more=len(found) > count or any(page.more for page in pages))
