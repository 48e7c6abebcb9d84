"""``Patient/{id}/$explain-access``: why one person may see something of a client, or may not.

Parameters: ``who`` ("Type/id"), ``category`` (code of a data category) or ``type`` (resource type), ``purpose`` (default: the usual
one of the role), ``action`` (access, correct or disclose; default: access).
"""

from typing import Any, Final

from fhir_server.access.actor import PURPOSES
from fhir_server.access.consent_match import ACCESS
from fhir_server.access.sight import Member, Sight, one
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.network_of import somebody
from fhir_server.model.json import write
from fhir_server.network.consent_names import names
from fhir_server.operations.sighted import Names, looked, reason_parts, required, rule_parts, some_items
from profiles.operations import takes

_KNOWN: Final = frozenset({*takes("explain-access"), "_format", "_pretty"})


async def explain_access(call: Call) -> Answer:
    """Answer Parameters: one ``decision`` for each holder. Raises Forbidden, NotFound, BadRequest."""
    patient = await required(call)
    given = dict(call.parameters)
    if unknown := sorted(given.keys() - _KNOWN):
        text = f"'{unknown[0]}' is no parameter of $explain-access: there are who, category, type, purpose, action."
        raise BadRequest(text, detail="search-parameter-unknown")
    code, action = _category(call, given), given.get("action") or ACCESS
    if action not in frozenset().union(*names().actions.values()):
        raise BadRequest("'action' is access, correct or disclose.", detail="search-value")
    found = await looked(call, patient)
    member = _known(found.members, given.get("who", "")) or await somebody(call, given.get("who", ""))
    called = await Names.of(call, [member.actor])
    purpose = given.get("purpose") or PURPOSES.get(member.actor.role, "")
    rules = tuple(await call.services.repository.rules(patient))
    about = [held for held in found.held if held.category.endswith(f"|{code}")]
    decisions = [one(patient, member, held, purpose, rules, call.now, action) for held in about]
    parts = [*called.parts(member.actor.reference), *({"name": "decision", "part": _parts(call, each)} for each in decisions)]
    return Answer(200, write({"resourceType": "Parameters", "parameter": parts}), dossier=patient, keep=False)


def _category(call: Call, given: dict[str, str]) -> str:
    types = call.services.catalog.types
    code = types[given["type"]].category if given.get("type") in types else given.get("category", "")
    if code not in {entry.category for entry in types.values() if entry.category}:
        text = "Say what it is about: 'type' is a resource type with a data category, or 'category' the code of one."
        raise BadRequest(text, detail="search-value")
    return code


def _known(members: tuple[Member, ...], who: str) -> Member | None:
    return next((each for each in members if who in {*each.actor.people, each.actor.reference}), None)


def _parts(call: Call, sight: Sight) -> list[dict[str, Any]]:
    system, _, code = sight.category.partition("|")
    return [
        {"name": "category", "valueCoding": {"system": system, "code": code}},
        {"name": "holder", "valueString": sight.holder},
        {"name": "purpose", "valueCode": sight.purpose},
        {"name": "permit", "valueBoolean": sight.permit},
        *(part for reason in sight.reasons for part in reason_parts(call, reason)),
        *some_items(sight.limits),
        *rule_parts(sight.rules),
    ]
