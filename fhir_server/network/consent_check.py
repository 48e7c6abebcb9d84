"""What a NetworkConsent must be before it is stored, and who may store it.

A choice that would not do what it says is refused, with the name of the rule in the code of the issue; docs/consent.md lists them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_server.access.actor import Actor
from fhir_server.errors import Forbidden, Issue, Unprocessable
from fhir_server.network import provision
from fhir_server.network.consent import is_network_consent, mandated
from fhir_server.network.consent_names import CATEGORY
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.provision_check import HOLDER, faults, issue
from fhir_server.search.values import DateError, span
from fhir_server.storage.consent_rule import UNKNOWN

_SCOPE: Final = ("http://terminology.hl7.org/CodeSystem/consentscope", "patient-privacy")
_LOINC: Final = frozenset({("http://loinc.org", "59284-0"), ("http://loinc.org", "57016-8")})
_NOT_YET: Final = frozenset({"draft", "proposed"})
_IN_ERROR: Final = "entered-in-error"


def check(consent: Mapping[str, Any], previous: Mapping[str, Any] | None, actor: Actor, base: str) -> None:
    """Raise Unprocessable for a NetworkConsent that breaks a rule, Forbidden for one that ``actor`` may not give.

    ``previous`` is the version that it follows, None when there is none; ``base`` the server's FHIR base. A Consent that neither is
    nor was a NetworkConsent is none of this module's business, except that related persons write no other.
    """
    was = previous is not None and is_network_consent(previous)
    if not is_network_consent(consent) and not was:
        if actor.role == "related-person":
            raise _foreign("Somebody who acts for the client writes Consents of category network-dossier only.", "Consent.category")
        return
    if actor.role == "patient" and provision.literal(consent.get("patient"), base) not in {"", *actor.people}:
        raise _foreign("A client chooses about the own dossier only.", "Consent.patient")
    issues = [*_following(consent, previous if was else None)]
    if consent.get("status") != _IN_ERROR:
        issues += [*_elements(consent, base), *_performers(consent, base), *_provision(consent, base)]
    if issues:
        raise Unprocessable("The choice cannot be carried out as it is.", issues=issues)
    _author(consent, actor, base)


def _author(consent: Mapping[str, Any], actor: Actor, base: str) -> None:
    if actor.role == "system":
        return
    performers = {provision.literal(each, base) for each in listed(consent, "performer")}
    if performers.isdisjoint(actor.people):
        raise _foreign("Who writes a choice has made it: name yourself as performer.", "Consent.performer")


def _foreign(text_: str, place: str) -> Forbidden:
    return Forbidden(text_, expression=place, detail="consent-author")


def _following(consent: Mapping[str, Any], previous: Mapping[str, Any] | None) -> Iterator[Issue]:
    if previous is None:
        return
    if not is_network_consent(consent):
        text_ = "A choice about the network dossier stays one. To withdraw it, set status to inactive."
        yield issue("consent-kind", text_, "Consent.category")
    if consent.get("status") in _NOT_YET and previous.get("status") not in _NOT_YET:
        text_ = "A choice that was made does not become a draft again. Withdraw it (inactive), or draft another Consent."
        yield issue("consent-status", text_, "Consent.status")


def _elements(consent: Mapping[str, Any], base: str) -> Iterator[Issue]:
    identifiers = listed(consent, "identifier")
    if len(identifiers) != 1 or not (text(identifiers[0], "system") and text(identifiers[0], "value")):
        text_ = "Give one identifier with system and value: by it the versions of this choice know each other."
        yield issue("consent-identifier", text_, "Consent.identifier")
    if _SCOPE not in _codings(mapped(consent, "scope")):
        yield issue("consent-scope", "The scope is patient-privacy of consentscope.", "Consent.scope")
    categories = {coding for each in listed(consent, "category") for coding in _codings(each)}
    if CATEGORY not in categories or not categories & _LOINC:
        text_ = "The categories are LOINC 59284-0 or 57016-8, and network-dossier of our own consent-category."
        yield issue("consent-category", text_, "Consent.category")
    if not provision.literal(consent.get("patient"), base).startswith("Patient/"):
        yield issue("consent-patient", "Name the client as Patient/id of this server.", "Consent.patient")
    if not _is_time(text(consent, "dateTime")):
        yield issue("consent-datetime", "Say when the choice was made.", "Consent.dateTime")
    if not any(text(each, "uri") for each in listed(consent, "policy")) and "policyRule" not in consent:
        yield issue("consent-policy", "Name the text that was agreed to: policy.uri or policyRule.", "Consent.policy")
    for index, each in enumerate(listed(consent, "organization")):
        if provision.holder(each) == UNKNOWN:
            yield issue("consent-holder", HOLDER, f"Consent.organization[{index}]")
    if "modifierExtension" in consent:
        text_ = "The server does not know what this changes about the choice. Leave it out."
        yield issue("consent-limit-unsupported", text_, "Consent.modifierExtension")


def _performers(consent: Mapping[str, Any], base: str) -> Iterator[Issue]:
    client = provision.literal(consent.get("patient"), base)
    performers = listed(consent, "performer")
    if not performers:
        yield issue("consent-performer", "Say who made the choice: the client, or who acts for the client.", "Consent.performer")
    for index, each in enumerate(performers):
        found = provision.literal(each, base)
        if found != client and not found.startswith("RelatedPerson/"):
            text_ = "Only the client of this Consent, or a RelatedPerson who acts for the client, can make a choice."
            yield issue("consent-performer", text_, f"Consent.performer[{index}]")
            return
    if performers and not mandated(consent, base):
        text_ = (
            "Who chooses for the client needs a mandate: give a verification with verified true, verifiedWith, verificationDate "
            "and the extension mandate, whose period, if it has one, contains dateTime."
        )
        yield issue("consent-mandate", text_, "Consent.verification")


def _provision(consent: Mapping[str, Any], base: str) -> Iterator[Issue]:
    root = mapped(consent, "provision")
    if root:
        yield from faults(root, base)
    elif consent.get("status") in {"active", *_NOT_YET}:
        yield issue("consent-provision", "Say what is permitted or denied: give a provision.", "Consent.provision")


def _codings(concept: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {(text(each, "system"), text(each, "code")) for each in listed(concept, "coding")}


def _is_time(value: str) -> bool:
    try:
        span(value)
    except DateError:
        return False
    return True
