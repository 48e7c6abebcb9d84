"""``POST Patient/{id}/$what-if`` with a draft Consent: who would gain or lose sight of what, before it is saved.

The draft is checked as it would be when it is stored, and nothing of it is kept.
"""

from dataclasses import replace
from typing import Any

from fhir_server.access.sight import Sight, differences, with_draft
from fhir_server.errors import Unprocessable
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.write import checked
from fhir_server.model.json import write
from fhir_server.network import consent_check
from fhir_server.network.consent import rules as rules_of
from fhir_server.operations.sighted import Names, looked, reason_parts, required, rule_parts, some_items

_DRAFT = "draft"


async def what_if(call: Call) -> Answer:
    """Answer Parameters: one ``change`` for each person, category, holder and purpose. Raises Forbidden, Unprocessable."""
    patient = await required(call)
    draft = _draft(call)
    before = tuple(await call.services.repository.rules(patient))
    made = rules_of(draft, call.services.base, call.now, 1)
    if not made or any(rule.dossier != patient for rule in made):
        text = "The Consent makes no rule for this client: it must be a NetworkConsent whose patient this is."
        raise Unprocessable(text, expression="Consent.patient", detail="consent-other-client")
    found = await looked(call, patient)
    after = with_draft(before, made, f"Consent/{draft['id']}", call.now)
    purposes = [each for rule in (*before, *after) for each in rule.purposes]
    changes = list(differences(found.sights(before, purposes), found.sights(after, purposes)))
    names = await Names.of(call, [each.actor for each in found.members])
    parts = [{"name": "change", "part": [*names.parts(now.person), *_parts(call, was, now)]} for was, now in changes]
    body = {"resourceType": "Parameters", **({"parameter": parts} if parts else {})}
    return Answer(200, write(body), dossier=patient, keep=False)


def _draft(call: Call) -> dict[str, Any]:
    """Return the Consent of the body, as if it were stored now: a draft counts as active."""
    sent = checked(replace(call, entry=call.services.catalog.types["Consent"])).resource
    draft = {"id": _DRAFT, **sent, **({"status": "active"} if sent.get("status") in {"draft", "proposed"} else {})}
    consent_check.check(draft, None, call.actor, call.services.base)
    return draft


def _parts(call: Call, was: Sight, now: Sight) -> list[dict[str, Any]]:
    system, _, code = now.category.partition("|")
    return [
        {"name": "category", "valueCoding": {"system": system, "code": code}},
        {"name": "holder", "valueString": now.holder},
        {"name": "purpose", "valueCode": now.purpose},
        {"name": "effect", "valueCode": "some-items" if was.permit and now.permit else "gains" if now.permit else "loses"},
        {"name": "before", "part": _decided(call, was)},
        {"name": "after", "part": _decided(call, now)},
    ]


def _decided(call: Call, sight: Sight) -> list[dict[str, Any]]:
    return [*reason_parts(call, sight.reasons[0]), *some_items(sight.limits), *rule_parts(sight.rules)]
