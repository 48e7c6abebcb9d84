"""Who may see what of a dossier, and why: the decision of a request, taken for everybody in the network and every data category."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from fhir_server.access.actor import Actor, Role
from fhir_server.access.consent import decide, of_person
from fhir_server.access.consent_match import ACCESS
from fhir_server.storage.consent_rule import HUB, Rule, Specificity, specificity


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the network: the ``actor`` they would be, and the teams of the dossier they are in, or were in.

    ``functions`` ("system|code") are those that they have there now. ``actor`` is as it stands at the moment; ``left`` tells that
    the person is not active any more.
    """

    actor: Actor
    teams: tuple[str, ...] = ()
    ended_teams: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    left: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A data category ("system|code") at one holder: HUB, or a source with the names and kinds of its organisation.

    ``roles`` are those that may ever see it. ``open_without``: members see it as long as the client has made no choice at all.
    """

    category: str
    holder: str
    roles: frozenset[Role]
    names: tuple[str, ...] = (HUB,)
    kinds: tuple[str, ...] = ()
    open_without: bool = False


class Limit(NamedTuple):
    """What a rule about some items says, whichever Consent it comes from."""

    effect: str
    specificity: Specificity
    labels: tuple[str, ...]
    items: tuple[tuple[str, ...], ...]
    data: tuple[int, int]


def limit_of(rule: Rule) -> Limit:
    """Return what ``rule`` says about items."""
    items = rule.instances, rule.authors, rule.dependents
    return Limit(rule.effect, specificity(rule), rule.labels, items, (rule.data_low, rule.data_high))


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether ``person`` ("Type/id") may see what ``holder`` has of ``category``, for ``purpose``.

    ``reasons`` has the one that counts first; ``rules`` are those that decided. ``limits`` are on what is seen: by them
    some items are decided otherwise.
    """

    person: str
    category: str
    holder: str
    purpose: str
    permit: bool
    reasons: tuple[str, ...]
    rules: tuple[Rule, ...] = ()
    limits: frozenset[Limit] = frozenset()

    @property
    def asked(self) -> tuple[str, str, str, str]:
        """What was asked: person, category, holder, purpose."""
        return self.person, self.category, self.holder, self.purpose


def sights(
    patient: str, members: Sequence[Member], held: Sequence[Held], purposes: Sequence[str], rules: Iterable[Rule], at: int
) -> tuple[Sight, ...]:
    """Return what each of ``members`` may see at the instant ``at`` of the dossier of ``patient``, for each of ``purposes``.

    What needs no choice of the client, because it has no data category, is left out: every member sees it.
    """
    known = tuple(rules)
    return tuple(one(patient, member, each, purpose, known, at) for member in members for each in held for purpose in purposes)


def one(patient: str, member: Member, held: Held, purpose: str, rules: tuple[Rule, ...], at: int, action: str = ACCESS) -> Sight:
    """Return whether ``member`` may see ``held`` for ``purpose``: role, membership and consent must all permit it.

    With another ``action`` (consentaction), whether they may do that with what they see. The client may with what is their own.
    """
    actor = member.actor

    def sight(*reasons: str, permit: bool = False) -> Sight:
        return Sight(actor.reference, held.category, held.holder, purpose, permit, reasons)

    if member.left:
        return sight("person-left")
    if actor.role not in held.roles:
        return sight("role-closed")
    asked = replace(
        of_person(replace(actor, purpose=purpose), patient, held.category, at, member.teams),
        team_functions=member.functions,
        ended_teams=member.ended_teams,
        action=action,
        holder=held.names,
        holder_kinds=held.kinds or None,
    )
    asked = replace(asked, action=ACCESS) if asked.is_self else asked
    if not asked.is_self and not member.teams:
        return sight("membership-ended" if member.ended_teams else "not-a-member")
    if held.open_without and not rules and not asked.is_self:
        return sight("membership", permit=True)
    decision = decide(asked, rules)
    limits = frozenset(map(limit_of, decision.residual)) if decision.permit else frozenset()
    return replace(sight(*decision.reasons, permit=decision.permit), rules=decision.rules, limits=limits)


def differences(before: Iterable[Sight], after: Iterable[Sight]) -> Iterator[tuple[Sight, Sight]]:
    """Yield what changes, for some items at least, before and after, in the order of ``after``.

    Both must be the answers to the same questions.
    """
    was = {each.asked: each for each in before}
    for each in after:
        if (was[each.asked].permit, was[each.asked].limits) != (each.permit, each.limits):
            yield was[each.asked], each


def with_draft(rules: Iterable[Rule], draft: Iterable[Rule], consent: str, made: int) -> tuple[Rule, ...]:
    """Return the rules as they would be once the Consent ``consent`` ("Consent/id") with the rules ``draft`` were stored.

    It replaces its own last version, and, by its identifier, the choices that were made before the moment ``made``.
    """
    others = tuple(rule for rule in rules if rule.consent != consent)
    return (*others, *(replace(rule, made=max(made, *(other.made + 1 for other in others), 0)) for rule in draft))
