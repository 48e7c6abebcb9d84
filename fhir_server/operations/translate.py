"""``ConceptMap/$translate``: what a code becomes in another code system (https://hl7.org/fhir/R4/conceptmap-operation-translate.html)."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.operations.asked_parameters import Asked
from fhir_server.operations.coded import admitted, answered, codes_of, text, told, url_of
from fhir_server.validation.terminology.translation import Translated, translations

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles


async def translate(call: Call) -> Answer:
    """Answer Parameters: whether there is a match, and all there are. Raises NotFound, BadRequest."""
    given, known = admitted(call)
    return await asyncio.to_thread(_translate, call, given, known)


def _translate(call: Call, given: Asked, known: "Profiles") -> Answer:
    codes, target = codes_of(given), text(given, "targetsystem")
    if not all(each.system for each in codes):
        raise BadRequest("Give the 'system' of the code.", detail="parameter-missing")
    maps = list(_maps(url_of(call, given), known))
    found = [each for code in codes for one in maps for each in translations(one, code.system, code.code, target)]
    right = any(each.matches for each in found)
    message = "" if right else "No concept map that is known here says what becomes of this code."
    return answered({"name": "result", "valueBoolean": right}, told("message", message), *map(_match, found))


def _maps(url: str, known: "Profiles") -> Iterator[Mapping[str, Any]]:
    """Yield the map that is named, or all that are known. Raises NotFound."""
    if not url:
        yield from known.canonicals.concept_maps()
        return
    found = known.canonicals.concept_map(url)
    if found is None:
        raise NotFound("No such concept map is known here.", detail="terminology-unknown")
    yield found


def _match(found: Translated) -> Mapping[str, Any]:
    coding = {"system": found.system, "code": found.code, "display": found.display}
    parts: list[dict[str, Any]] = [
        {"name": "equivalence", "valueCode": found.equivalence},
        {"name": "concept", "valueCoding": {key: value for key, value in coding.items() if value}},
        {"name": "source", "valueUri": found.source},
    ]
    return {"name": "match", "part": [each for each in parts if each.get("valueCoding") != {}]}
