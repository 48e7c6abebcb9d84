"""``ValueSet/$expand``: the codes of a value set (https://hl7.org/fhir/R4/valueset-operation-expand.html)."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.operations.asked_parameters import Asked
from fhir_server.operations.coded import admitted, number, text, untold, url_of
from fhir_server.validation.terminology.expansion import Coded, NotExpandable, expansion

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles

_MOST: Final = 1_000


async def expand(call: Call) -> Answer:
    """Answer the ValueSet with its expansion. Raises NotFound, BadRequest, and Unprocessable where not all codes are here."""
    given, known = admitted(call)
    return await asyncio.to_thread(_expand, call, given, known)


def _expand(call: Call, given: Asked, known: "Profiles") -> Answer:
    url = url_of(call, given)
    if not url:
        raise BadRequest("Give the 'url' of the value set.", detail="parameter-missing")
    try:
        found = expansion(known.canonicals, url)
    except KeyError as error:
        raise NotFound("No such value set is known here.", detail="terminology-unknown") from error
    except NotExpandable as error:
        raise untold(str(error)) from error
    wanted = text(given, "filter").casefold()
    matching = [each for each in found if wanted in each.display.casefold() or wanted in each.code.casefold()]
    offset, count = number(given, "offset", 0), min(number(given, "count", _MOST), _MOST)
    page = [_contained(each) for each in matching[offset : offset + count]]
    definition = known.canonicals.value_set(url) or {"url": url.partition("|")[0], "status": "active"}
    head = {key: definition[key] for key in ("url", "version", "name", "title", "status") if key in definition}
    made = datetime.fromtimestamp(call.now // 1_000_000, UTC).isoformat()
    body = {"timestamp": made, "total": len(matching), "offset": offset, **({"contains": page} if page else {})}
    return Answer(200, write({"resourceType": "ValueSet", **head, "expansion": body}), keep=False)


def _contained(coded: Coded) -> dict[str, Any]:
    return {key: value for key, value in coded._asdict().items() if value}
