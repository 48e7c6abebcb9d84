"""A client's choice as rules: what a Consent (https://hl7.org/fhir/R4/consent.html) of the profile NetworkConsent says to whom.

What is not understood narrows what is permitted and widens what is denied; a choice that must be refused when it is written
(``network/consent_check.py``) opens nothing here either.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from fhir_server.network import provision
from fhir_server.network.consent_names import CATEGORY, PROFILE
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.mandate import has_mandate
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import DateError, instant
from fhir_server.storage.consent_rule import Rule

_OVER: Final = frozenset({"inactive", "rejected"})
_FLIPPED: Final = {"permit": "deny", "deny": "permit"}
_INHERITED: Final = (
    "period",
    "action",
    "purpose",
    "class",
    "dataPeriod",
    "data",
    "code",
    "modifierExtension",
)


def rules(consent: Mapping[str, Any], base: str, made: int, version: int) -> tuple[Rule, ...]:
    """Return the rules of version ``version`` of ``consent``, made at ``made`` (microseconds); ``base`` is the server's FHIR base.

    A Consent that is no NetworkConsent, not yet a choice (draft, proposed), no choice after all (entered-in-error), or given
    by somebody without a mandate has no rules at all. A choice that was withdrawn or refused has one, with effect "none"; so has
    one that neither permits nor denies anything.
    """
    dossier = _patient(consent, base)
    status = consent.get("status")
    if not is_network_consent(consent) or not dossier or status not in {"active", *_OVER} or not mandated(consent, base):
        return ()
    blank = Rule(dossier, choice(consent), made, "none", f"Consent/{text(consent, 'id')}", version)
    if status in _OVER:
        return (blank,)
    return tuple(_provisions(consent, base, blank)) or (blank,)


def is_network_consent(consent: Mapping[str, Any]) -> bool:
    """Tell whether ``consent`` says that it is a NetworkConsent, by its category or by its profile."""
    codings = (coding for each in listed(consent, "category") for coding in listed(each, "coding"))
    profiles = mapped(consent, "meta").get("profile") or ()
    return any((text(each, "system"), text(each, "code")) == CATEGORY for each in codings) or any(
        str(each).partition("|")[0] == PROFILE for each in profiles
    )


def choice(consent: Mapping[str, Any]) -> str:
    """Return by what the versions of one choice know each other: "system|value" of the identifier, else the Consent itself."""
    for identifier in listed(consent, "identifier"):
        if text(identifier, "value"):
            return f"{text(identifier, 'system')}|{text(identifier, 'value')}"
    return f"Consent/{text(consent, 'id')}"


def mandated(consent: Mapping[str, Any], base: str) -> bool:
    """Tell whether the client chose, or somebody whose mandate was verified and held at ``Consent.dateTime``.

    A mandate that ended later takes nothing away from the choice.
    """
    performers = [provision.literal(each, base) for each in listed(consent, "performer")]
    types = {each.partition("/")[0] for each in performers}
    if not types or types - {"Patient", "RelatedPerson"}:
        return False
    if any(each.startswith("Patient/") and each != _patient(consent, base) for each in performers):
        return False
    if "RelatedPerson" not in types:
        return True
    try:
        chosen = instant(text(consent, "dateTime"))
    except DateError:
        return False
    return any(verified(each, chosen) for each in listed(consent, "verification"))


def verified(verification: Mapping[str, Any], at: int) -> bool:
    """Tell whether ``verification`` shows a mandate that was in force at the moment ``at`` (microseconds)."""
    given = verification.get("verifiedWith") and verification.get("verificationDate")
    return verification.get("verified") is True and bool(given) and has_mandate(verification, at)


def _patient(consent: Mapping[str, Any], base: str) -> str:
    found = provision.literal(consent.get("patient"), base)
    return found if found.startswith("Patient/") else ""


def _provisions(consent: Mapping[str, Any], base: str, blank: Rule) -> Iterator[Rule]:
    root = mapped(consent, "provision")
    blank = replace(blank, labels=provision.labels(root, text(root, "type")))
    addressed = provision.addressed(listed(consent, "organization"))
    yield from _of(root, blank, base, addressed)
    for number, exception in enumerate(listed(root, "provision"), 1):
        stated = inheriting(exception, root)
        # Exceptions to an exception are not understood: a permit that has some would permit too much.
        if stated.get("type") == "deny" or (root.get("type") == "deny" and "provision" not in exception):
            labels = provision.labels(exception, text(stated, "type")) or blank.labels
            yield from _of(stated, replace(blank, number=number, labels=labels), base, addressed)


def inheriting(exception: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``exception`` with the limits of ``root`` where it states none of its own."""
    inherited = {name: root[name] for name in _INHERITED if name in root}
    actors = [*listed(exception, "actor")]
    stated = {provision.role(each) for each in actors}
    actors += [each for each in listed(root, "actor") if provision.role(each) not in stated]
    return {"type": _FLIPPED.get(text(root, "type")), **inherited, **exception, "actor": actors}


def _of(stated: Mapping[str, Any], blank: Rule, base: str, addressed: tuple[str, ...]) -> Iterator[Rule]:
    effect = stated.get("type")
    if effect not in {"permit", "deny"}:
        return
    permit = effect == "permit"
    recipients = provision.recipients(stated, base) or (() if permit else ("",))
    purposes = provision.purposes(stated)
    if permit and (not purposes or provision.has_unread_limits(stated)):
        return
    holds = provision.time(stated.get("period"))
    dated = provision.time(stated.get("dataPeriod"))
    if permit and (holds is None or dated is None):
        return
    rule = replace(
        blank,
        effect=effect,
        purposes=purposes,
        categories=provision.categories(stated),
        actions=provision.actions(stated),
        data_low=dated.low if dated else EARLIEST,
        data_high=dated.high if dated else LATEST,
        starts=holds.low if holds else EARLIEST,
        ends=holds.high if holds else LATEST,
    )
    for recipient in recipients:
        for holders in provision.holders(stated, addressed):
            for data in provision.data(stated, base):
                yield replace(rule, recipient=recipient, holders=holders, **data._asdict())
