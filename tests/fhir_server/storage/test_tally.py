"""Counting by dossier gives the number of what is listed: random Tasks, teams and consents that change, on both engines."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from engines import PostgresServer, empty
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented import Run, Thing, grant

from fhir_server.access.actor import Actor
from fhir_server.access.gate import Gate
from fhir_server.access.invited import CODES, INVITATION
from fhir_server.access.roles import load_roles
from fhir_server.access.scope import parse_scopes
from fhir_server.catalog.catalog import load
from fhir_server.network.circle import circle
from fhir_server.search.extract import extract
from fhir_server.search.parse import parse
from fhir_server.search.rows import EARLIEST, LATEST, Indexed
from fhir_server.search.tree import And, Dossier, MemberOf, Not, Query, Token
from fhir_server.storage import migrate
from fhir_server.storage.circle import Circle
from fhir_server.storage.consent_rule import Rule
from fhir_server.storage.dialect import SQLITE
from fhir_server.storage.engines.reads import Reads
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import TEAMS, Change, Grant, Membership, Repository
from fhir_server.storage.shape import Value, shape_of
from fhir_server.storage.tally import counting, of_dossier

Json = dict[str, Any]
Parameters = tuple[tuple[str, str], ...]
EXAMPLES = examples(8)
CATALOG = load()
TASK = CATALOG.types["Task"]
NOW = 50_000_000
GATE = Gate(CATALOG, load_roles(CATALOG.types), lambda: NOW)
BASE = "https://hub.example/fhir"
ME, ROLE, OTHER = "Practitioner/me", "PractitionerRole/me", "Practitioner/other"
DEPARTMENT, NETWORKS = "CareTeam/department", ("CareTeam/one", "CareTeam/two")
PATIENTS = ("Patient/1", "Patient/2")
THREADS = tuple(f"CommunicationRequest/{each[-1]}" for each in PATIENTS)
LEFT = "Organization/former"
SECRET = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
ASKED: tuple[Parameters, ...] = (
    (("owner", ME), ("status", "requested")),
    (("status", "requested"), ("owner", f"{BASE}/{ME}")),
    (("owner", f"{ME},{ROLE}"), ("status", "requested,accepted")),
    (("owner", OTHER), ("status", "requested")),
    (("owner", DEPARTMENT), ("status", "requested")),
)
WRITERS = [grant(each) for each in ("CareTeam", "CommunicationRequest", "Consent", "Task")]


@dataclass(frozen=True)
class World:
    """What is so at one moment: Tasks (None: there is no such), members by network, rules by place, who stands in threads."""

    tasks: tuple[Json | None, ...]
    members: tuple[tuple[Membership, ...], ...]
    rules: tuple[tuple[Rule, ...] | None, ...]
    threads: tuple[tuple[str, ...], ...]


PLACES = tuple((patient, choice) for patient in PATIENTS for choice in ("x", "y"))
LIMITS: tuple[Json, ...] = (
    {"labels": ("N",)},
    {"instances": ("Task/t0", "Task/t1", "Task/t2")},
    {"authors": (ME,)},
    {"dependents": THREADS[:1]},
    {"data_low": 0, "data_high": NOW},
)
MORE: tuple[Json, ...] = (
    {"code": {"coding": [{"system": CODES, "code": INVITATION}]}},
    {"authoredOn": "1970-01-01"},
    {"authoredOn": "2020-01-01"},
    {"meta": {"security": [SECRET]}},
)


def seldom(chance: Random, usual: Any, *others: Any, often: float = 0.7) -> Any:
    """Choose mostly ``usual``."""
    return usual if chance.random() < often else chance.choice(others)


def task(chance: Random, number: int) -> Json | None:
    patient = seldom(chance, chance.choice(PATIENTS), f"{BASE}/{PATIENTS[1]}", f"{PATIENTS[0]}/_history/!", "", often=0.8)
    owner = seldom(
        chance, ME, ROLE, f"{BASE}/{ME}", f"{ME}/_history/2", f"{ME}/_history/!", OTHER, DEPARTMENT, "#me", "", often=0.5
    )
    thread, requester = chance.choice((*THREADS, "")), chance.choice((ME, OTHER, ""))
    named = {"for": patient, "owner": owner, "requester": requester}
    references = {name: {"reference": each} for name, each in named.items() if each}
    about = {"basedOn": [{"reference": thread}]} if thread else {}
    status = seldom(chance, "requested", "accepted", "completed", often=0.8)
    made = {"resourceType": "Task", "id": f"t{number}", "intent": "order", "status": status, **references, **about}
    return seldom(chance, made | seldom(chance, {}, *MORE), None, often=0.9)


def membership(chance: Random) -> Membership:
    who, dossier = seldom(chance, ME, ROLE, DEPARTMENT, OTHER, often=0.6), chance.choice(PATIENTS)
    start, end = seldom(chance, (0, LATEST), (0, NOW), (0, NOW + 1), (NOW, LATEST), (NOW + 1, LATEST))
    return Membership(who, dossier, start, end, seldom(chance, "", LEFT))


def rule(chance: Random) -> Rule:
    starts, ends = seldom(chance, (EARLIEST, LATEST), (EARLIEST, NOW), (NOW, LATEST), (NOW + 1, LATEST), often=0.8)
    return Rule(
        *("", "", 0, chance.choice(("permit", "permit", "permit", "deny", "none")), ""),
        recipient=seldom(chance, ME, NETWORKS[0], OTHER, "kind:t|Z3"),
        purposes=seldom(chance, ("TREAT",), ("COC",), ()),
        categories=seldom(chance, (TASK.category_coding,), (), ("s|other",), often=0.8),
        starts=starts,
        ends=ends,
        **seldom(chance, {}, *LIMITS, often=0.5),
    )


def world(number: int) -> World:
    chance = Random(number)
    without = chance.random() < 0.3
    return World(
        tuple(task(chance, number) for number in range(12)),
        tuple(tuple(membership(chance) for _ in range(chance.randrange(3))) for _ in NETWORKS),
        tuple(
            None if without or chance.random() < 0.5 else tuple(rule(chance) for _ in range(chance.randrange(3))) for _ in PLACES
        ),
        tuple(chance.choice(((DEPARTMENT,), (OTHER, DEPARTMENT), (OTHER,))) for _ in THREADS),
    )


def actor(number: int) -> Actor:
    chance = Random(number)
    return Actor(
        *(ME, seldom(chance, "practitioner", "related-person", "system"), parse_scopes("user/*.cruds")),
        people=seldom(chance, (ME,), (ME, ROLE)),
        teams=seldom(chance, (), (DEPARTMENT,)),
        left=seldom(chance, (), (LEFT,)),
        patient=seldom(chance, "", PATIENTS[0]),
        purpose="TREAT",
    )


NUMBERS = st.integers(0, 2**32)
worlds, actors = NUMBERS.map(world), NUMBERS.map(actor)


class Keeper:
    """Brings a repository from one world to the next; ``kept`` are what was stored under each reference, with its version."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.kept: dict[str, tuple[int, Indexed | None]] = {}
        self.moment = 0

    async def store(self, world: World) -> None:
        """Commit what is different in ``world``."""
        self.moment += 1
        changes = [self.change(DEPARTMENT, Thing("", "CareTeam").indexed, members=(Membership(ME, TEAMS, 0, LATEST),))]
        for team, members in zip(NETWORKS, world.members, strict=True):
            changes.append(self.change(team, Thing("", "CareTeam").indexed, members=members))
        for thread, patient, standing in zip(THREADS, PATIENTS, world.threads, strict=True):
            about = Thing("", "CommunicationRequest", dossier=patient).indexed
            changes.append(self.change(thread, about, circle=Circle(thread, standing)))
        for (patient, choice), made in zip(PLACES, world.rules, strict=True):
            consent = f"Consent/{patient[8:]}{choice}"
            named = [replace(each, dossier=patient, choice=choice, consent=consent) for each in made or ()]
            if made is not None:
                changes.append(self.change(consent, Thing("", "Consent", dossier=patient).indexed, rules=named))
        for number, each in enumerate(world.tasks):
            reference, found = f"Task/t{number}", extract(each, TASK, BASE) if each else None
            if found is not None or self.kept.get(reference, (0, None))[1] is not None:
                changes.append(self.change(reference, found, circle=circle(each or {}, BASE)))
        await self.repository.commit(WRITERS, changes, ())

    def change(self, reference: str, indexed: Indexed | None, **more: Any) -> Change:
        type_, _, id_ = reference.partition("/")
        version, before = self.kept.get(reference, (0, None))
        self.kept[reference] = version + 1, indexed
        body = b'{"resourceType":"%b"}' % type_.encode() if indexed else b""
        return Change(type_, id_, version, self.moment, body, indexed, before, **more)


