"""``Patient/{id}/$completeness``: what each source was asked now, and what came of it, with a signature over it.

A receipt for who has to show later what an answer rested on. Everything that ``$everything`` asks the sources is asked; of what
they hold only the number is told.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from adapters.contract import Source
from fhir_server.catalog.catalog import Entry
from fhir_server.federation.answer import SourceFault
from fhir_server.federation.origin import organisation
from fhir_server.federation.outcome import CODE_SYSTEM, FAULTS, HEADER, completeness
from fhir_server.federation.undisturbed import undisturbed
from fhir_server.interactions.ask_sources import Asked
from fhir_server.interactions.asking_once import asking_once
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.canonical_json import canonical
from fhir_server.model.json import write
from fhir_server.model.meta import instant
from fhir_server.operations.everything import require_open
from fhir_server.operations.everything_asked import Wanted
from fhir_server.operations.everything_sources import ask_all, of_all

Json = dict[str, Any]
_ANSWERED = "answered"


@undisturbed
async def receipt(call: Call) -> Answer:
    """Answer Parameters with a part for each source. Raises what ``$everything`` raises for who may not see the client."""
    await require_open(call)
    patient = f"Patient/{call.id}"
    async with asking_once(call) as one:
        asked = await ask_all(one, patient, Wanted((), 0, ()))
    answers = of_all(asked)
    told = completeness(answers)
    sources = sorted({each.source.name: each.source for each in answers}.values(), key=lambda source: source.name)
    parts: list[Json] = [
        {"name": "patient", "valueReference": {"reference": patient}},
        {"name": "moment", "valueInstant": instant(call.now)},
        {"name": "completeness", "valueCode": told},
        *({"name": "source", "part": [*_source(source, asked)]} for source in sources),
    ]
    made: Json = {"resourceType": "Parameters", "parameter": parts}
    parts.append({"name": "signature", "valueString": call.services.sign(canonical(made))})
    came = " ".join(f"{name}={how}" for name, how in call.touched.sources.items())
    return Answer(200, write(made), ((HEADER, told),), dossier=patient, keep=False, detail=came)


def _source(source: Source, asked: Sequence[tuple[Entry, Asked]]) -> Iterator[Json]:
    yield {"name": "organization", "valueReference": organisation(source)}
    types = [found for entry, each in asked if (found := _type(source, entry, each))]
    missing = [outcome for _, outcome in types if outcome["code"] != _ANSWERED]
    yield {"name": "outcome", "valueCoding": missing[0] if missing else _coding(_ANSWERED)}
    yield from ({"name": "type", "part": parts} for parts, _ in types)


def _type(source: Source, entry: Entry, asked: Asked) -> tuple[list[Json], Json] | None:
    """Return what is told of one type at one source, and its outcome; None when the source was not asked for it."""
    answer = next((each for each in asked.answers if each.source.name == source.name), None)
    if answer is None:
        return None
    outcome = _coding(FAULTS[answer.fault].detail if isinstance(answer, SourceFault) else _ANSWERED)
    parts: list[Json] = [{"name": "code", "valueCode": entry.name}, {"name": "outcome", "valueCoding": outcome}]
    if not isinstance(answer, SourceFault):
        number = sum(each.type == entry.name and each.source.name == source.name for each in asked.merged.values())
        parts.append({"name": "count", "valueUnsignedInt": number})
    return parts, outcome


def _coding(code: str) -> Json:
    return {"system": CODE_SYSTEM, "code": code}
