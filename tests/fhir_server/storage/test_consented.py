"""Random consents, actors and resources: the predicate of both engines permits exactly what ``decide`` permits."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from engines import PostgresServer, empty
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented import PLACES, Run, Thing, created, grant, put

from fhir_server.access.break_glass import BreakGlass, decide_in_emergency
from fhir_server.access.consent import Item, Request, decide
from fhir_server.catalog.catalog import IN_ROLE, load
from fhir_server.search.authorship import authorship
from fhir_server.search.rows import EARLIEST, LATEST, Indexed
from fhir_server.search.tree import And, Coded, Consented, MemberOf, Missing, Not, Query, Token, Unrefused
from fhir_server.search.values import Range
from fhir_server.storage import migrate
from fhir_server.storage.consent_rule import HUB, UNKNOWN, Effect, Rule, in_function
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import Membership, Repository

CATALOG = load()
CODED = Coded("code", ("secret", "hidden"), ("s", "t"), "R")
TASK = CATALOG.types["Task"]
EXAMPLES = examples(25)
NOW = 50
PATIENTS = ("Patient/1", "Patient/2")
PEOPLE = ("Practitioner/p", "PractitionerRole/r")
ORGANISATIONS, KINDS, FUNCTIONS = ("Organization/o", "Organization/q"), ("t|Z3", "t|J8"), ("f|01", "f|30")
TEAMS = ("CareTeam/one", "CareTeam/two", "CareTeam/department")
RECIPIENTS = (
    *("", UNKNOWN, "kind:t|Z3", "function:f|01", "Organization/o", "RelatedPerson/x", "Practitioner/p"),
    *TEAMS,
)
LEFT = ("Organization/former",)
PURPOSES, CATEGORIES, ACTIONS = ("TREAT", "COC"), ("c|message", "c|appointment"), ("access", "correct")
LABELS = ("N", "R", "third-party")
# Of PractitionerRole/r it is known that Practitioner/p is in it; "" is an author in words only.
AUTHORS = ("Practitioner/p", "Practitioner/else", "PractitionerRole/r", "PractitionerRole/else", "")
REFERENCES: tuple[tuple[tuple[str, str], ...], ...] = (
    *((("requester", each),) for each in AUTHORS),
    (("focus", "Task/t0"),),
    (("based-on", "CareTeam/one"), ("requester", "Practitioner/p")),
    (("focus", "CareTeam/two"),),
    (),
)
CODES: tuple[tuple[tuple[str, str, str], ...], ...] = (
    (),
    (),
    (("code", "secret", "s"),),
    (("code", "secret", "other"), ("code", "plain", "s")),
    (("status", "secret", "s"),),
)
times = st.tuples(st.sampled_from((EARLIEST, 40, 50, 51)), st.sampled_from((LATEST, 50, 51, 60)))


def several(*values: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw some of ``values``, mostly none."""
    some = st.lists(st.sampled_from((*values, UNKNOWN)), unique=True, max_size=2).map(tuple)
    return st.integers(0, 4).flatmap(lambda number: some if number == 4 else st.just(()))


rules = st.builds(
    lambda recipient, data, time, **limits: Rule(
        *("Patient/1", "", 0),
        recipient=recipient,
        consent="",
        data_low=data[0],
        data_high=data[1],
        starts=time[0],
        ends=time[1],
        **limits,
    ),
    effect=st.sampled_from(("permit", "permit", "permit", "deny", "deny", "none")),
    recipient=st.sampled_from((*RECIPIENTS, *["Practitioner/p", "kind:t|Z3", "Organization/o", "function:f|01"] * 4)),
    holders=several(HUB, "urn:ura|1", "kind:t|Z3"),
    purposes=several(*PURPOSES),
    categories=several(*CATEGORIES),
    actions=several(*ACTIONS),
    labels=several(*LABELS),
    instances=several("Task/t0", "Task/t1"),
    authors=several("Practitioner/p"),
    dependents=several("Task/t0", "CareTeam/one"),
    data=st.just((EARLIEST, LATEST)) | st.sampled_from(((0, 20), (10, 30), (EARLIEST, 15))),
    time=st.just((EARLIEST, LATEST)) | times,
)


@dataclass(frozen=True)
class Consent:
    """A Consent about ``dossier``, made at ``at``, that replaces what is older under its ``choice``."""

    dossier: str
    choice: str
    at: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Case:
    consents: tuple[Consent, ...]
    members: tuple[tuple[str, Membership], ...]
    things: tuple[Thing, ...]
    asked: tuple[Request, ...]
    open_without: bool