async def listed(repository: Repository, held: Grant, query: Query) -> int:
    """Return how many somebody finds who goes from page to page."""
    number = 0
    while True:
        page = await repository.search(held, replace(query, count=2))
        number += len(page.resources)
        if not page.more:
            return number
        query = replace(query, after=page.resources[-1].cursor)


async def compare(repository: Repository, asked: Sequence[Actor]) -> None:
    for each in asked:
        held = GATE.grant(each, "search-type", "Task")
        for parameters in ASKED:
            query = parse(TASK, parameters, base=f"{BASE}/").query
            number = await listed(repository, held, query)
            assert await repository.count(held, query, TASK.tally) == number, (repository, each, parameters)
            assert await repository.count(held, query) == number


def test_what_is_counted_is_what_is_listed(postgres_server: PostgresServer, tmp_path: Path) -> None:
    sqlite, postgres = f"sqlite:///{tmp_path}/hub.db", postgres_server.create("tallies", "template_hub")
    migrate.upgrade(sqlite)
    with asyncio.Runner() as runner:
        repositories = [runner.run(open_repository(url)) for url in (sqlite, postgres)]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.lists(worlds, min_size=1, max_size=2), st.lists(actors, min_size=1, max_size=3))
        def check(history: list[World], asked: list[Actor]) -> None:
            empty(sqlite, postgres)
            for repository in repositories:
                keeper = Keeper(repository)
                for world in history:
                    runner.run(keeper.store(world))
                    runner.run(compare(repository, asked))

        check()
        for repository in repositories:
            runner.run(repository.close())
    postgres_server.drop("tallies")


