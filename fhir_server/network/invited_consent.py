"""The choice that an invitation with data categories is: these data, to the one who was invited, for as long as they take part.

The client made it by inviting, and so it is the client's Consent; it is stored when the invitation is accepted.
https://hl7.org/fhir/R4/consent.html
"""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.network.consent_names import CANONICAL, CATEGORY, MANDATE, PARTICIPATION, PROFILE, RECIPIENT, names
from fhir_server.network.invitation import Invitation
from fhir_server.network.json_parts import listed, text
from fhir_server.network.network_roles import network_roles
from fhir_server.network.participation import reference

_CHOICE: Final = f"{CANONICAL}/NamingSystem/invitation"
_SCOPE: Final = "http://terminology.hl7.org/CodeSystem/consentscope"
_ACTION: Final = "http://terminology.hl7.org/CodeSystem/consentaction"
_LEGAL: Final = "legal-representative"


def choice(invitation: Invitation, made: str, recipient: str, period: Mapping[str, Any], by: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Consent (NetworkConsent) that permits ``recipient`` ("Type/id") the categories of ``invitation``.

    ``made`` is the instant at which somebody invited, ``period`` that of the participant, and ``by`` the client, or the
    RelatedPerson who represented the client at that moment.
    """
    return {
        "resourceType": "Consent",
        "id": f"invitation-{invitation.id}"[:64],
        "meta": {"profile": [PROFILE]},
        "identifier": [{"system": _CHOICE, "value": invitation.id}],
        "status": "active",
        "scope": {"coding": [{"system": _SCOPE, "code": "patient-privacy"}]},
        "category": [
            {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]},
            {"coding": [{"system": CATEGORY[0], "code": CATEGORY[1]}]},
        ],
        "patient": reference(invitation.client),
        "dateTime": made,
        "performer": [reference(f"{by['resourceType']}/{by['id']}")],
        "organization": [{"identifier": {"system": names().own_holders, "value": "any"}}],
        "policy": [{"uri": network_roles().policy}],
        **({"verification": [_verification(by, made)]} if by["resourceType"] == "RelatedPerson" else {}),
        "provision": {
            "type": "permit",
            "period": dict(period),
            "actor": [{"role": {"coding": [{"system": PARTICIPATION, "code": RECIPIENT}]}, "reference": reference(recipient)}],
            "action": [{"coding": [{"system": _ACTION, "code": "access"}]}],
            "purpose": _purposes(recipient),
            "class": [dict(each) for each in invitation.categories],
        },
    }


def _purposes(recipient: str) -> list[dict[str, str]]:
    found = (each.partition("|") for each in network_roles().purposes.get(recipient.partition("/")[0], ()))
    return [{"system": system, "code": code} for system, _, code in found]


def _verification(by: Mapping[str, Any], made: str) -> dict[str, Any]:
    """Return that the hub knew ``by`` to represent the client: by a mandate, or by the relationship."""
    known = [each for each in listed(by, "extension") if text(each, "url") == MANDATE]
    mandates = known or [{"url": MANDATE, "extension": [{"url": "kind", "valueCode": _LEGAL}]}]
    verified = {"verified": True, "verifiedWith": reference(f"RelatedPerson/{by['id']}"), "verificationDate": made}
    return {"extension": [dict(each) for each in mandates], **verified}
