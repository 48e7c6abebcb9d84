"""What the operations about who may see what share: who may ask, what people are called, how a decision is told."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.access.actor import Actor
from fhir_server.audit.texts import texts
from fhir_server.errors import NotFound
from fhir_server.interactions.call import Call
from fhir_server.interactions.represented import represented
from fhir_server.interactions.sights import Outlook, outlook
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network.display_name import name_of
from fhir_server.operations.paper import language_of
from fhir_server.storage.consent_rule import Rule

_UNKNOWN = "There is no such client."


async def required(call: Call) -> str:
    """Return the client ("Patient/id") that the call is about; raises Forbidden for whom it is no business of."""
    patient = f"Patient/{call.id}"
    call.touched.ask(patient)
    call.services.gate.require_overseer(call.actor, patient, await represented(call))
    return patient


async def looked(call: Call, patient: str) -> Outlook:
    """Return the outlook on the dossier of ``patient``; raises NotFound."""
    found = await outlook(call, patient)
    if found is None:
        raise NotFound(_UNKNOWN)
    return found


@dataclass(frozen=True, slots=True)
class Names:
    """What people are called, by reference; nothing for a caller who is to learn no names."""

    people: Mapping[str, str]
    actors: Mapping[str, Actor]

    @classmethod
    async def of(cls, call: Call, actors: Sequence[Actor]) -> "Names":
        """Look up the names of ``actors`` and of their organisations, unless the caller is an operator."""
        known = {each.reference: each for each in actors}
        if call.actor.role == "operator":
            return cls({}, known)
        wanted = [*known, *(each for actor in actors for each in actor.organisations)]
        grants = [call.services.gate.naming(type_) for type_ in sorted({each.partition("/")[0] for each in wanted})]
        found = await call.services.repository.fetch(grants, wanted)
        return cls({f"{each.type}/{each.id}": name_of(read(each.body, OWN).resource) for each in found}, known)

    def parts(self, person: str) -> list[dict[str, Any]]:
        """Return the parts that tell who ``person`` is."""
        actor = self.actors[person]
        return [
            {"name": "who", "valueReference": self._reference(person)},
            {"name": "role", "valueCode": actor.role},
            *({"name": "organization", "valueReference": self._reference(each)} for each in actor.organisations),
        ]

    def _reference(self, reference: str) -> dict[str, str]:
        name = self.people.get(reference)
        return {"reference": reference, "display": name} if name else {"reference": reference}


def reason_parts(call: Call, reason: str) -> list[dict[str, Any]]:
    """Return a reason as its code and in the words of the caller's language."""
    words = texts(language_of(call)).of("bases", reason)
    return [{"name": "reason", "valueCode": reason}, {"name": "text", "valueString": words}]


def some_items(limits: Iterable[object]) -> list[dict[str, Any]]:
    """Return the part that tells that some resources are decided otherwise, where there are ``limits``."""
    return [{"name": "some-items-differ", "valueBoolean": True}] if any(True for _ in limits) else []


def rule_parts(rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return the versions of the Consents that ``rules`` come from, each once."""
    references = dict.fromkeys(f"{rule.consent}/_history/{rule.version}" for rule in rules)
    return [{"name": "rule", "valueReference": {"reference": each}} for each in references]
