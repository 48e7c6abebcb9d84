"""``Patient/{id}/$who-can-see``: who may see which data category now, at which holder, and by which rule.

For the client, a representative, ``system``, and ``operator`` (who learns no names).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from fhir_server.access.sight import Sight
from fhir_server.interactions.call import Answer, Call
from fhir_server.model.json import write
from fhir_server.operations.sighted import Names, looked, reason_parts, required, rule_parts, some_items


async def who_can_see(call: Call) -> Answer:
    """Answer Parameters: one ``person`` for each member of the network, with what they may see. Raises Forbidden, NotFound."""
    patient = await required(call)
    outlook = await looked(call, patient)
    names = await Names.of(call, [each.actor for each in outlook.members])
    rules = await call.services.repository.rules(patient)
    seen = outlook.sights(rules)
    people = [
        {"name": "person", "part": [*names.parts(person), *_categories(call, tuple(found))]}
        for person, found in groupby(seen, key=lambda each: each.person)
    ]
    return Answer(200, write({"resourceType": "Parameters", "parameter": people}), dossier=patient, keep=False)


def _categories(call: Call, seen: Sequence[Sight]) -> list[dict[str, Any]]:
    by_place: dict[tuple[str, str], list[Sight]] = {}
    for each in seen:
        by_place.setdefault((each.category, each.holder), []).append(each)
    return [{"name": "category", "part": _category(call, found)} for found in by_place.values()]


def _category(call: Call, found: Sequence[Sight]) -> list[dict[str, Any]]:
    permitted = [each for each in found if each.permit]
    told = permitted or _nearest(found)
    system, _, code = found[0].category.partition("|")
    return [
        {"name": "category", "valueCoding": {"system": system, "code": code}},
        {"name": "holder", "valueString": found[0].holder},
        {"name": "permit", "valueBoolean": bool(permitted)},
        *some_items(limit for each in permitted for limit in each.limits),
        *({"name": "purpose", "valueCode": each.purpose} for each in permitted),
        *reason_parts(call, told[0].reasons[0]),
        *rule_parts(rule for each in told for rule in each.rules),
    ]


def _nearest(found: Iterable[Sight]) -> list[Sight]:
    """Return the refusal that tells most: any other one before that of a purpose that nobody asked for."""
    return sorted(found, key=lambda each: each.reasons[0] in {"purpose-mismatch", "default-closed"})