NURSE = Actor(ME, "practitioner", parse_scopes("user/*.cruds"), people=(ME,), purpose="TREAT")
DAUGHTER = replace(NURSE, reference="RelatedPerson/d", role="related-person", people=("RelatedPerson/d",), purpose="PATRQT")
PERMIT = Rule("", "", 0, "permit", "", recipient=ME, purposes=("TREAT",), categories=(TASK.category_coding,))


def mine(number: int, requester: str, thread: str, date: str = "2020-01-01", **more: Any) -> Json:
    named = {"for": PATIENTS[0], "owner": ME, "requester": requester}
    about: Json = {name: {"reference": each} for name, each in named.items()} | {"basedOn": [{"reference": thread}]}
    return {"resourceType": "Task", "id": f"t{number}", "status": "requested", "authoredOn": date, **about, **more}


THREE = (
    mine(0, ME, THREADS[1], "1970-01-01T00:00:10Z"),
    mine(1, OTHER, THREADS[0]),
    mine(2, OTHER, THREADS[1], meta={"security": [SECRET]}),
)
MEMBER, NEVER = Membership(ME, PATIENTS[0], 0, LATEST), ((DEPARTMENT,), (DEPARTMENT,))


@pytest.mark.parametrize(
    ("members", "rules", "number", "statements"),
    [
        ((MEMBER,), None, 3, 1),
        ((replace(MEMBER, end=NOW),), None, 0, 2),
        ((replace(MEMBER, dossier=PATIENTS[1]),), None, 0, 2),
        ((MEMBER,), (PERMIT,), 3, 1),
        ((MEMBER,), (replace(PERMIT, ends=NOW),), 0, 2),
        ((MEMBER,), (replace(PERMIT, effect="none"),), 0, 2),
        ((MEMBER,), (PERMIT, replace(PERMIT, effect="deny")), 0, 2),
        ((MEMBER,), (replace(PERMIT, instances=("Task/t1",)),), 1, 2),
        ((MEMBER,), (replace(PERMIT, labels=("N",)),), 2, 2),
        ((MEMBER,), (replace(PERMIT, authors=(OTHER,)),), 2, 2),
        ((MEMBER,), (replace(PERMIT, dependents=THREADS[:1]),), 1, 2),
        ((MEMBER,), (replace(PERMIT, data_low=0, data_high=NOW),), 1, 2),
        ((MEMBER,), (PERMIT, replace(PERMIT, effect="deny", labels=("R",))), 2, 2),
    ],
)
def test_what_decides_on_all_of_a_dossier_decides_once(
    run: Run, members: tuple[Membership, ...], rules: tuple[Rule, ...] | None, number: int, statements: int
) -> None:
    async def check(repository: Repository) -> None:
        await Keeper(repository).store(World(THREE, (members, ()), (rules, None, None, None), NEVER))
        held, query, asked = GATE.grant(NURSE, "search-type", "Task"), parse(TASK, ASKED[0]).query, list[str]()
        assert await listed(repository, held, query) == number
        assert isinstance(repository, Reads)
        found = repository._found

        async def told(sql: str, parameters: Sequence[Any]) -> list[Any]:
            asked.append(sql)
            return await found(sql, parameters)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(repository, "_found", told)
            assert await repository.count(held, query, TASK.tally) == number
        assert len(asked) == statements

    run(check)


