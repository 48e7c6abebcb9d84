"""Two sources that answer without a network: by type, or one of them with a fault."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.contract import Fault, Resource, Source, Translation
from fhir_server.federation.answer import SourceAnswer, SourceFault
from fhir_server.federation.pace import Pace
from fhir_server.federation.plan import Step
from fhir_server.federation.taken import Use

Json = dict[str, Any]
URA = "http://fhir.nl/fhir/NamingSystem/ura"


@dataclass
class Manifest:
    resource_types: Sequence[str]


class Sources:
    """Two sources: each answers by type, or with a fault."""

    holder = None
    budget = 8.0
    pace = Pace()

    def __init__(self, seal: Any, holds: Mapping[str, Sequence[Resource]], fault: Fault | None = None) -> None:
        self.seal, self.holds, self.fault = seal, holds, fault
        self.asked: list[tuple[str, str]] = []
        self.sources = tuple(Source(name, "any", "https://s.example", ((URA, name),)) for name in ("linde", "nacht"))
        self.capabilities = {"any": Manifest(list(holds))}

    def plan(self, type_: str, _: object) -> tuple[Step, ...]:
        return tuple(Step(each, None, type_) for each in self.sources) if type_ in self.holds else ()  # type: ignore[arg-type] # asks nobody

    async def ask(self, plan: Sequence[Step], query: Any, use: Use, *_: object) -> tuple[SourceAnswer | SourceFault, ...]:
        self.asked += [(each.type, query.request_id) for each in plan]
        answers = tuple(self._answer(each) for each in plan)
        for each in answers:
            if isinstance(each, SourceAnswer):
                await self.pace.through(use.show(each, await self.pace.through(use.make(each))))
        return answers

    def _answer(self, step: Step) -> SourceAnswer | SourceFault:
        if step.source.name == "nacht" and self.fault:
            return SourceFault(step.source, self.fault)
        return SourceAnswer(step.source, "m", Translation([{"resourceType": "Patient", "id": "l"}, *self.holds[step.type]]))


def about(type_: str, id_: str, **more: Any) -> Json:
    return {"resourceType": type_, "id": id_, "subject": {"reference": "Patient/l"}, **more}


def holdings() -> dict[str, list[Resource]]:
    medication: Json = {"resourceType": "Medication", "id": "m", "code": {"text": "tablet"}}
    dispense = about("MedicationDispense", "d", whenHandedOver="2026-02-01", medicationReference={"reference": "Medication/m"})
    return {
        "MedicationDispense": [dispense, medication],
        "Condition": [about("Condition", "c", recordedDate="2020-02-01"), about("Condition", "undated")],
        "Observation": [about("Observation", "o", effectiveDateTime="2026-01-01")],
    }