consents = st.builds(
    Consent, st.sampled_from(PATIENTS), st.sampled_from(("x", "y")), st.integers(1, 3), st.lists(rules, max_size=4).map(tuple)
)
members = st.sampled_from(TEAMS).flatmap(
    lambda team: st.builds(
        lambda member, dossier, span, through: (
            team,
            Membership(member, team if team == TEAMS[2] else dossier, *span, through),
        ),
        st.sampled_from((*PEOPLE, "Practitioner/else")),
        st.sampled_from(PATIENTS),
        st.sampled_from(((0, 100), (0, 50), (50, 51), (60, 100))),
        st.sampled_from(("", "Organization/o", *LEFT)),
    )
)
seats = st.builds(
    lambda member, dossier, function, span, through: (
        TEAMS[0],
        Membership(member, in_function(dossier, f"function:{function}"), *span, through),
    ),
    st.sampled_from((*PEOPLE, "Practitioner/else")),
    st.sampled_from(PATIENTS),
    st.sampled_from(FUNCTIONS),
    st.sampled_from(((0, 100), (0, 100), (0, 50))),
    st.sampled_from(("", "", *LEFT)),
)
facts = st.none() | st.just(())
requests = st.builds(
    Request,
    people=st.sampled_from((PEOPLE, PEOPLE[:1], ("RelatedPerson/x",))),
    role=st.just("practitioner"),
    purpose=st.sampled_from((*PURPOSES, "")),
    category=st.sampled_from(CATEGORIES),
    at=st.just(NOW),
    organisations=facts | st.sampled_from((ORGANISATIONS, ORGANISATIONS[1:])),
    kinds=facts | st.sampled_from((KINDS, KINDS[1:])),
    functions=facts | st.sampled_from((FUNCTIONS, FUNCTIONS[1:])),
    action=st.sampled_from(ACTIONS),
)


@st.composite
def things(draw: st.DrawFn, number: int) -> Thing:
    main = draw(st.none() | st.sampled_from(((0, 5), (12, 14), (14, 21), (25, 30))))
    labels = draw(st.lists(st.sampled_from(LABELS), unique=True, max_size=2))
    return Thing(
        f"t{number}",
        sort=main[0] if main else 7,
        dossier=draw(st.sampled_from(PATIENTS)),
        tokens=(*(("_security", label, "s") for label in labels), *draw(st.sampled_from(CODES))),
        references=draw(st.sampled_from(REFERENCES)),
        dates=(("main", *main),) if main else (),
    )


cases = st.builds(
    Case,
    st.lists(consents, max_size=3).map(tuple),
    st.lists(members | seats, max_size=4).map(tuple),
    st.tuples(*(things(number) for number in range(3))),
    st.lists(requests, min_size=1, max_size=3).map(tuple),
    st.booleans(),
)


def item(thing: Thing) -> Item:
    dates = next((Range(low, high) for param, low, high in thing.dates if param == "main"), None)
    labels = tuple(code for param, code, _ in thing.tokens if param == "_security")
    coded = any(code in CODED.codes and system in CODED.systems for param, code, system in thing.tokens if param == "code")
    labels = labels or (("R",) if coded else ("N",))
    refers = tuple(target for _, target in thing.references if target)
    authors = tuple(target for param, target in thing.references if param == "requester")
    authors += ("Practitioner/p",) if "PractitionerRole/r" in authors else ()
    return Item(f"Task/{thing.id}", labels, authors, dates, refers)


def predicate(request: Request, *, open_without: bool) -> Consented:
    named = [("Organization/", "", request.organisations), ("kind:", "kind:", request.kinds)]
    named.append(("function:", "function:", request.functions))
    keys = [f"{prefix}{each}" for _, prefix, values in named for each in values or ()]
    unknown = tuple(start for start, _, values in named if values is None)
    words = request.purpose, request.category, request.action
    author = Missing("requester", PLACES["requester"])
    return Consented((*request.people, *keys), request.people, *words, NOW, "main", "N", open_without, unknown, LEFT, author, CODED)


class Authored(Thing):
    """A thing of which the index knows the author as it does of a resource."""

    @property
    def indexed(self) -> Indexed:
        found = super().indexed
        authors = [
            {"reference": target} if target else {"display": "x"} for param, target in self.references if param == "requester"
        ]
        made = authorship({"requester": authors}, TASK, "", self.sort)
        return replace(found, rows=(*found.rows, *made))


class Role(Thing):
    """A PractitionerRole of Practitioner/p."""

    @property
    def indexed(self) -> Indexed:
        role = {"id": self.id, "practitioner": {"reference": "Practitioner/p"}}
        return Indexed(0, "", tuple(authorship(role, CATALOG.types[IN_ROLE], "", 0)), ())


ROLE = Role("r", IN_ROLE)


