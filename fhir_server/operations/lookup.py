"""``CodeSystem/$lookup``: what a code means (https://hl7.org/fhir/R4/codesystem-operation-lookup.html)."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fhir_server.errors import BadRequest, NotFound
from fhir_server.interactions.call import Answer, Call
from fhir_server.operations.asked_parameters import Asked
from fhir_server.operations.coded import admitted, answered, codes_of, told, untold, url_of
from fhir_server.validation.terminology.concepts import Concept, concept_of, is_complete

if TYPE_CHECKING:
    from fhir_server.validation.packaged.engine import Profiles


async def lookup(call: Call) -> Answer:
    """Answer Parameters. Raises NotFound for an unknown code or system, BadRequest, and Unprocessable where it cannot be told."""
    given, known = admitted(call)
    return await asyncio.to_thread(_lookup, call, given, known)


def _lookup(call: Call, given: Asked, known: "Profiles") -> Answer:
    code, *others = codes_of(given, system=url_of(call, given) if call.id else "")
    if others or not code.system:
        raise BadRequest("Give one code with its system.", detail="parameter-missing")
    definition = known.canonicals.code_system(code.system)
    if definition is None:
        raise NotFound("No such code system is known here.", detail="terminology-unknown")
    concept = concept_of(definition, code.code)
    if concept is None and not is_complete(definition):
        raise untold("not all codes of the code system are here")
    if concept is None:
        raise NotFound("The code system has no such code.", detail="code-unknown")
    name = str(definition.get("name") or definition["url"])
    parts = (
        told("name", name),
        told("version", str(definition.get("version", ""))),
        told("display", str(concept.get("display", ""))),
    )
    return answered(*parts, told("definition", str(concept.get("definition", ""))), *_designations(concept), *_properties(concept))


def _designations(concept: Concept) -> Iterator[Mapping[str, Any]]:
    for each in concept.get("designation", ()):
        parts = [{"name": "value", "valueString": each["value"]}]
        if "language" in each:
            parts.append({"name": "language", "valueCode": each["language"]})
        yield {"name": "designation", "part": parts}


def _properties(concept: Concept) -> Iterator[Mapping[str, Any]]:
    for each in concept.get("property", ()):
        key = next((key for key in each if key.startswith("value")), None)
        if key is not None:
            yield {"name": "property", "part": [{"name": "code", "valueCode": each["code"]}, {"name": "value", key: each[key]}]}
