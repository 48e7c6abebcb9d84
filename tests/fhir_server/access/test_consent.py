"""What decides, whatever the choices are: the laws of the decision, and the algorithm written a second time."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from random_consents import NOW, requests, requests_of_items, rule_sets, rules

from fhir_server.access.actor import Actor
from fhir_server.access.consent import Item, Request, decide, newest, of_person, with_holder
from fhir_server.access.consent_match import dominates, limits_items
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import Range
from fhir_server.storage.consent_rule import HUB, UNKNOWN, Rule

ASKED = Request(("Practitioner/a",), "practitioner", "TREAT", "own|message", NOW, item=Item("Communication/1", ("N",)))
PERMIT = Rule("Patient/p", "c|1", 1, "permit", "Consent/1", recipient="CareTeam/a", holders=(HUB,), purposes=("TREAT",))
MEMBER = replace(ASKED, teams=("CareTeam/a",))


# The algorithm as the specification words it, on sets, with nothing of the code under test.


def naive(request: Request, given_rules: Sequence[Rule]) -> bool:
    counted = []
    for rule in given_rules:
        same = [other for other in given_rules if other.choice == rule.choice]
        if rule.made == max(other.made for other in same) and all(
            other.version <= rule.version for other in same if (other.made, other.consent) == (rule.made, rule.consent)
        ):
            counted.append(rule)
    match = [rule for rule in counted if naively_matches(rule, request)]
    left = [
        rule
        for rule in match
        if not any(
            all(a >= b for a, b in zip(vector(other), vector(rule), strict=True)) and vector(other) != vector(rule)
            for other in match
        )
    ]
    if any(rule.effect == "deny" for rule in left):
        return False
    return any(rule.effect == "permit" for rule in left)


def vector(rule: Rule) -> tuple[int, ...]:
    words = {"": 0, "kind": 1, "function": 1, "CareTeam": 2, "Organization": 3}
    who = rule.recipient.replace("/", ":").split(":")[0]
    kinds = [each.startswith("kind:") for each in rule.holders]
    return (
        words.get(who, 4),
        0 if not kinds else 1 if all(kinds) else 2,
        3 if rule.instances or rule.dependents else 2 if rule.labels or rule.authors else 1 if rule.categories else 0,
        int(bool(rule.purposes)),
        int(rule.data_low != EARLIEST or rule.data_high != LATEST),
    )


def naively_matches(rule: Rule, request: Request) -> bool:
    """Ask each limit for yes, no or unknown; unknown is no for a permit and yes for a denial."""
    if rule.effect == "none" or not rule.starts <= request.at < rule.ends:
        return False
    item = request.item
    assert item is not None
    holder_values: set[str] | None = set(request.holder) | {f"kind:{each}" for each in request.holder_kinds or ()}
    if request.holder_kinds is None and any(each.startswith("kind:") for each in rule.holders):
        holder_values = None
    answers = [
        who(rule.recipient, request),
        any_of(rule.holders, holder_values),
        any_of(rule.purposes, {request.purpose} if request.purpose else None),
        any_of(rule.categories, {request.category} if request.category else None),
        any_of(rule.actions, {request.action}),
        any_of(rule.instances, {item.reference} if item.reference else None),
        any_of(rule.authors, set(item.authors) if item.authors and "" not in item.authors else None)
        or (set(rule.authors) & set(item.authors) != set() or None),
        depends(rule, item),
        labels(rule, item),
        dates(rule, item),
    ]
    if rule.effect == "permit":
        return rule.recipient != "" and all(answer is True for answer in answers)
    return all(answer is not False for answer in answers)


def any_of(limit: tuple[str, ...], values: set[str] | None) -> bool | None:
    if not limit:
        return True
    if values is not None and set(limit) & values:
        return True
    return None if values is None or UNKNOWN in limit else False


def who(recipient: str, request: Request) -> bool | None:
    if recipient in {"", UNKNOWN}:
        return True if recipient == "" else None
    if recipient.startswith("function:") and recipient[len("function:") :] in request.team_functions:
        return True
    for prefix, values in (("kind:", request.kinds), ("function:", request.functions)):
        if recipient.startswith(prefix):
            return any_of((recipient[len(prefix) :],), None if values is None else set(values))
    if recipient.startswith("Organization/"):
        return None if request.organisations is None else recipient in request.organisations
    return recipient in request.teams + request.people


def depends(rule: Rule, item: Item) -> bool | None:
    if item.reference in rule.dependents:
        return True
    return any_of(rule.dependents, set(item.refers) if item.reference and item.refers is not None else None)


def labels(rule: Rule, item: Item) -> bool | None:
    if not rule.labels:
        return True
    if not item.labels:
        return None
    inside = [label in rule.labels for label in item.labels]
    if rule.effect == "permit":
        return all(inside)
    return True if any(inside) else None if UNKNOWN in rule.labels else False


def dates(rule: Rule, item: Item) -> bool | None:
    if (rule.data_low, rule.data_high) == (EARLIEST, LATEST):
        return True
    if item.dates is None:
        return None
    if rule.effect == "permit":
        return item.dates.low >= rule.data_low and item.dates.high <= rule.data_high
    return item.dates.low < rule.data_high and item.dates.high > rule.data_low


@settings(max_examples=examples(200))
@given(requests_of_items, rule_sets)
def test_the_algorithm_written_twice_agrees(request: Request, given_rules: list[Rule]) -> None:
    assert decide(request, given_rules).permit == naive(request, given_rules)


@given(requests | requests_of_items, rule_sets)
def test_nothing_but_a_permit_permits(request: Request, given_rules: list[Rule]) -> None:
    found = decide(request, given_rules)
    assert found.permit == (found.reasons[0].startswith("permit-"))
    if found.permit:
        assert found.rules
        assert {rule.effect for rule in found.rules} == {"permit"}
    assert not decide(request, [rule for rule in given_rules if rule.effect != "permit"]).permit


@given(requests_of_items, rule_sets, rules)
def test_a_denial_more_never_permits_more(request: Request, given_rules: list[Rule], more: Rule) -> None:
    denial = replace(more, effect="deny", choice="c|another")
    assert decide(request, [*given_rules, denial]).permit <= decide(request, given_rules).permit


@given(requests | requests_of_items, rule_sets, st.randoms(use_true_random=False))
def test_the_order_of_the_rules_does_not_matter(request: Request, given_rules: list[Rule], chance: object) -> None:
    shuffled = list(given_rules)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = decide(request, given_rules), decide(request, shuffled)
    assert (one.permit, one.reasons, one.until, set(one.rules)) == (other.permit, other.reasons, other.until, set(other.rules))


@given(requests | requests_of_items, rule_sets, rule_sets)
def test_older_versions_of_a_choice_do_not_matter(request: Request, given_rules: list[Rule], more: list[Rule]) -> None:
    older = [replace(rule, made=0) for rule in more if rule.choice in {each.choice for each in given_rules}]
    assert decide(request, [*older, *given_rules]) == decide(request, given_rules)


@given(rules, rules, rules)
def test_being_more_specific_is_a_strict_partial_order(one: Rule, two: Rule, three: Rule) -> None:
    assert not dominates(one, one)
    assert not (dominates(one, two) and dominates(two, one))
    assert dominates(one, three) or not (dominates(one, two) and dominates(two, three))


@given(requests_of_items, rule_sets)
def test_without_an_item_nothing_is_closed_that_some_item_would_open(request: Request, given_rules: list[Rule]) -> None:
    asked = decide(replace(request, item=None), given_rules)
    assert decide(request, given_rules).permit <= asked.permit
    if asked.permit and not asked.residual:
        assert decide(request, given_rules).permit


@given(requests | requests_of_items, rule_sets)
def test_a_decision_is_kept_until_a_rule_may_change_it(request: Request, given_rules: list[Rule]) -> None:
    found = decide(request, given_rules)
    for at in {found.until - 1, request.at + 1}:
        if request.at <= at < found.until:
            assert decide(replace(request, at=at), given_rules).permit == found.permit


@given(requests_of_items, rule_sets)
def test_without_unknown_facts_a_request_gets_no_less(request: Request, given_rules: list[Rule]) -> None:
    """Somebody of whom less is known is never let in further: it is no use to hide where one works."""
    hidden = replace(request, organisations=None, kinds=None, functions=None, holder_kinds=None)
    assert decide(hidden, given_rules).permit <= decide(request, given_rules).permit


def test_the_client_reads_the_own_dossier() -> None:
    own = replace(ASKED, people=("Patient/p",), role="patient", is_self=True)
    deny = replace(PERMIT, effect="deny", recipient="")
    assert decide(own, [deny]).reasons == ("self",)
    assert decide(replace(own, item=Item(labels=("N", "third-party"))), []).reasons == ("third-party",)
    assert decide(replace(own, action="disclose"), []).reasons == ("default-closed",)


def test_unknown_facts() -> None:
    deny = replace(PERMIT, choice="c|2", effect="deny", recipient="Organization/x")
    assert decide(replace(MEMBER, organisations=()), [PERMIT, deny]).permit
    assert decide(replace(MEMBER, organisations=None), [PERMIT, deny]).reasons[0] == "explicit-deny"
    assert not decide(replace(MEMBER, purpose=""), [PERMIT]).permit
    at_any_time = replace(PERMIT, categories=("own|message",))
    assert decide(MEMBER, [at_any_time]).permit
    assert not decide(replace(MEMBER, category=""), [at_any_time]).permit


def test_incomparable_choices_deny() -> None:
    person = replace(PERMIT, choice="c|2", recipient="Practitioner/a")
    category = replace(PERMIT, choice="c|3", effect="deny", categories=("own|message",))
    assert decide(MEMBER, [person, category]).reasons[0] == "tie-deny"
    both = replace(person, choice="c|4", categories=("own|message",))
    assert decide(MEMBER, [person, category, both]).reasons == ("permit-person",)


def test_a_denial_of_some_items_does_not_make_a_denial_of_all_give_way() -> None:
    general = replace(PERMIT, choice="c|2", effect="deny", categories=("own|message",), recipient="function:roles|a")
    some = replace(general, choice="c|3", recipient="Practitioner/a", authors=("Practitioner/c",))
    asked = replace(MEMBER, item=None, functions=("roles|a",))
    assert dominates(some, general)
    assert not decide(asked, [PERMIT, general, some]).permit
    assert decide(asked, [PERMIT, some]).permit


def test_what_is_new_of_a_choice() -> None:
    old, new = replace(PERMIT, made=1), replace(PERMIT, made=2, effect="none")
    twins = [replace(PERMIT, made=2, consent="Consent/2"), replace(PERMIT, made=2, consent="Consent/2", version=3)]
    assert newest([old, new]) == (new,)
    assert newest([old, new, *twins]) == (new, twins[1])


def test_a_decision_lasts_a_minute_at_most() -> None:
    minute = 60_000_000
    assert decide(MEMBER, [PERMIT]).until == NOW + minute
    assert decide(MEMBER, [replace(PERMIT, ends=NOW + 5)]).until == NOW + 5
    assert decide(MEMBER, [PERMIT, replace(PERMIT, choice="c|2", starts=NOW + 3)]).until == NOW + 3
    assert decide(replace(MEMBER, standing_ends=NOW + 2), [PERMIT]).until == NOW + 2


@pytest.mark.parametrize(
    ("limit", "permitted", "denied"),
    [
        ({"instances": ("Communication/1",)}, Item("Communication/1"), [Item("Communication/2"), Item()]),
        ({"authors": ("Practitioner/c",)}, Item(authors=("Practitioner/c", "Practitioner/a")), [Item(authors=("x",)), Item()]),
        ({"dependents": ("Task/1",)}, Item("Task/2", refers=("Task/1",)), [Item("Task/2", refers=()), Item("Task/2")]),
        ({"dependents": ("Task/1",)}, Item("Task/1"), [Item(refers=("Task/3",))]),
        ({"labels": ("U", "L", "M", "N")}, Item(labels=("N",)), [Item(labels=("R",)), Item(labels=("N", "V")), Item()]),
        (
            {"data_low": 10, "data_high": 20},
            Item(dates=Range(10, 20)),
            [Item(dates=Range(15, 21)), Item(dates=Range(9, 15)), Item()],
        ),
    ],
)
def test_limits_on_items(limit: dict[str, object], permitted: Item, denied: list[Item]) -> None:
    rule = replace(PERMIT, **limit)  # type: ignore[arg-type]
    asked = decide(replace(MEMBER, item=None), [rule])
    assert (asked.permit, asked.residual) == (True, (rule,))
    assert limits_items(rule)
    assert [decide(replace(MEMBER, item=each), [rule]).permit for each in (permitted, *denied)] == [True] + [False] * len(denied)
    against = replace(rule, choice="c|2", effect="deny")
    assert decide(replace(MEMBER, item=None), [PERMIT, against]).permit
    assert decide(replace(MEMBER, item=permitted), [PERMIT, against]).reasons[0] == "explicit-deny"
    assert not decide(replace(MEMBER, item=Item()), [PERMIT, against]).permit


def test_what_a_holder_denies_is_denied() -> None:
    own = decide(MEMBER, [PERMIT])
    assert with_holder(own, permits=True) == own
    assert (with_holder(own, permits=False).permit, with_holder(own, permits=False).reasons[0]) == (False, "holder-deny")
    closed = decide(MEMBER, [])
    assert with_holder(closed, permits=True) == closed == with_holder(closed, permits=False)


@pytest.mark.parametrize(("role", "unknown"), [("practitioner", True), ("related-person", False), ("patient", False)])
def test_who_works_somewhere_unknown(role: str, *, unknown: bool) -> None:
    actor = Actor("Patient/x", role, (), purpose="TREAT", people=("Patient/x",))  # type: ignore[arg-type]
    asked = of_person(actor, "Patient/p", "own|message", NOW)
    assert (asked.organisations, asked.kinds, asked.functions) == ((None,) * 3 if unknown else ((),) * 3)
    assert not asked.is_self
    assert of_person(actor, "Patient/x", "own|message", NOW).is_self == (role == "patient")