async def store(repository: Repository, case: Case) -> None:
    await put(repository, *(Authored(**vars(thing)) for thing in case.things), ROLE)
    for team in TEAMS:
        given_ = [member for at, member in case.members if at == team]
        await repository.commit([grant("CareTeam")], [created(Thing(team.partition("/")[2], "CareTeam"), given_)], ())
    for number, consent in enumerate(case.consents):
        thing = Thing(f"c{number}", "Consent", dossier=consent.dossier, updated=consent.at)
        made = [
            replace(rule, dossier=consent.dossier, choice=consent.choice, consent=f"Consent/c{number}", number=place)
            for place, rule in enumerate(consent.rules)
        ]
        await repository.commit([grant("Consent")], [replace(created(thing), rules=made)], ())


async def compare(repository: Repository, case: Case) -> None:
    await store(repository, case)
    for asked in case.asked:
        where = predicate(asked, open_without=case.open_without)
        found = {each.id for each in (await repository.search(grant(where=where), Query("Task"))).resources}
        wanted = {thing.id for thing in case.things if await permitted(repository, thing, asked, open_without=case.open_without)}
        assert found == wanted, repository
        for thing in case.things:
            stored = await repository.read(grant(where=where), "Task", thing.id)
            assert stored is not None
            assert stored.visible == (thing.id in wanted)
        await compare_emergency(repository, case, replace(asked, purpose="BTG", action="access", functions=FUNCTIONS))


async def compare_emergency(repository: Repository, case: Case, asked: Request) -> None:
    """Compare what an emergency opens; who asks is qualified for it."""
    settings_ = BreakGlass(frozenset(FUNCTIONS), 60, 1, ())
    where = And((Unrefused(predicate(asked, open_without=False)), Not(Token("_security", "V"))))
    found = {each.id for each in (await repository.search(grant(where=where), Query("Task"))).resources}
    wanted = set()
    for thing in case.things:
        kept, placed = await repository.rules(thing.dossier), await seated(repository, thing, asked)
        request = replace(placed, item=item(thing))
        if decide_in_emergency(request, tuple(kept), "why", settings_).permit:
            wanted.add(thing.id)
    assert found == wanted, repository


async def seated(repository: Repository, thing: Thing, asked: Request) -> Request:
    """Return the request with the places that who asks has in the teams of the dossier."""
    who = MemberOf(asked.people, NOW, LEFT)
    seats_ = await repository.seats(who, TEAMS, thing.dossier)
    places = [(each, in_function(thing.dossier, f"function:{each}")) for each in FUNCTIONS]
    functions = [each for each, place in places if await repository.networks_of(who, place)]
    return replace(
        asked, teams=tuple(seat.team for seat in seats_ if seat.start <= NOW < seat.end), team_functions=tuple(functions)
    )


async def permitted(repository: Repository, thing: Thing, asked: Request, *, open_without: bool) -> bool:
    kept = await repository.rules(thing.dossier)
    placed = await seated(repository, thing, asked)
    return (open_without and not kept) or decide(replace(placed, item=item(thing)), kept).permit


def test_the_predicate_permits_what_the_decision_permits(postgres_server: PostgresServer, tmp_path: Path) -> None:
    sqlite, postgres = f"sqlite:///{tmp_path}/hub.db", postgres_server.create("consents", "template_hub")
    migrate.upgrade(sqlite)
    with asyncio.Runner() as runner:
        repositories = [runner.run(open_repository(url)) for url in (sqlite, postgres)]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(cases)
        def check(case: Any) -> None:
            empty(sqlite, postgres)
            for repository in repositories:
                runner.run(compare(repository, case))

        check()
        for repository in repositories:
            runner.run(repository.close())
    postgres_server.drop("consents")


REQUEST = Request(PEOPLE, "practitioner", "TREAT", CATEGORIES[0], NOW, (), (), ())
HERE, ELSEWHERE = (in_function(each, "function:f|01") for each in PATIENTS)


@pytest.mark.parametrize(
    ("effect", "place", "found"),
    [
        ("permit", Membership(PEOPLE[0], HERE, 0, 100), 1),
        ("permit", Membership(PEOPLE[0], HERE, 0, NOW), 0),
        ("permit", Membership(PEOPLE[0], HERE, 0, 100, LEFT[0]), 0),
        ("permit", Membership(PEOPLE[0], ELSEWHERE, 0, 100), 0),
        ("permit", Membership(PEOPLE[0], in_function("Patient/1", "function:f|30"), 0, 100), 0),
        ("permit", Membership("Practitioner/else", HERE, 0, 100), 0),
        ("deny", Membership(PEOPLE[0], HERE, 0, 100), 0),
        ("deny", Membership(PEOPLE[0], ELSEWHERE, 0, 100), 1),
    ],
)
def test_a_function_in_the_network_is_a_recipient(run: Run, effect: Effect, place: Membership, found: int) -> None:
    named = Rule("Patient/1", "", 0, effect, "", recipient="function:f|01")
    general = (Rule("Patient/1", "", 0, "permit", "", recipient="CareTeam/one"),) if effect == "deny" else ()
    member = (TEAMS[0], Membership(PEOPLE[0], "Patient/1", 0, 100))
    made = Case(
        (Consent("Patient/1", "x", 1, (replace(named, purposes=("TREAT",), categories=CATEGORIES[:1]), *general)),),
        (member, (TEAMS[0], place)),
        (Thing("t0", dossier="Patient/1", sort=7),),
        (REQUEST,),
        open_without=False,
    )
    run(lambda repository: finds(repository, made, found))


