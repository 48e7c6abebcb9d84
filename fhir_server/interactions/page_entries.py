"""The entries of a page: what was found, and what comes along with it, each as much of it as was asked for."""

from collections.abc import Iterable, Sequence

from fhir_server.interactions.call import Call
from fhir_server.interactions.include import CAPPED, included
from fhir_server.model.bundle import Mode, found, outcome
from fhir_server.model.json import write
from fhir_server.model.outcome import operation_outcome
from fhir_server.search.search import Search
from fhir_server.search.subset import Subset
from fhir_server.storage.repository import Stored


def entries_of(call: Call, resources: Iterable[Stored], subset: Subset, mode: Mode = "match") -> list[bytes]:
    """Return an entry for each of ``resources``, with the part of it that ``subset`` shows."""
    if subset.whole:
        return found(call.services.base, ((each.type, each.id, each.body) for each in resources), mode)
    shown = ((each.type, each.id, subset.of(each.body, each.type, match=mode == "match")) for each in resources)
    return found(call.services.base, shown, mode)


async def beside(call: Call, wanted: Search, resources: Sequence[Stored], subset: Subset) -> list[bytes]:
    """Return the entries of what ``wanted`` includes with ``resources``, and one that says so when there was too much of it."""
    if not (wanted.includes or wanted.reverse):
        return []
    along = await included(call, wanted, resources)
    call.touched.find(along.resources)
    made = entries_of(call, along.resources, subset, "include")
    return [*made, outcome(write(operation_outcome([CAPPED])))] if along.capped else made
