"""What the provisions of a NetworkConsent must be: each rule has a name, and a choice that breaks one is not stored."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.errors import Issue
from fhir_server.network import provision
from fhir_server.network.consent import inheriting
from fhir_server.network.consent_names import CUSTODIAN, RECIPIENT
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.storage.consent_rule import UNKNOWN

_MEANINGS = frozenset({"instance", "dependents", "authoredby"})
_UNREAD = ("code", "modifierExtension")


def issue(rule: str, text: str, place: str) -> Issue:
    """Return what is answered for the ``rule`` that is broken at ``place`` (FHIRPath)."""
    return Issue("business-rule", text, place, detail=rule)


def faults(root: Mapping[str, Any], base: str) -> Iterator[Issue]:
    """Yield what is wrong with the root provision and its exceptions."""
    place = "Consent.provision"
    yield from _stated(root, base, place)
    yield from _permit(root, base, place)
    for index, exception in enumerate(listed(root, "provision")):
        below = f"{place}.provision[{index}]"
        yield from _exception(exception, root, below)
        yield from _stated(exception, base, below)
        yield from _permit(inheriting(exception, root), base, below)


def _exception(exception: Mapping[str, Any], root: Mapping[str, Any], place: str) -> Iterator[Issue]:
    if "provision" in exception:
        yield issue("consent-nesting", "An exception has no exceptions of its own: give them beside it.", f"{place}.provision")
    if {exception.get("type"), root.get("type")} != {"permit", "deny"}:
        text_ = "An exception is of the other type than what it is an exception to: deny below permit, permit below deny."
        yield issue("consent-exception-type", text_, f"{place}.type")


def _permit(stated: Mapping[str, Any], base: str, place: str) -> Iterator[Issue]:
    if stated.get("type") not in {"permit", "deny"}:
        yield issue("consent-type", "Say whether this permits or denies: type is permit or deny.", f"{place}.type")
    if stated.get("type") != "permit":
        return
    if not provision.recipients(stated, base):
        text_ = "A permit names its recipients, it is never for everyone: give an actor with role IRCP."
        yield issue("consent-recipient-missing", text_, f"{place}.actor")
    if not listed(stated, "purpose"):
        yield issue("consent-purpose-missing", "A permit names its purposes: give at least one purpose.", f"{place}.purpose")


def _stated(stated: Mapping[str, Any], base: str, place: str) -> Iterator[Issue]:
    """Yield what cannot be carried out as it is written."""
    for index, actor in enumerate(listed(stated, "actor")):
        yield from _actor(actor, base, f"{place}.actor[{index}]")
    yield from _codes(stated, place)
    for name in ("period", "dataPeriod"):
        if provision.time(stated.get(name)) is None:
            yield issue("consent-period", "The period cannot be read, or ends before it begins.", f"{place}.{name}")
    for index, data in enumerate(listed(stated, "data")):
        yield from _data(data, base, f"{place}.data[{index}]")
    for name in _UNREAD:
        if name in stated:
            text_ = "The server cannot carry out a limit like this one. Use class, securityLabel, data or dataPeriod."
            yield issue("consent-limit-unsupported", text_, f"{place}.{name}")


def _actor(actor: Mapping[str, Any], base: str, place: str) -> Iterator[Issue]:
    role, reference = provision.role(actor), mapped(actor, "reference")
    if not role:
        text_ = "The role of an actor is IRCP (recipient) or CST (data holder) of v3-ParticipationType."
        yield issue("consent-actor-role", text_, f"{place}.role")
    if role == RECIPIENT and provision.recipient(reference, base) == UNKNOWN:
        text_ = (
            "A recipient is a CareTeam, Organization, PractitionerRole, Practitioner or RelatedPerson of this server by reference, "
            "or a type of organisation or role of a person by identifier."
        )
        yield issue("consent-recipient", text_, f"{place}.reference")
    if role == CUSTODIAN and provision.holder(reference) == UNKNOWN:
        yield issue("consent-holder", HOLDER, f"{place}.reference")


HOLDER = (
    "A data holder is named by identifier: its URA, AGB or KvK number, its type of organisation, or value 'hub' or 'any' of "
    "https://netwerkdossier.example/fhir/NamingSystem/holder."
)


def _codes(stated: Mapping[str, Any], place: str) -> Iterator[Issue]:
    checks = (
        ("purpose", provision.purposes, "consent-purpose-code", "This purpose is not one that a choice here can be about."),
        ("class", provision.categories, "consent-class-code", "This is no data category that the server can tell apart."),
        ("action", provision.actions, "consent-action-code", "An action is access, correct or disclose of consentaction."),
    )
    for name, read, rule, text_ in checks:
        for index, each in enumerate(listed(stated, name)):
            if UNKNOWN in read({name: [each]}):
                yield issue(rule, f"{text_} Take one of the profile's.", f"{place}.{name}[{index}]")
    for index, each in enumerate(listed(stated, "securityLabel")):
        if UNKNOWN in provision.labels({"securityLabel": [each]}, "permit"):
            text_ = "The label is a confidentiality: one of U, L, M, N, R, V of v3-Confidentiality."
            yield issue("consent-label-code", text_, f"{place}.securityLabel[{index}]")


def _data(data: Mapping[str, Any], base: str, place: str) -> Iterator[Issue]:
    if text(data, "meaning") not in _MEANINGS:
        text_ = "The server can carry out 'instance', 'dependents' and 'authoredby', not what a resource refers to ('related')."
        yield issue("consent-data-meaning", text_, f"{place}.meaning")
    if any(UNKNOWN in each for pair in provision.data({"data": [{**data, "meaning": "instance"}]}, base) for each in pair):
        yield issue("consent-data-reference", "Give a reference of the form Type/id.", f"{place}.reference")
    elif text(data, "meaning") == "authoredby" and provision.author(provision.literal(data.get("reference"), base)) == UNKNOWN:
        text_ = (
            "An author is a person: a Practitioner (whatever role they wrote in), RelatedPerson or Patient, or a Device. Name the "
            "person, not the PractitionerRole or the organisation."
        )
        yield issue("consent-data-author", text_, f"{place}.reference")
