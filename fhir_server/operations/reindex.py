"""``$reindex``: POST starts the reindex in the running server, GET tells how far it is. For whoever may change SearchParameters."""

from typing import Any

from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.model.meta import instant


async def start(call: Call) -> Answer:
    """Start the reindex, unless it is under way; 202 at once, it takes its time. Raises Forbidden."""
    call.services.gate.grant(call.actor, "update", "SearchParameter")
    text = "The reindex is under way already." if call.services.reindexing.running else "The reindex has begun."
    call.services.reindexing.start()
    url = f"{call.services.base}/$reindex"
    issue = {
        "severity": "information",
        "code": "informational",
        "details": {"text": f"{text} GET {url} tells how far it is."},
    }
    return Answer(202, write({"resourceType": "OperationOutcome", "issue": [issue]}), [("content-location", url)])


async def status(call: Call) -> Answer:
    """Tell how far the reindex is, as Parameters. Raises Forbidden.

    ``phase`` is none, fill or clear; ``done`` and ``total`` count resources, ``moved`` is when it last got on; ``waiting`` are the
    parameters that cannot be searched by before it is done.
    """
    call.services.gate.grant(call.actor, "update", "SearchParameter")
    state, registered = await call.services.reindexing.state()
    parameters: list[dict[str, Any]] = [
        {"name": "phase", "valueCode": state.phase},
        {"name": "done", "valueDecimal": state.done},
        {"name": "total", "valueDecimal": state.total},
    ]
    if state.moved:
        parameters.append({"name": "moved", "valueInstant": instant(state.moved)})
    waiting = [f"{one.type}.{one.code}" for one in registered if one.state == "building"]
    parameters += [{"name": "waiting", "valueString": name} for name in waiting]
    return Answer(200, write({"resourceType": "Parameters", "parameter": parameters}))
