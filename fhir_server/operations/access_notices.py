"""``Patient/{id}/$access-notices``: whether the client is told who saw their data; POST with ``on`` (boolean) switches it.

Nobody is told before they chose so. https://eur-lex.europa.eu/eli/reg/2025/327/oj (EHDS, article 9)
"""

from typing import Any, Final

from fhir_server.errors import BadRequest, Forbidden, NotFound
from fhir_server.interactions.anew import anew
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import Handler
from fhir_server.interactions.hub_change import hub_change
from fhir_server.model.json import own, write
from fhir_server.model.meta import instant
from fhir_server.network.access_notices import chosen, id_of, is_on, told_until
from fhir_server.operations.asked_parameters import asked
from fhir_server.operations.committed import commit
from fhir_server.operations.sighted import required
from fhir_server.storage.repository import Stored

_OPERATION: Final = "Patient/$access-notices"


async def status(call: Call) -> Answer:
    """Answer whether the client is told, and from when on there is still to be told. Raises Forbidden, NotFound, BadRequest."""
    client = await _client(call)
    if any(not name.startswith("_") for name, _ in call.parameters):
        raise BadRequest("There are no parameters here: send 'on' in a body, with POST.", detail="search-parameter-unknown")
    return _answer(client, _content(await _choice(call, client)))


async def switch(call: Call) -> Answer:
    """Switch it on or off, and answer as ``status`` does; what is so already stays.

    Raises Forbidden, NotFound, BadRequest, Conflict.
    """
    call.services.gate.operating(call.actor, _OPERATION)
    client = await _client(call)
    given = asked(call)
    on = given.one("on", "Boolean")
    if on is None:
        text = "The parameter 'on' is missing: true to be told who looked, false not to be."
        raise BadRequest(text, expression="Parameters.parameter.where(name='on')", detail="parameter-missing")

    async def switched() -> Answer:
        stored = await _choice(call, client)
        known = _content(stored)
        if is_on(known) == on:
            return _answer(client, known)
        choice = chosen(client, known, call.now, on=on)
        answer = _answer(client, choice)
        await commit(call, [], [hub_change(call.services, choice, stored, call.now)], answer)
        return answer

    return await anew(switched, "Others are switching this at the same moment. Try again.")


METHODS: Final[dict[str, tuple[str, Handler]]] = {
    "GET": ("$access-notices-status", status),
    "HEAD": ("$access-notices-status", status),
    "POST": ("$access-notices", switch),
}


async def _client(call: Call) -> str:
    """Return the client; raises NotFound, and Forbidden for all but the client, who represents the client, and ``system``."""
    client = await required(call)
    if call.actor.role == "operator":
        raise Forbidden("What a client chose is told to the client, and to who represents the client.")
    grant = call.services.gate.locating("Patient")
    stored = await call.services.repository.read(grant, "Patient", call.id)
    if stored is None or stored.deleted:
        raise NotFound("There is no such client.")
    return client


async def _choice(call: Call, client: str) -> Stored | None:
    grant = call.services.gate.locating("Task")
    return await call.services.repository.read(grant, "Task", id_of(client))


def _content(stored: Stored | None) -> dict[str, Any] | None:
    return None if stored is None or stored.deleted else own(stored.body)


def _answer(client: str, choice: dict[str, Any] | None) -> Answer:
    on = is_on(choice)
    parts: list[dict[str, Any]] = [{"name": "on", "valueBoolean": on}]
    if choice and on:
        parts.append({"name": "since", "valueInstant": instant(told_until(choice))})
    return Answer(200, write({"resourceType": "Parameters", "parameter": parts}), dossier=client, keep=False)
