"""The versions that the store keeps, and commits that depend on nothing matching; both engines in turn."""

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from invented import LINE, Run, Thing, created, deleted, grant, put, updated

from fhir_server.search.tree import (
    And,
    Dossier,
    Id,
    LastUpdated,
    MemberOf,
    Node,
    Nothing,
    Or,
    Query,
    ReferenceTo,
    TeamMate,
    Text,
    Token,
)
from fhir_server.search.versions import Place, Versions
from fhir_server.storage.engines import sqlite_commit
from fhir_server.storage.engines.postgres import PostgresRepository
from fhir_server.storage.repository import (
    Change,
    Criteria,
    Grant,
    Matched,
    Membership,
    OutOfGrant,
    Repository,
    SearchTooSlow,
    Stored,
)

TASKS = Versions("Task", count=1000)
ONE = replace(TASKS, id="a")


def thing(id_: str, version: int, at: int, dossier: str = "Patient/1") -> Thing:
    body = b'{"resourceType":"Task","version":%d}' % version
    references = (("owner", "Practitioner/p"),) if dossier == "Patient/1" else ()
    return Thing(id_, sort=version, dossier=dossier, references=references, updated=at, body=body)


async def fill(repository: Repository) -> None:
    """Store a (1, 2, 4: changed, 7: deleted), b (2, 5: in two versions) of another dossier, and c (9)."""
    a1, a2, a3 = (thing("a", number, at) for number, at in ((1, 1), (2, 2), (3, 4)))
    b1, b2 = thing("b", 1, 2, "Patient/2"), thing("b", 2, 5, "Patient/2")
    await put(repository, a1, b1)
    await repository.commit([grant()], [updated(a1, a2)], ())
    await repository.commit([grant()], [updated(a2, a3, 2)], ())
    await repository.commit([grant()], [updated(b1, b2)], ())
    await repository.commit([grant()], [deleted(a3, 3, 7)], ())
    await put(repository, thing("c", 1, 9), Thing("p", "Patient", updated=3))


def told(stored: Stored) -> str:
    return f"{stored.id}{stored.version}"


ALL = ["c1", "a4", "b2", "a3", "b1", "a2", "a1"]
IN_ONE = ["c1", "a4", "a3", "a2", "a1"]
TEAM = Thing("team", "CareTeam", dossier="Patient/1")


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, ALL),
        (Nothing(), []),
        (Dossier(("Patient/1",)), IN_ONE),
        (Dossier(("Patient/1", "Patient/2")), ALL),
        (MemberOf(("Practitioner/m",), 5), IN_ONE),
        (MemberOf(("Practitioner/m",), 15), []),
        (Or((MemberOf(("Practitioner/m",), 5), Id(("b",)))), ALL),
        (And((MemberOf(("Practitioner/m",), 5), Dossier(("Patient/1",)))), IN_ONE),
        (Id(("b",)), ["b2", "b1"]),
        (TeamMate(("Practitioner/m",), 5), ["b2", "b1"]),
        (ReferenceTo("owner", "Practitioner/p"), ["c1"]),  # what was deleted has no references any more
        (LastUpdated("lt", 8, 8), ["a4", "b2", "a3", "b1", "a2", "a1"]),
    ],
    ids=lambda value: "".join(value) if isinstance(value, list) else type(value).__name__,
)
def test_what_a_grant_covers_now_decides_about_all_versions(run: Run, where: Node | None, expected: list[str]) -> None:
    async def body(repository: Repository) -> None:
        await fill(repository)
        given = [Membership("Practitioner/m", "Patient/1", 0, 10), Membership("Task/b", "Patient/1", 0, 10)]
        await repository.commit([grant("CareTeam")], [created(TEAM, given)], ())
        page = await repository.history(grant(where=where), TASKS)
        assert [told(each) for each in page.resources] == expected
        assert not page.more
        assert await repository.count_versions(grant(where=where), TASKS) == len(expected)
        instance = [each for each in expected if each.startswith("a")]
        assert [told(each) for each in (await repository.history(grant(where=where), ONE)).resources] == instance
        assert await repository.count_versions(grant(where=where), ONE) == len(instance)

    run(body)


