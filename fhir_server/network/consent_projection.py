"""A client's choice in the words of others, never permitting more than it does.

Where the other form cannot say a limit, a denial loses the limit and a permit is left out; a choice of which nothing would be left
has no projection.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fhir_server.network import provision
from fhir_server.network.consent import inheriting
from fhir_server.network.consent_names import CATEGORY, RECIPIENT
from fhir_server.network.json_parts import listed, mapped, text

PCF_BASIC: Final = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentBasic"
PCF_INTERMEDIATE: Final = "https://profiles.ihe.net/ITI/PCF/StructureDefinition/IHE.PCF.consentIntermediate"
_URA: Final = "http://fhir.nl/fhir/NamingSystem/ura"
_KEPT: Final = (
    "resourceType",
    "id",
    "identifier",
    "status",
    "scope",
    "patient",
    "dateTime",
    "performer",
    "organization",
    "sourceAttachment",
    "sourceReference",
    "policy",
    "policyRule",
    "verification",
)
_PCF_LACKS: Final = ("action", "class", "code", "securityLabel", "modifierExtension")
_PIP_LACKS: Final = ("provision", "class", "code", "securityLabel", "modifierExtension", "data", "dataPeriod")
_LEVELS: Final = {"kind:": 1, "function:": 1, "CareTeam/": 2, "Organization/": 3}
_ACCESS: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "access"}]}


def to_pcf(consent: Mapping[str, Any], base: str) -> dict[str, Any] | None:
    """Return ``consent`` as IHE's Privacy Consent on FHIR has it, Basic or Intermediate; None when it cannot be said there.

    https://profiles.ihe.net/ITI/PCF/
    """
    root = mapped(consent, "provision")
    permits = root.get("type") == "permit"
    if permits and not _expressible(root):
        return None
    stated = _without_limits(root)
    exceptions = [*_exceptions(root, base)]
    if exceptions:
        stated["provision"] = exceptions
    profile = PCF_INTERMEDIATE if stated.keys() - {"type", "period"} else PCF_BASIC
    return {**_head(consent), "meta": {"profile": [profile]}, "provision": stated}


def to_nuts_pip(
    consent: Mapping[str, Any], base: str, uras: Mapping[str, str], scope: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """Return one Consent for each holder, as a policy information point of a Nuts node counts them.

    It permits access to the organisations among the recipients of which ``uras`` tells the URA number by "Organization/id", for the
    use case of ``scope`` (a CodeableConcept). Nothing comes of a choice that denies, limits the data, or has exceptions: also an
    exception of another organisation is about people, who may work for both.
    """
    root = mapped(consent, "provision")
    if consent.get("status") != "active" or root.get("type") != "permit" or not _plain(root):
        return ()
    found = [each for each in provision.recipients(root, base) if each in uras]
    actors = [{"role": _role(), "reference": _organization(uras[each])} for each in found]
    holders = [mapped(each, "identifier") for each in listed(consent, "organization")]
    stated = {name: root[name] for name in ("type", "period", "purpose") if name in root}
    return tuple(
        {
            **_head(consent),
            "scope": dict(scope),
            "organization": [_organization(text(each, "value"))],
            "provision": {**stated, "actor": actors, "action": [_ACCESS]},
        }
        for each in holders
        if actors and each.get("system") == _URA
    )


def _head(consent: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: consent[name] for name in _KEPT if name in consent}
    codings = [[each for each in listed(concept, "coding") if not _is_own(each)] for concept in listed(consent, "category")]
    return {**kept, "category": [{"coding": each} for each in codings if each]}


def _is_own(coding: Mapping[str, Any]) -> bool:
    return (text(coding, "system"), text(coding, "code")) == CATEGORY


def _expressible(stated: Mapping[str, Any]) -> bool:
    custodians = any(provision.role(each) != RECIPIENT for each in listed(stated, "actor"))
    return not custodians and not any(name in stated for name in _PCF_LACKS)


def _without_limits(stated: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in stated.items() if name not in {*_PCF_LACKS, "provision", "actor"}}
    actors = [each for each in listed(stated, "actor") if provision.role(each) == RECIPIENT]
    return {**kept, "actor": actors} if actors else kept


def _exceptions(root: Mapping[str, Any], base: str) -> Iterator[dict[str, Any]]:
    for exception in listed(root, "provision"):
        whole = inheriting(exception, root)
        if whole.get("type") == "permit":
            # A label of the root limits its exceptions too, though the rules read it apart from what is inherited as it stands.
            unlimited = _expressible(whole) and "securityLabel" not in root
            if root.get("type") == "deny" and unlimited and "provision" not in exception:
                yield _without_limits(exception)
        elif _expressible(exception):
            yield _without_limits(exception)
        else:
            yield _widened(exception, root, base)


def _widened(exception: Mapping[str, Any], root: Mapping[str, Any], base: str) -> dict[str, Any]:
    """Return a denial without the limits that cannot be said; with them gone it must not give way to what it is an exception to."""
    stated = _without_limits(exception)
    levels = [_level(each) for each in provision.recipients(root, base)]
    if any(_level(each) < max(levels, default=0) for each in provision.recipients(stated, base)):
        stated.pop("actor")
    return stated


def _level(recipient: str) -> int:
    return next((level for prefix, level in _LEVELS.items() if recipient.startswith(prefix)), 4)


def _plain(root: Mapping[str, Any]) -> bool:
    actions = provision.actions(root)
    custodians = any(provision.role(each) != RECIPIENT for each in listed(root, "actor"))
    return not custodians and (not actions or "access" in actions) and not any(name in root for name in _PIP_LACKS)


def _role() -> dict[str, Any]:
    return {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": RECIPIENT}]}


def _organization(ura: str) -> dict[str, Any]:
    return {"type": "Organization", "identifier": {"system": _URA, "value": ura}}
