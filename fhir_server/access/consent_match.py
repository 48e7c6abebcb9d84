"""Whether a rule of consent is about a request, and which of two rules is the more specific one."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.access.actor import Role
from fhir_server.access.minimal import minimal
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import Range
from fhir_server.storage.consent_rule import FUNCTION, HUB, UNKNOWN, Rule, specificity

ACCESS: Final = "access"
KIND, TEAM, ORGANISATION = "kind:", "CareTeam/", "Organization/"


@dataclass(frozen=True, slots=True)
class Item:
    """One resource that is asked for. What is empty (``dates``, ``refers``: None) is unknown.

    ``reference`` is "Type/id", ``labels`` its codes of confidentiality, ``authors`` who made it ("Type/id" of what they wrote as
    and of who they are; "" for one who is unknown), ``dates`` the time that it is about, in microseconds, ``refers`` ("Type/id")
    what it refers to.
    """

    reference: str = ""
    labels: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    dates: Range | None = None
    refers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what, at the moment ``at`` (microseconds).

    Who: ``people`` are all references of the person; ``organisations`` ("Organization/id"), their ``kinds`` and the person's
    ``functions`` (both "system|code") are None when unknown, and empty for who works for nobody. ``teams`` ("CareTeam/id") are the
    active teams of the dossier in which the person is a member now, ``team_functions`` ("system|code") those that the person
    has there, ``ended_teams`` those in which that is over. ``is_self``: the
    client asks about the own dossier. ``standing_ends`` is when the first of these facts may change.

    What: ``category`` is "system|code" and ``purpose`` a code, "" when unknown. ``holder`` has every name of the one holder:
    (HUB,), or its identifiers as "system|value"; ``holder_kinds`` are its types, None when unknown. Without ``item`` the question
    is whether there can be anything at all that is permitted.
    """

    people: tuple[str, ...]
    role: Role
    purpose: str
    category: str
    at: int
    organisations: tuple[str, ...] | None = ()
    kinds: tuple[str, ...] | None = ()
    functions: tuple[str, ...] | None = ()
    teams: tuple[str, ...] = ()
    team_functions: tuple[str, ...] = ()
    ended_teams: tuple[str, ...] = ()
    is_self: bool = False
    action: str = ACCESS
    holder: tuple[str, ...] = (HUB,)
    holder_kinds: tuple[str, ...] | None = ()
    item: Item | None = None
    standing_ends: int = LATEST


def dominates(one: Rule, other: Rule) -> bool:
    """Tell whether ``one`` is at least as specific as ``other`` in every dimension, and more specific in one."""
    mine, theirs = specificity(one), specificity(other)
    return mine != theirs and all(left >= right for left, right in zip(mine, theirs, strict=True))


def undominated(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return those of ``rules`` that no other one of them is more specific than."""
    return tuple(rule for rule in rules if not any(dominates(other, rule) for other in rules))


def matches(rule: Rule, request: Request) -> bool:
    """Tell whether ``rule`` is about ``request``: an unknown fact fits no rule that permits, and every rule that denies.

    Without an item, limits on items are left out of account.
    """
    return in_time(rule, request.at) and fits(rule, request)


def in_time(rule: Rule, at: int) -> bool:
    """Tell whether ``rule`` holds at the moment ``at``."""
    return rule.starts <= at < rule.ends


def fits(rule: Rule, request: Request) -> bool:
    """Tell whether ``rule`` is about ``request`` at whatever time."""
    return (
        rule.effect != "none"
        and fits_recipient(rule, request)
        and fits_holder(rule, request)
        and one_of(rule, rule.purposes, _known(request.purpose))
        and one_of(rule, rule.categories, _known(request.category))
        and one_of(rule, rule.actions, _known(request.action))
        and (request.item is None or fits_item(rule, request.item))
        and (rule.effect == "deny" or names_enough(rule, request))
    )


def names_enough(rule: Rule, request: Request) -> bool:
    """Tell whether a permit names its data and its recipient, where no more general one counts (``minimal``)."""
    if not minimal().withholds(request.category, request.role, request.kinds):
        return True
    return request.category in rule.categories and not rule.recipient.startswith(TEAM)


def fits_recipient(rule: Rule, request: Request) -> bool:
    """Tell whether ``rule`` speaks to who asks."""
    recipient = rule.recipient
    if recipient in {"", UNKNOWN}:
        return rule.effect == "deny"
    if recipient.startswith(KIND):
        return one_of(rule, (recipient.removeprefix(KIND),), request.kinds)
    if recipient.startswith(FUNCTION):
        function = recipient.removeprefix(FUNCTION)
        return function in request.team_functions or one_of(rule, (function,), request.functions)
    if recipient.startswith(TEAM):
        return recipient in request.teams
    if recipient.startswith(ORGANISATION):
        return one_of(rule, (recipient,), request.organisations)
    return recipient in request.people


def fits_holder(rule: Rule, request: Request) -> bool:
    """Tell whether ``rule`` is about what the holder of ``request`` keeps."""
    kinds = tuple(each.removeprefix(KIND) for each in rule.holders if each.startswith(KIND))
    names = tuple(each for each in rule.holders if not each.startswith(KIND))
    if not rule.holders:
        return True
    if kinds and one_of(rule, kinds, request.holder_kinds):
        return True
    return bool(names) and one_of(rule, names, request.holder or None)


def fits_item(rule: Rule, item: Item) -> bool:
    """Tell whether ``rule`` is about ``item``."""
    return (
        one_of(rule, rule.instances, _known(item.reference))
        and _depends(rule, item)
        and _authored(rule, item.authors)
        and _labelled(rule, item.labels)
        and _within(rule, item.dates)
    )


def limits_items(rule: Rule) -> bool:
    """Tell whether ``rule`` is about some of the items of a category only."""
    return bool(rule.labels or rule.instances or rule.authors or rule.dependents) or _dated(rule)


def one_of(rule: Rule, limit: tuple[str, ...], values: Iterable[str] | None) -> bool:
    """Tell whether ``limit`` of ``rule`` leaves room for one of ``values`` (None: unknown)."""
    if not limit:
        return True
    if rule.effect == "deny" and (values is None or UNKNOWN in limit):
        return True
    return values is not None and any(value in limit for value in values)


def _known(value: str) -> tuple[str, ...] | None:
    return (value,) if value else None


def _depends(rule: Rule, item: Item) -> bool:
    if item.reference in rule.dependents:
        return True
    return one_of(rule, rule.dependents, item.refers if item.reference else None)


def _authored(rule: Rule, authors: tuple[str, ...]) -> bool:
    return one_of(rule, rule.authors, authors) or (rule.effect == "deny" and (not authors or "" in authors))


def _labelled(rule: Rule, labels: tuple[str, ...]) -> bool:
    if rule.effect == "deny":
        return one_of(rule, rule.labels, labels or None)
    return not rule.labels or (bool(labels) and all(label in rule.labels for label in labels))


def _dated(rule: Rule) -> bool:
    return (rule.data_low, rule.data_high) != (EARLIEST, LATEST)


def _within(rule: Rule, dates: Range | None) -> bool:
    if not _dated(rule):
        return True
    if dates is None:
        return rule.effect == "deny"
    if rule.effect == "deny":
        return dates.low < rule.data_high and rule.data_low < dates.high
    return rule.data_low <= dates.low and dates.high <= rule.data_high
