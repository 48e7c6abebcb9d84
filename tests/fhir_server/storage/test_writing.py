import asyncio
from dataclasses import replace

import pytest
from invented import LINE, Run, Thing, created, deleted, grant, put, updated

from fhir_server.search.tree import Dossier, MemberOf, Query, ReferenceTo, Token
from fhir_server.storage.repository import Change, Membership, OutOfGrant, Repository, VersionConflict

ONE = Thing("one", sort=5, dossier="Patient/1", tokens=(("status", "open", "s"),), references=(("owner", "Practitioner/a"),))
MOVED = replace(ONE, dossier="Patient/2", references=(("owner", "Practitioner/b"),), updated=2_000_000)


async def exists(repository: Repository, id_: str) -> bool:
    return await repository.read(grant(), "Task", id_) is not None


def test_a_change_must_follow_the_version_it_expects(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        for wrong in (created(ONE), updated(ONE, ONE, 2), updated(ONE, ONE, 7), deleted(ONE, 3), updated(ONE, Thing("none"))):
            with pytest.raises(VersionConflict):
                await repository.commit([grant()], [wrong], [LINE])
        stored = await repository.read(grant(), "Task", "one")
        assert stored is not None
        assert stored.version == 1
        assert await repository.count(grant(), Query("Task")) == 1

    run(body)


def test_one_conflict_undoes_the_whole_commit(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        changes = [created(Thing("new")), updated(ONE, MOVED), updated(ONE, Thing("none"))]
        with pytest.raises(VersionConflict):
            await repository.commit([grant()], changes, [LINE])
        assert not await exists(repository, "new")
        assert await repository.count(grant(), Query("Task", ReferenceTo("owner", "Practitioner/b"))) == 0

    run(body)


def test_one_resource_twice_in_a_commit_is_a_conflict(run: Run) -> None:
    async def body(repository: Repository) -> None:
        for again in (created(Thing("new")), updated(Thing("new"), Thing("new"))):
            with pytest.raises(VersionConflict):
                await repository.commit([grant()], [created(Thing("new")), again], ())
            assert not await exists(repository, "new")

    run(body)


def test_an_update_replaces_what_is_found(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        await repository.commit([grant()], [updated(ONE, MOVED)], ())
        for where, hits in (
            (ReferenceTo("owner", "Practitioner/a"), 0),
            (ReferenceTo("owner", "Practitioner/b"), 1),
            (Dossier(("Patient/1",)), 0),
            (Dossier(("Patient/2",)), 1),
            (Token("status", "open", "s"), 1),
        ):
            assert await repository.count(grant(), Query("Task", where)) == hits

    run(body)


@pytest.mark.parametrize(
    ("dossier", "keeps", "expected"), [("", False, ""), ("", True, "Patient/1"), ("Patient/2", True, "Patient/2")]
)
def test_what_names_no_dossier_keeps_it_only_when_told_so(run: Run, dossier: str, keeps: bool, expected: str) -> None:  # noqa: FBT001
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        change = replace(updated(ONE, replace(ONE, dossier=dossier, updated=2_000_000)), keeps_dossier=keeps)
        await repository.commit([grant()], [change], [LINE])
        found = [each for each in ("Patient/1", "Patient/2") if await repository.count(grant(), Query("Task", Dossier((each,))))]
        assert found == ([expected] if expected else [])

    run(body)


@pytest.mark.parametrize(
    "where", [Dossier(("Patient/1",)), ReferenceTo("owner", "Practitioner/a"), MemberOf(("Practitioner/a",), 5)]
)
def test_nothing_is_written_outside_the_grant(run: Run, where: Dossier | ReferenceTo | MemberOf) -> None:
    async def body(repository: Repository) -> None:
        team = created(Thing("team", "CareTeam"), [Membership("Practitioner/a", "Patient/1", 0, 10)])
        await repository.commit([grant("CareTeam")], [team], ())
        narrow = [grant(where=where)]
        await repository.commit(narrow, [created(ONE)], ())
        other = replace(MOVED, id="other")
        await put(repository, other)
        for change in (
            created(replace(MOVED, id="new")),  # would lie outside
            updated(ONE, MOVED),  # would move outside
            updated(other, replace(ONE, id="other")),  # lies outside, would move inside
            deleted(other),
        ):
            with pytest.raises(OutOfGrant):
                await repository.commit(narrow, [change], [LINE])
        assert not await exists(repository, "new")
        await repository.commit(narrow, [updated(ONE, replace(ONE, updated=3))], ())
        await repository.commit(narrow, [deleted(ONE, 2)], ())

    run(body)


def test_a_type_without_grant_is_outside(run: Run) -> None:
    async def body(repository: Repository) -> None:
        with pytest.raises(OutOfGrant):
            await repository.commit([grant("Patient")], [created(ONE)], ())
        with pytest.raises(OutOfGrant):
            await repository.commit([grant()], [created(ONE), created(Thing("p", "Patient"))], ())
        assert not await exists(repository, "one")

    run(body)


def test_a_deleted_resource_of_others_cannot_be_put_again_to_read_its_past(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        await repository.commit([grant()], [deleted(ONE)], ())
        mine = replace(ONE, dossier="Patient/2")
        again = Change("Task", "one", 2, 9, mine.body, mine.indexed)
        with pytest.raises(OutOfGrant):
            await repository.commit([grant(where=Dossier(("Patient/2",)))], [again], ())

    run(body)


def test_a_membership_cannot_be_given_and_used_for_the_old_version_in_one_commit(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        team = created(Thing("team", "CareTeam"), [Membership("Practitioner/a", "Patient/1", 0, 10)])
        member = MemberOf(("Practitioner/a",), 5)
        with pytest.raises(OutOfGrant):
            await repository.commit([grant("CareTeam"), grant(where=member)], [team, updated(ONE, ONE)], ())
        await repository.commit([grant("CareTeam"), grant(where=member)], [team, created(replace(ONE, id="new"))], ())
        assert await exists(repository, "new")

    run(body)


def test_of_many_commits_on_one_version_exactly_one_wins(run: Run) -> None:
    async def attempt(repository: Repository, number: int, narrow: bool) -> bool:  # noqa: FBT001
        new = replace(ONE, tokens=(("status", f"s{number}", ""),))
        try:
            await repository.commit([grant(where=Dossier(("Patient/1",)) if narrow else None)], [updated(ONE, new)], [LINE])
        except VersionConflict:
            return False
        return True

    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        won = await asyncio.gather(*(attempt(repository, number, number % 2 == 0) for number in range(20)))
        assert won.count(True) == 1
        winner = won.index(True)
        assert await repository.count(grant(), Query("Task", Token("status", f"s{winner}"))) == 1
        counts = [await repository.count(grant(), Query("Task", Token("status", f"s{number}"))) for number in range(20)]
        assert sum(counts) == 1
        assert await repository.count(grant(), Query("Task", Token("status", "open"))) == 0

    run(body)


def test_of_many_creates_of_one_id_exactly_one_wins(run: Run) -> None:
    async def attempt(repository: Repository) -> bool:
        try:
            await repository.commit([grant()], [created(ONE)], ())
        except VersionConflict:
            return False
        return True

    async def body(repository: Repository) -> None:
        won = await asyncio.gather(*(attempt(repository) for _ in range(20)))
        assert won.count(True) == 1
        assert await repository.count(grant(), Query("Task", Token("status", "open"))) == 1

    run(body)


def test_commits_that_wait_together_do_not_harm_each_other(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, ONE)
        works = []
        for number in range(30):
            change = created(ONE) if number % 3 == 0 else created(Thing(f"n{number}"))
            where = Dossier(("Patient/9",)) if number % 3 == 1 else None
            works.append(repository.commit([grant(where=where)], [change], [LINE]))
            works.append(repository.record(LINE))
        results = await asyncio.gather(*works, return_exceptions=True)
        kinds = [type(result) for result in results[::2]]
        assert kinds == [VersionConflict, OutOfGrant, type(None)] * 10
        assert results[1::2] == [None] * 30
        for number in range(30):
            assert await exists(repository, f"n{number}") == (number % 3 == 2)

    run(body)


def test_a_cancelled_commit_harms_nobody(run: Run) -> None:
    async def body(repository: Repository) -> None:
        tasks = [asyncio.create_task(put(repository, Thing(f"t{number}"))) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert results[1::2] == [None] * 10
        await put(repository, *(Thing(f"after{number}") for number in range(20)))
        for number in range(1, 20, 2):
            assert await exists(repository, f"t{number}")

    run(body)