def test_a_version_is_what_was_stored(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await fill(repository)
        found = (await repository.history(grant(), ONE)).resources
        assert [(each.version, each.updated, each.deleted) for each in found] == [
            (4, 7, True),
            (3, 4, False),
            (2, 2, False),
            (1, 1, False),
        ]
        assert [each.body for each in found] == [b"", *(b'{"resourceType":"Task","version":%d}' % number for number in (3, 2, 1))]
        assert all((each.type, each.visible) == ("Task", True) for each in found)

    run(body)


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"since": 0}, ALL),
        ({"since": 5}, ["c1", "a4", "b2"]),
        ({"since": 10}, []),
        ({"at": (2, 3)}, ["b1", "a2"]),
        ({"at": (3, 4)}, ["b1", "a2"]),
        ({"at": (4, 5)}, ["a3", "b1"]),
        ({"at": (4, 6)}, ["b2", "a3", "b1"]),
        ({"at": (6, 7)}, ["b2", "a3"]),
        ({"at": (8, 9)}, ["a4", "b2"]),
        ({"at": (0, 1)}, []),
        ({"at": (6, 100), "since": 5}, ["c1", "a4", "b2"]),
    ],
)
def test_since_and_at(run: Run, bounds: dict[str, Any], expected: list[str]) -> None:
    async def body(repository: Repository) -> None:
        await fill(repository)
        for where in (None, Dossier(("Patient/1", "Patient/2"))):
            for asked in (replace(TASKS, **bounds), replace(ONE, **bounds)):
                found = [told(each) for each in (await repository.history(grant(where=where), asked)).resources]
                assert found == [each for each in expected if not asked.id or each.startswith("a")]
                assert await repository.count_versions(grant(where=where), asked) == len(found)

    run(body)