PERMIT = Rule("Patient/1", "", 0, "permit", "", recipient="Practitioner/p")
DENY = replace(PERMIT, effect="deny", purposes=("TREAT",))
SECRET = (("code", "hidden", "t"),)


@pytest.mark.parametrize(
    ("tokens", "limit", "found"),
    [
        ((), ("U", "L", "M", "N"), 1),
        (SECRET, ("U", "L", "M", "N"), 0),
        (SECRET, ("U", "L", "M", "N", "R"), 1),
        ((("code", "hidden", "else"),), ("U", "L", "M", "N"), 1),
        ((*SECRET, ("_security", "N", "s")), ("U", "L", "M", "N"), 1),
    ],
)
def test_what_has_no_label_has_that_of_its_code(
    run: Run, tokens: tuple[tuple[str, str, str], ...], limit: tuple[str, ...], found: int
) -> None:
    thing = Thing("t0", dossier="Patient/1", sort=7, tokens=tokens)
    made = Consent("Patient/1", "x", 1, (replace(PERMIT, labels=limit),))
    run(lambda repository: finds(repository, Case((made,), (), (thing,), (REQUEST,), open_without=False), found))


P, ELSE, R = "Practitioner/p", "Practitioner/else", "PractitionerRole/r"


@pytest.mark.parametrize("denied", [False, True])
@pytest.mark.parametrize(
    ("references", "limit", "permitted", "left"),
    [
        ((("requester", P),), {"authors": (P,)}, 1, 0),
        ((("requester", R),), {"authors": (P,)}, 1, 0),
        ((("requester", ELSE),), {"authors": (P,)}, 0, 1),
        ((("requester", "PractitionerRole/else"),), {"authors": (P,)}, 0, 1),
        ((("requester", ""),), {"authors": (P,)}, 0, 0),
        ((), {"authors": (P,)}, 0, 0),
        ((("requester", ELSE), ("requester", "")), {"authors": (ELSE, "Practitioner/x")}, 1, 0),
        ((("requester", ELSE), ("requester", "")), {"authors": (P,)}, 0, 0),
        ((("requester", ELSE),), {"authors": (UNKNOWN,)}, 0, 0),
        ((("focus", "CareTeam/one"),), {"dependents": ("CareTeam/one",)}, 1, 0),
        ((("focus", "CareTeam/one"),), {"dependents": ("CareTeam/two", "Task/t1")}, 0, 1),
        ((), {"dependents": ("Task/t0",)}, 1, 0),
        ((), {"dependents": (UNKNOWN,)}, 0, 0),
    ],
)
def test_limits_by_author_and_by_what_is_referred_to(
    run: Run, references: tuple[tuple[str, str], ...], limit: dict[str, Any], permitted: int, left: int, *, denied: bool
) -> None:
    rules_ = (PERMIT, replace(DENY, **limit)) if denied else (replace(PERMIT, **limit),)
    thing = Thing("t0", dossier="Patient/1", sort=7, references=references)
    made = Case((Consent("Patient/1", "x", 1, rules_),), (), (thing,), (REQUEST,), open_without=False)
    run(lambda repository: finds(repository, made, left if denied else permitted))


async def finds(repository: Repository, case: Case, number: int) -> None:
    await compare(repository, case)
    page = await repository.search(grant(where=predicate(case.asked[0], open_without=False)), Query("Task"))
    assert len(page.resources) == number


@pytest.mark.parametrize(("permitted_to", "denied_to", "found"), [(0, 1, 3), (1, 0, 0), (0, 0, 0)])
def test_the_more_specific_rule_wins_and_a_tie_denies(run: Run, permitted_to: int, denied_to: int, found: int) -> None:
    recipients = ("Practitioner/p", "kind:t|Z3")
    asked = Request(PEOPLE, "practitioner", "TREAT", CATEGORIES[0], NOW, ORGANISATIONS, KINDS, FUNCTIONS)
    permit = Rule("Patient/1", "", 0, "permit", "", recipient=recipients[permitted_to])
    made = Consent("Patient/1", "x", 1, (permit, replace(permit, effect="deny", recipient=recipients[denied_to])))
    things_ = tuple(Thing(f"t{number}", dossier="Patient/1", sort=7) for number in range(3))
    run(lambda repository: finds(repository, Case((made,), (), things_, (asked,), open_without=False), found))
