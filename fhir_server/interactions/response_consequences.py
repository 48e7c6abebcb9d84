"""What follows from a completed questionnaire: the Observations that its answers come to (``network/response_scores``)."""

from collections.abc import Sequence
from typing import Any, Final

from fhir_server.interactions.call import Call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.questionnaires import answered_by, responses
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.meta import instant
from fhir_server.network.response_scores import WRONG, found, id_of, is_of, observation, says_the_same
from fhir_server.search.tree import And, Dossier, Query, ReferenceTo
from fhir_server.storage.repository import Change, Stored

_TYPE: Final = "Observation"
_MOST: Final = 1_000  # Observations of one response


async def of_changes(call: Call, changes: Sequence[Change]) -> list[Change]:
    """Return the changes of Observations that follow from those of responses."""
    return [made for each in responses(changes) for made in await _observations(call, each, changes)]


async def _observations(call: Call, change: Change, changes: Sequence[Change]) -> list[Change]:
    indexed = change.indexed or change.previous
    client = indexed.dossier if indexed else ""
    if not client.startswith("Patient/"):
        return []
    response = read(change.body, OWN).resource if change.body else {}
    questionnaire = await answered_by(call, response, changes)
    if questionnaire is None and response:
        return []  # what the platform brings in from elsewhere has its Observations there
    wanted = {id_of(change.reference, key): (key, now) for key, now in found(questionnaire or {}, response).items()}
    known = await _known(call, change.reference, client) if change.expected else {}
    made = [_withdrawn(call, stored, before) for id_, (stored, before) in known.items() if id_ not in wanted]
    for id_, (key, now) in wanted.items():
        stored, before = known.get(id_) or (await _deleted(call, id_), None)
        after = observation(response, key, now, client, call.now, before, call.services.base)
        if before is None or not says_the_same(before, after):
            made.append(hub_change(call.services, after, stored, call.now))
    return [each for each in made if each is not None]


def _withdrawn(call: Call, stored: Stored, before: dict[str, Any]) -> Change | None:
    if before.get("status") == WRONG:
        return None
    after = {**before, "status": WRONG, "issued": instant(call.now)}
    return hub_change(call.services, after, stored, call.now)


async def _deleted(call: Call, id_: str) -> Stored | None:
    """Return what the platform deleted under this id, since its version counts; None when there never was any."""
    grant = call.services.gate.locating(_TYPE)
    return await call.services.repository.read(grant, _TYPE, id_)


async def _known(call: Call, response: str, client: str) -> dict[str, tuple[Stored, dict[str, Any]]]:
    """Return the Observations that the hub made of ``response``, by their ids."""
    grant = call.services.gate.locating(_TYPE)
    query = Query(_TYPE, And((Dossier((client,)), ReferenceTo("derived-from", response))), count=_MOST)
    page = await call.services.repository.search(grant, query)
    all_ = {each.id: (each, read(each.body, OWN).resource) for each in page.resources}
    return {id_: known for id_, known in all_.items() if is_of(known[1], response)}