@pytest.mark.parametrize(
    ("who", "parameters", "at_once"),
    [
        (NURSE, ASKED[0], True),
        (NURSE, ASKED[1], True),
        (replace(NURSE, people=(ME, ROLE)), ASKED[2], True),
        (NURSE, ASKED[2], False),
        (NURSE, ASKED[3], False),
        (DAUGHTER, (("owner", DAUGHTER.reference), ("status", "requested")), True),
        (DAUGHTER, ASKED[0], False),
        (replace(NURSE, role="system", people=()), ASKED[3], True),
        (replace(NURSE, purpose="BTG", reason="x"), ASKED[0], False),
        (NURSE, (("owner", ME),), False),
        (NURSE, (("owner", ME), ("status:not", "requested")), False),
        (NURSE, (("owner", ME), ("code", "requested")), False),
        (NURSE, (("requester", ME), ("status", "requested")), False),
        (NURSE, (("owner", ME), ("status", "requested"), ("patient", PATIENTS[0])), False),
    ],
)
def test_only_what_the_owner_asks_is_decided_by_dossier(who: Actor, parameters: Parameters, *, at_once: bool) -> None:
    held, query = GATE.grant(who, "search-type", "Task"), parse(TASK, parameters, base=f"{BASE}/").query
    assert (counting(SQLITE, held, query, TASK.tally) is not None) == at_once


def test_a_client_is_no_member_of_the_own_dossier() -> None:
    values: list[Value] = []
    node = And((MemberOf(PATIENTS[:1], NOW), Not(Dossier(PATIENTS[:1])), Not(Token("status", "draft"))))
    shape = shape_of(node, "Task", values)
    assert of_dossier(shape, values, frozenset()) is None
    assert of_dossier(shape[:-1], values, frozenset()) == shape[:-1]
