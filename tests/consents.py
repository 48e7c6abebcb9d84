"""NetworkConsents for tests, built as the JSON that a client would send."""

from collections.abc import Mapping, Sequence
from typing import Any

Json = dict[str, Any]

OWN = "https://netwerkdossier.example/fhir"
URA = "http://fhir.nl/fhir/NamingSystem/ura"
KVK = "http://fhir.nl/fhir/NamingSystem/kvk"
TYPES = "http://nictiz.nl/fhir/NamingSystem/organization-type"
NETWORK_ROLE = f"{OWN}/CodeSystem/network-role"
UZI = "http://fhir.nl/fhir/NamingSystem/uzi-rolcode"
NATIONAL = "http://minvws.github.io/generiekefuncties-docs/CodeSystem/nl-gf-data-categories-cs"
SOCIAL = f"{OWN}/CodeSystem/data-category"
PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
HUB = {"identifier": {"system": f"{OWN}/NamingSystem/holder", "value": "hub"}}
ANY = {"identifier": {"system": f"{OWN}/NamingSystem/holder", "value": "any"}}


def concept(system: str, code: str) -> Json:
    return {"coding": [{"system": system, "code": code}]}


def to(recipient: str | Mapping[str, Any], role: str = "IRCP") -> Json:
    """Return a provision.actor: "Type/id", "system|code", or a Reference as it is."""
    if isinstance(recipient, str) and "|" in recipient:
        system, _, value = recipient.rpartition("|")
        recipient = {"identifier": {"system": system, "value": value}}
    reference = {"reference": recipient} if isinstance(recipient, str) else dict(recipient)
    return {"role": concept("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", role), "reference": reference}


def held_by(holder: str) -> Json:
    """Return the Reference to a holder, from "system|value"."""
    system, _, value = holder.rpartition("|")
    return {"identifier": {"system": system, "value": value}}


def provision(  # noqa: PLR0913 - the elements of a provision
    type_: str,
    *recipients: str,
    purposes: Sequence[str] = (),
    categories: Sequence[str] = (),
    custodians: Sequence[str] = (),
    actions: Sequence[str] = (),
    label: str = "",
    period: tuple[str, str] | None = None,
    about: tuple[str, str] | None = None,
    data: Sequence[tuple[str, str]] = (),
    exceptions: Sequence[Json] = (),
    **more: Any,
) -> Json:
    """Return a provision; ``categories`` are codes, ``data`` pairs of meaning and reference."""
    actors = [*map(to, recipients), *(to(each, "CST") for each in custodians)]
    stated: Json = {
        "type": type_,
        "period": _period(period),
        "actor": actors,
        "action": [concept("http://terminology.hl7.org/CodeSystem/consentaction", each) for each in actions],
        "securityLabel": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": label}] if label else [],
        "purpose": [{"system": PURPOSES, "code": each} for each in purposes],
        "class": [{"system": SOCIAL if each.islower() else NATIONAL, "code": each} for each in categories],
        "dataPeriod": _period(about),
        "data": [{"meaning": meaning, "reference": {"reference": each}} for meaning, each in data],
        "provision": list(exceptions),
        **more,
    }
    return {name: value for name, value in stated.items() if value}


def _period(period: tuple[str, str] | None) -> Json:
    return {name: value for name, value in zip(("start", "end"), period or (), strict=False) if value}


def consent(root: Json, id_: str = "c0", holders: Sequence[str | Json] = (), **more: Any) -> Json:
    """Return a NetworkConsent of the client p; its identifier is its id unless ``identifier`` says otherwise."""
    stated: Json = {
        "resourceType": "Consent",
        "id": id_,
        "identifier": [{"system": f"{OWN}/NamingSystem/consent", "value": id_}],
        "status": "active",
        "scope": concept("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy"),
        "category": [concept("http://loinc.org", "59284-0"), concept(f"{OWN}/CodeSystem/consent-category", "network-dossier")],
        "patient": {"reference": "Patient/p"},
        "dateTime": "2026-01-01T09:00:00+01:00",
        "performer": [{"reference": "Patient/p"}],
        "organization": [held_by(each) if isinstance(each, str) else each for each in holders],
        "policy": [{"uri": f"{OWN}/policy/network-dossier/1"}],
        "provision": root,
        **more,
    }
    return {name: value for name, value in stated.items() if value}


def verification(kind: str = "legal-representative", period: Json | None = None, **more: Any) -> Json:
    """Return the verification of a mandate."""
    parts = [{"url": "kind", "valueCode": kind}, *([{"url": "period", "valuePeriod": period}] if period else [])]
    return {
        "extension": [{"url": f"{OWN}/StructureDefinition/mandate", "extension": parts}],
        "verified": True,
        "verifiedWith": {"reference": "Patient/p"},
        "verificationDate": "2025-12-01",
        **more,
    }
