"""Whether somebody may still hear of what is deleted: by its last version, since the index has no labels or authors of it."""

from dataclasses import replace

from fhir_server.access.actor import Actor
from fhir_server.access.consent import decide
from fhir_server.interactions.basis import known_item
from fhir_server.interactions.call import Call
from fhir_server.interactions.services import Services
from fhir_server.interactions.source_consent import part_of, request_of
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.repository import Stored


async def permits(services: Services, actor: Actor, gone: Stored, last: Stored | None) -> bool:
    """Tell whether the client's choices of this moment permit ``actor`` to know of what is ``gone``: ``last`` was its last version.

    Whether the actor is in the network and the circle is not asked here. None: it is not known any more what it was, so that nobody
    but the system may know of what has a data category.
    """
    entry = services.catalog.types[gone.type]
    if actor.role == "system" or not entry.category:
        return True
    if last is None or last.deleted:
        return False
    resource = read(last.body, OWN).resource
    patient = await services.dossier_names.of(gone)
    rules = tuple(await services.repository.rules(patient)) if patient else ()
    call = Call(services, actor, "read", entry, id=last.id, now=services.clock())
    request = await request_of(call, patient, rules)
    if not rules and not request.is_self:
        return True  # messages, that is: who is in the circle sees them as long as the client has chosen nothing
    category = part_of(resource, entry, services.base) or entry.category_coding
    return decide(replace(request, category=category, item=await known_item(call, last)), rules).permit
