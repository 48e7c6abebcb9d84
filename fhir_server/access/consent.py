"""What the client's consent says to a request: one pure decision over the rules of a dossier."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from fhir_server.access.actor import Actor
from fhir_server.access.consent_match import (
    ACCESS,
    KIND,
    ORGANISATION,
    TEAM,
    Item,
    Request,
    dominates,
    fits,
    in_time,
    limits_items,
    matches,
    undominated,
)
from fhir_server.search.rows import LATEST
from fhir_server.storage.consent_rule import FUNCTION, Rule

__all__ = ["Decision", "Item", "Reason", "Request", "decide", "newest", "of_person", "with_holder"]

Reason = Literal[
    "self",
    "third-party",
    "permit-person",
    "permit-organisation",
    "permit-careteam",
    "permit-role",
    "tie-deny",
    "exception-deny",
    "explicit-deny",
    "membership-ended",
    "consent-expired",
    "purpose-mismatch",
    "consent-withdrawn",
    "default-closed",
    "btg",
    "btg-refused",
    "btg-not-qualified",
    "btg-label",
    "holder-deny",
]
REASONS: tuple[Reason, ...] = get_args(Reason)

THIRD_PARTY: Final = "third-party"
"""The label of what somebody else told in confidence: the client does not see it by right."""

_LASTS: Final = 60_000_000
_NOT_NAMED: Final[Reason] = "permit-person"
_PERMITS: Final[tuple[tuple[str, Reason], ...]] = (
    (ORGANISATION, "permit-organisation"),
    (TEAM, "permit-careteam"),
    (KIND, "permit-role"),
    (FUNCTION, "permit-role"),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and by what.

    ``reasons`` has the reason that counts first, and then whatever else was found. ``rules`` are those that decided. ``residual``
    are rules about some items only, left over by a question without an item: where there are any, every item must be decided by
    itself. ``obligations`` must be met by who acts on the decision. It may be kept until ``until`` (microseconds, exclusive).
    """

    permit: bool
    reasons: tuple[Reason, ...]
    rules: tuple[Rule, ...] = ()
    residual: tuple[Rule, ...] = ()
    obligations: tuple[str, ...] = ()
    until: int = LATEST


def decide(request: Request, rules: Iterable[Rule]) -> Decision:
    """Decide on ``request`` by the ``rules`` of the dossier that it is about, in any order and of any version.

    Permitted is what some rule permits while every rule that denies it gives way to a more specific one. ``dominates`` says which
    of two rules is more specific; where neither is, the denial stays. The client reads the own dossier by right.

    Without an item the answer is whether anything of the category can be permitted: a rule about some items only may permit, and
    denies nothing yet.
    """
    if request.is_self and request.action == ACCESS:
        return _own(request)
    current = newest(rules)
    until = _until(request, current)
    found = [rule for rule in current if matches(rule, request)]
    counted = found if request.item is not None else [rule for rule in found if not (rule.effect == "deny" and limits_items(rule))]
    denies = [rule for rule in counted if rule.effect == "deny" and not any(dominates(other, rule) for other in counted)]
    permits = [rule for rule in found if rule.effect == "permit"]
    residual = () if request.item is not None else tuple(rule for rule in found if limits_items(rule))
    if denies:
        return Decision(False, _denied(denies, found), tuple(denies), until=until)
    if permits:
        left = undominated(permits)
        return Decision(True, _permitted(left), left, residual, until=until)
    return Decision(False, tuple(_missing(request, current)), until=until)


def with_holder(decision: Decision, *, permits: bool) -> Decision:
    """Return what is left of ``decision`` once the holder answered: a denial of either side overrules, except in an emergency."""
    if permits or not decision.permit or decision.reasons[0] == "btg":
        return decision
    return replace(decision, permit=False, reasons=("holder-deny", *decision.reasons))


def newest(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules that count: of each choice those that were made last, of each Consent among them its last version."""
    given = tuple(rules)
    made: dict[str, int] = {}
    for rule in given:
        made[rule.choice] = max(rule.made, made.get(rule.choice, rule.made))
    last = [rule for rule in given if rule.made == made[rule.choice]]
    versions: dict[tuple[str, str], int] = {}
    for rule in last:
        key = rule.choice, rule.consent
        versions[key] = max(rule.version, versions.get(key, rule.version))
    return tuple(rule for rule in last if rule.version == versions[rule.choice, rule.consent])


def of_person(actor: Actor, patient: str, category: str, at: int, teams: Sequence[str] = ()) -> Request:
    """Return the question whether ``actor`` may see what the hub holds of ``category`` in the dossier of ``patient``.

    A professional of whom the dossier knows no organisation, kind or function does have one: it is unknown.
    """
    works = actor.role != "related-person" and not actor.is_client
    return Request(
        people=actor.people,
        role=actor.role,
        purpose=actor.purpose,
        category=category,
        at=at,
        organisations=actor.organisations or (None if works else ()),
        kinds=actor.kinds or (None if works else ()),
        functions=actor.functions or (None if works else ()),
        teams=tuple(teams),
        is_self=actor.is_client and patient in actor.people,
    )


def _own(request: Request) -> Decision:
    if request.item is not None and THIRD_PARTY in request.item.labels:
        return Decision(False, ("third-party",))
    return Decision(True, ("self",))


def _until(request: Request, current: Sequence[Rule]) -> int:
    """Return when the decision may be another one: what is kept for longer could miss a rule that begins or ends."""
    turns = (turn for rule in current for turn in (rule.starts, rule.ends) if turn > request.at)
    return min(request.at + _LASTS, request.standing_ends, *turns)


def _denied(denies: Sequence[Rule], found: Sequence[Rule]) -> tuple[Reason, ...]:
    """Return why: a permit that gives way to none stands against it, it is an exception of a choice, or the choice as a whole."""
    reasons: list[Reason] = []
    if any(rule.effect == "permit" for rule in undominated(found)):
        reasons.append("tie-deny")
    if any(rule.number for rule in denies):
        reasons.append("exception-deny")
    if any(not rule.number for rule in denies):
        reasons.append("explicit-deny")
    return tuple(reasons)


def _permitted(permits: Sequence[Rule]) -> tuple[Reason, ...]:
    reasons = {next((reason for prefix, reason in _PERMITS if rule.recipient.startswith(prefix)), _NOT_NAMED) for rule in permits}
    return tuple(reason for reason in REASONS if reason in reasons)


def _missing(request: Request, current: Sequence[Rule]) -> Iterator[Reason]:
    """Yield what kept every permit from applying, what is nearest to a permit first."""
    permits = [rule for rule in current if rule.effect == "permit"]
    now = [rule for rule in permits if in_time(rule, request.at)]

    def some(rules: Sequence[Rule], asked: Callable[[Rule], Request]) -> bool:
        return any(fits(rule, asked(rule)) for rule in rules)

    if some(now, lambda _: replace(request, teams=request.teams + request.ended_teams)):
        yield "membership-ended"
    if some(permits, lambda _: request):
        yield "consent-expired"
    if some(now, lambda rule: replace(request, purpose=next(iter(rule.purposes), ""))):
        yield "purpose-mismatch"
    if any(rule.effect == "none" for rule in current):
        yield "consent-withdrawn"
    yield "default-closed"