@pytest.mark.parametrize("where", [None, Dossier(("Patient/1", "Patient/2"))], ids=["open", "narrow"])
@pytest.mark.parametrize("asked", [TASKS, replace(TASKS, id="t3")], ids=["type", "instance"])
def test_pages_are_complete_and_in_order_over_ties_and_under_writes(run: Run, asked: Versions, where: Node | None) -> None:
    async def body(repository: Repository) -> None:
        for number in range(1, 9):  # eight versions of five resources, two rounds at one instant each
            things = [thing(f"t{one}", number, number // 2) for one in range(5)]
            if number == 1:
                await put(repository, *things)
            else:
                changes = [updated(thing(each.id, number - 1, 0), each, number - 1) for each in things]
                await repository.commit([grant()], changes, ())
        everything = [told(each) for each in (await repository.history(grant(where=where), asked)).resources]
        assert len(everything) == (8 if asked.id else 40)
        found: list[str] = []
        query = replace(asked, count=3)
        for turn in range(20):
            page = await repository.history(grant(where=where), query)
            found += [told(each) for each in page.resources]
            if not page.more:
                break
            last = page.resources[-1]
            query = replace(query, after=Place(last.updated, last.row, last.version))
            await put(repository, thing(f"new{turn}", 1, 100 + turn))
            old = thing("t3", 8 + turn, 0)
            await repository.commit([grant()], [updated(old, thing("t3", 9 + turn, 100 + turn), 8 + turn)], ())
        assert found == everything

    run(body)


OPEN = Token("status", "open", "s")
CRITERIA = Criteria(grant(), Query("Task", OPEN))


def open_task(id_: str, dossier: str = "") -> Thing:
    return Thing(id_, dossier=dossier, tokens=(("status", "open", "s"),), references=(("owner", "Practitioner/a"),))


async def attempt(repository: Repository, id_: str, criteria: Criteria = CRITERIA, where: Node | None = None) -> bool:
    try:
        await repository.commit([grant(where=where)], [created(open_task(id_, "Patient/1"))], [LINE], [criteria])
    except Matched:
        return False
    return True


@pytest.mark.parametrize("where", [None, Dossier(("Patient/1",))], ids=["open", "narrow"])
def test_of_many_commits_with_the_same_criteria_exactly_one_is_made(run: Run, where: Node | None) -> None:
    async def body(repository: Repository) -> None:
        criteria = Criteria(grant(where=where), CRITERIA.query)
        made = await asyncio.gather(*(attempt(repository, f"t{number}", criteria, where) for number in range(20)))
        assert made.count(True) == 1
        assert await repository.count(grant(), Query("Task", OPEN)) == 1
        assert await repository.read(grant(), "Task", f"t{made.index(True)}") is not None

    run(body)


def test_the_order_in_which_criteria_are_written_does_not_matter(run: Run) -> None:
    async def body(repository: Repository) -> None:
        owner = ReferenceTo("owner", "Practitioner/a")
        both = [Criteria(grant(), Query("Task", And(parts))) for parts in ((OPEN, owner), (owner, OPEN))]
        made = await asyncio.gather(*(attempt(repository, f"t{number}", both[number % 2]) for number in range(20)))
        assert made.count(True) == 1

    run(body)


def test_criteria_match_nothing_outside_their_grant_nor_what_is_deleted(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, open_task("other", "Patient/2"), open_task("gone", "Patient/1"))
        await repository.commit([grant()], [deleted(open_task("gone", "Patient/1"))], ())
        narrow = Criteria(grant(where=Dossier(("Patient/1",))), CRITERIA.query)
        assert await attempt(repository, "first", narrow)
        assert not await attempt(repository, "second", narrow)

    run(body)


def test_a_commit_that_something_matches_writes_nothing(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, open_task("known"))
        none = Criteria(grant(), Query("Task", Token("status", "closed", "s")))
        changes = [created(Thing("x")), created(Thing("y"))]
        with pytest.raises(Matched):
            await repository.commit([grant()], changes, [LINE], [none, CRITERIA])
        assert await repository.read(grant(), "Task", "x") is None
        with pytest.raises(OutOfGrant):
            await repository.commit([grant(where=Dossier(("Patient/9",)))], [created(Thing("x"))], [LINE], [none])
        await repository.commit([grant()], changes, [LINE], [none])
        assert await repository.read(grant(), "Task", "x") is not None

    run(body)


def test_criteria_that_take_long_are_stopped_and_harm_nobody(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(repository: Repository) -> None:
        if isinstance(repository, PostgresRepository):
            pytest.skip("PostgreSQL itself stops a statement that takes long")
        await put(repository, *(Thing(f"t{number}", texts=(("name", f"n{number}", "N"),)) for number in range(300)))
        monkeypatch.setattr(sqlite_commit, "LONGEST_MATCH", -1.0)
        monkeypatch.setattr(sqlite_commit, "STEPS", 1)
        slow = Criteria(grant(), Query("Task", Text("name", "x", "contains")))
        results = await asyncio.gather(
            attempt(repository, "slow", slow), put(repository, Thing("other")), repository.record(LINE), return_exceptions=True
        )
        assert [type(each) for each in results] == [SearchTooSlow, type(None), type(None)]
        assert await repository.read(grant(), "Task", "slow") is None
        assert await repository.read(grant(), "Task", "other") is not None

    run(body)


class Model:
    """The versions as a plain list, made by random writes to a few resources of two dossiers."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.versions: list[tuple[int, int, int, str]] = []  # updated, row, version, id
        self.current: dict[str, tuple[Thing, int, bool]] = {}
        self.rows: list[str] = []

    def change(self, now: int) -> Change:
        id_ = f"r{self.random.randrange(6)}"
        dossier = f"Patient/{self.random.randrange(2)}"
        new = Thing(id_, sort=self.random.randrange(9), dossier=dossier, updated=now)
        old, version, gone = self.current.get(id_, (new, 0, True))
        if not version:
            self.rows.append(id_)
        self.versions.append((now, self.rows.index(id_), version + 1, id_))
        if version and not gone and self.random.random() < 0.2:
            self.current[id_] = (old, version + 1, True)  # a deletion stays in its dossier
            return deleted(old, version, now)
        self.current[id_] = (new, version + 1, False)
        change = updated(old, new, version) if version else created(new)
        return replace(change, previous=None) if gone else change

    def expected(self, asked: Versions, dossier: str) -> list[str]:
        """Return what ``asked`` is, without regard to pages."""
        kept = [each for each in self.versions if self._is_meant(each, asked, dossier)]
        if asked.id:
            kept.sort(key=lambda each: -each[2])
        return [f"{id_}{version}" for _, _, version, id_ in (kept if asked.id else sorted(kept, reverse=True))]

    def _is_meant(self, each: tuple[int, int, int, str], asked: Versions, dossier: str) -> bool:
        made, _, version, id_ = each
        following = next((other[0] for other in self.versions if other[2:] == (version + 1, id_)), None)
        low, high = asked.at or (0, 1000)
        return (
            dossier in {"", self.current[id_][0].dossier}
            and asked.id in {"", id_}
            and made >= (asked.since or 0)
            and (asked.at is None or (made < high and (following is None or following > low)))
        )

    def asked(self) -> Versions:
        low = self.random.randrange(30)
        return Versions(
            "Task",
            id=self.random.choice(["", "", "r1", "r2"]),
            since=self.random.choice([None, self.random.randrange(30)]),
            at=self.random.choice([None, (low, low + self.random.randint(1, 9))]),
            count=self.random.randint(1, 9),
        )


async def every_page(repository: Repository, given: Grant, asked: Versions) -> list[str]:
    found: list[str] = []
    while True:
        page = await repository.history(given, asked)
        found += [told(each) for each in page.resources]
        if not page.more:
            return found
        last = page.resources[-1]
        asked = replace(asked, after=Place(last.updated, last.row, last.version))


@pytest.mark.parametrize("seed", range(3))
def test_a_history_is_what_a_plain_list_says(run: Run, seed: int) -> None:
    async def body(repository: Repository) -> None:
        model = Model(Random(seed))
        for turn in range(80):
            await repository.commit([grant()], [model.change(turn // 3)], ())
        for _ in range(60):
            asked, dossier = model.asked(), model.random.choice(["", "Patient/0", "Patient/1"])
            given = grant(where=Dossier((dossier,)) if dossier else None)
            expected = model.expected(asked, dossier)
            assert await every_page(repository, given, asked) == expected
            assert await repository.count_versions(given, asked) == len(expected)

    run(body)
