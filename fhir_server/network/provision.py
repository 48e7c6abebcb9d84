"""What a provision of a NetworkConsent limits, in the words of rules; UNKNOWN stands for what is not understood.

https://hl7.org/fhir/R4/consent-definitions.html#Consent.provision
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from fhir_server.model import reference
from fhir_server.network.consent_names import CUSTODIAN, PARTICIPATION, RECIPIENT, names
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import DateError, Range, span
from fhir_server.storage.consent_rule import HUB, UNKNOWN

_RECIPIENTS: Final = frozenset({"CareTeam", "Organization", "PractitionerRole", "Practitioner", "RelatedPerson", "Patient"})
AUTHORS: Final = frozenset({"Patient", "Practitioner", "RelatedPerson", "Device"})
"""The types of who makes what, in whatever role or for whatever organisation."""
_UNREAD: Final = ("code", "modifierExtension")
_KIND, _FUNCTION = "kind:", "function:"


def recipients(provision: Mapping[str, Any], base: str) -> tuple[str, ...]:
    """Return who the provision speaks to: "Type/id", "kind:system|code" or "function:system|code" each; () when it names nobody."""
    actors = (each for each in listed(provision, "actor") if role(each) != CUSTODIAN)
    return _once(recipient(mapped(each, "reference"), base) if role(each) else UNKNOWN for each in actors)


def recipient(value: Mapping[str, Any], base: str) -> str:
    """Return one recipient: the literal reference where there is one, else what the logical reference means."""
    if "reference" in value:
        found = reference.parse(text(value, "reference"), base)
        return str(found) if found and found.type in _RECIPIENTS else UNKNOWN
    identifier = mapped(value, "identifier")
    system, code = text(identifier, "system"), text(identifier, "value")
    for prefix, systems in ((_KIND, names().kinds), (_FUNCTION, names().functions)):
        if code and system in systems:
            return f"{prefix}{system}|{code}"
    return UNKNOWN


def role(actor: Mapping[str, Any]) -> str:
    """Return the role of an actor, RECIPIENT or CUSTODIAN; "" for every other."""
    codings = listed(mapped(actor, "role"), "coding")
    codes = {text(coding, "code") for coding in codings if coding.get("system", PARTICIPATION) == PARTICIPATION}
    return next((each for each in (RECIPIENT, CUSTODIAN) if codes == {each}), "")


def addressed(organizations: list[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the holders that ``Consent.organization`` names; the hub alone when it names none."""
    return _once(holder(each) for each in organizations) or (HUB,)


def holder(value: Mapping[str, Any]) -> str:
    """Return one holder: "system|value", "kind:system|code", HUB, "" for every holder, or UNKNOWN."""
    identifier = mapped(value, "identifier")
    system, code = text(identifier, "system"), text(identifier, "value")
    if system == names().own_holders:
        return {"hub": HUB, "any": ""}.get(code, UNKNOWN)
    if not code or system not in names().holders | names().kinds:
        return UNKNOWN
    return f"{_KIND}{system}|{code}" if system in names().kinds else f"{system}|{code}"


def holders(provision: Mapping[str, Any], addressed: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the holders that the provision is about, those of one specificity together; custodians replace the ``addressed``."""
    custodians = (each for each in listed(provision, "actor") if role(each) == CUSTODIAN)
    found = _once(holder(mapped(each, "reference")) for each in custodians) or addressed
    if "" in found:
        yield ()
    kinds = tuple(each for each in found if each.startswith(_KIND))
    others = tuple(each for each in found if each and not each.startswith(_KIND))
    yield from filter(None, (kinds, others))


def purposes(provision: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the purposes as codes."""
    return _once(coded(each, names().purposes) for each in listed(provision, "purpose"))


def categories(provision: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the data categories as "system|code"."""
    known = names().categories
    codings = ((text(each, "system"), text(each, "code")) for each in listed(provision, "class"))
    return _once(f"{system}|{code}" if known.get(code) == system else UNKNOWN for system, code in codings)


def actions(provision: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the actions as codes."""
    concepts = listed(provision, "action")
    return _once(coded(coding, names().actions) for concept in concepts for coding in (listed(concept, "coding") or [{}]))


def coded(coding: Mapping[str, Any], known: Mapping[str, frozenset[str]]) -> str:
    """Return the code of ``coding`` if ``known`` has it, else UNKNOWN."""
    code = text(coding, "code")
    return code if code in known.get(text(coding, "system"), ()) else UNKNOWN


def labels(provision: Mapping[str, Any], effect: str) -> tuple[str, ...]:
    """Return every confidentiality that is meant: what a permit names and all below it, what a denial names and all above it."""
    order = names().labels
    given = [coded(each, {names().label_system: frozenset(order)}) for each in listed(provision, "securityLabel")]
    if not given or UNKNOWN in given:
        return (UNKNOWN,) if given else ()
    places = [order.index(each) for each in given]
    return order[: max(places) + 1] if effect == "permit" else order[min(places) :]


class Data(NamedTuple):
    """Which data a provision means: the ``instances``, what the ``authors`` made, or the ``dependents`` ("Type/id" each)."""

    instances: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()


def data(provision: Mapping[str, Any], base: str) -> Iterator[Data]:
    """Yield each way in which the provision says which data it means; one without any limit when it does not."""
    stated = [(text(each, "meaning"), literal(each.get("reference"), base) or UNKNOWN) for each in listed(provision, "data")]
    others = ("authoredby", "dependents")
    instances = _once(found if meaning == "instance" else UNKNOWN for meaning, found in stated if meaning not in others)
    authors = _once(author(found) for meaning, found in stated if meaning == "authoredby")
    dependents = _once(found for meaning, found in stated if meaning == "dependents")
    if not stated:
        yield Data()
    if instances:
        yield Data(instances=instances)
    if authors:
        yield Data(authors=authors)
    if dependents:
        yield Data(dependents=dependents)


def author(reference_: str) -> str:
    """Return an author ("Type/id") as a rule names one: a person; UNKNOWN for what people act as or act for."""
    return reference_ if reference_.partition("/")[0] in AUTHORS else UNKNOWN


def time(period: object) -> Range | None:
    """Return the time that a Period covers, dates as whole days in the Netherlands; None when it cannot be read."""
    if period is None:
        return Range(EARLIEST, LATEST)
    if not isinstance(period, Mapping):
        return None
    start, end = period.get("start"), period.get("end")
    try:
        found = Range(span(start).low if start else EARLIEST, span(end).high if end else LATEST)
    except (DateError, TypeError):
        return None
    return found if found.low < found.high else None


def has_unread_limits(provision: Mapping[str, Any]) -> bool:
    """Tell whether the provision limits itself by something that no rule can say."""
    return any(name in provision for name in _UNREAD)


def literal(value: object, base: str) -> str:
    """Return "Type/id" of a Reference to this server, "" for any other."""
    found = reference.parse(text(value, "reference"), base) if isinstance(value, Mapping) else None
    return str(found) if found else ""


def _once(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
