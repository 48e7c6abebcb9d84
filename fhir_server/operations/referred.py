"""What the resources of a dossier refer to outside it: the people, teams and organisations that take part."""

from collections.abc import Callable, Sequence

from fhir_server.interactions import messages
from fhir_server.interactions.call import Call
from fhir_server.interactions.include import MOST, Included
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.model.references import targets
from fhir_server.storage.repository import Stored

_CLIENT = "Patient/"


async def referred(call: Call, page: Sequence[Stored], covers: Callable[[str], bool]) -> Included:
    """Return what ``page`` refers to, and what that refers to, of the types that ``covers`` holds for.

    It is what the caller may read, and what lies in no client's dossier: the rest of the own one comes by itself, and what is
    another client's does not belong here. What the caller does not see of a message leads nowhere.
    """
    result = Included({f"{each.type}/{each.id}" for each in page})
    found = list(page)
    while found and not result.capped:
        found = result.add([each for each in await _next(call, found, result, covers) if not await _is_of_a_client(call, each)])
    return result


async def _next(call: Call, found: Sequence[Stored], result: Included, covers: Callable[[str], bool]) -> list[Stored]:
    services = call.services
    known = services.catalog.types
    seen = [read(await messages.shown(call, each.body), OWN).resource for each in found]
    named = dict.fromkeys(one for each in seen for one in targets(each, services.base))
    wanted = [one for one in named if one not in result.shown and (type_ := _type(one)) in known and covers(type_)]
    grants = services.gate.permitted(
        call.actor, "read", dict.fromkeys(_type(each) for each in wanted if known[_type(each)].is_stored)
    )
    open_ = {grant.type for grant in grants}
    asked = [each for each in wanted if _type(each) in open_]
    return [
        one for start in range(0, len(asked), MOST) for one in await services.repository.fetch(grants, asked[start : start + MOST])
    ]


def _type(reference: str) -> str:
    return reference.partition("/")[0]


async def _is_of_a_client(call: Call, stored: Stored) -> bool:
    if stored.type == "Patient":
        return True
    return bool(stored.dossier) and (await call.services.dossier_names.of(stored)).startswith(_CLIENT)
