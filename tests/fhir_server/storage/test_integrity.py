"""What a commit requires and what it must leave without referrers, also when many write at once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from invented import LINE, Run, Thing, created, deleted, grant, put, updated

from fhir_server.search.rows import key
from fhir_server.search.tree import Dossier, Node, Query, ReferenceTo
from fhir_server.storage.integrity import MOST_REFERRERS, Dangling, StillReferred
from fhir_server.storage.repository import Change, Repository, VersionConflict

TARGET, OTHER = Thing("target", dossier="Patient/1"), Thing("other", dossier="Patient/1")
LINKS = (key("Task", "focus", "Task/target"), key("\x1flink", "Task/target"))
WHERES = [None, Dossier(("Patient/1",))]
"""An open grant, under which PostgreSQL writes in one statement, and one that is checked."""


def referring(id_: str, to: str = "Task/target") -> Thing:
    return Thing(id_, dossier="Patient/1", references=(("focus", to),))


def requiring(change: Change, *targets: str) -> Change:
    return replace(change, requires=targets or ("Task/target",))


def gone(thing: Thing = TARGET, expected: int = 1, links: Sequence[int] = LINKS) -> Change:
    return replace(deleted(thing, expected), links=links)


async def exists(repository: Repository, id_: str) -> bool:
    found = await repository.read(grant(), "Task", id_)
    return found is not None and not found.deleted


@pytest.mark.parametrize("where", WHERES)
def test_what_is_required_must_be_there(run: Run, where: Node | None) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, OTHER)
        grants = [grant(where=where)]
        plain = Thing("plain", dossier="Patient/1")
        await repository.commit(grants, [created(plain)], ())
        create, update = requiring(created(referring("r"))), requiring(updated(plain, referring("plain")))
        for change in (create, update, requiring(created(Thing("s", dossier="Patient/1")), "Task/other", "Task/target")):
            with pytest.raises(Dangling) as refused:
                await repository.commit(grants, [change], [LINE])
            assert refused.value.missing == {"Task/target"}
        await put(repository, TARGET)
        await repository.commit(grants, [create], [LINE])
        await repository.commit(grants, [update], [LINE])
        assert await repository.count(grant(), Query("Task", ReferenceTo("focus", "Task/target"))) == 2

    run(body)


@pytest.mark.parametrize("where", WHERES)
def test_a_version_conflict_stays_one(run: Run, where: Node | None) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, TARGET, OTHER)
        for change in (created(OTHER), updated(OTHER, OTHER, 3)):
            with pytest.raises(VersionConflict):
                await repository.commit([grant(where=where)], [requiring(change)], [LINE])

    run(body)


@pytest.mark.parametrize("where", WHERES)
def test_what_is_deleted_is_not_there(run: Run, where: Node | None) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, TARGET)
        await repository.commit([grant(where=where)], [gone()], ())
        with pytest.raises(Dangling):
            await repository.commit([grant(where=where)], [requiring(created(referring("r")))], ())

    run(body)


@pytest.mark.parametrize("where", WHERES)
def test_what_is_referred_to_stays(run: Run, where: Node | None) -> None:
    async def body(repository: Repository) -> None:
        uncovered = Thing("u", dossier="Patient/1", references=())
        await put(repository, TARGET, referring("r"))
        row = uncovered.indexed.rows[0]._replace(key=LINKS[1], high=0)
        hidden = replace(created(uncovered), indexed=replace(uncovered.indexed, rows=(*uncovered.indexed.rows, row)))
        await repository.commit([grant()], [hidden], ())
        with pytest.raises(StillReferred) as refused:
            await repository.commit([grant(where=where)], [gone()], [LINE])
        assert (refused.value.target, refused.value.referrers) == ("Task/target", ("Task/r", "Task/u"))
        assert await exists(repository, "target")
        await repository.commit([grant()], [deleted(referring("r"))], ())
        await repository.commit([grant()], [replace(deleted(uncovered), previous=hidden.indexed)], ())
        await repository.commit([grant(where=where)], [gone()], [LINE])
        assert not await exists(repository, "target")

    run(body)


def test_a_commit_counts_as_a_whole(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await repository.commit([grant()], [requiring(created(referring("r"))), created(TARGET)], ())
        changes = [gone(), updated(referring("r"), Thing("r")), requiring(created(Thing("n")))]
        with pytest.raises(Dangling):
            await repository.commit([grant()], changes, ())
        await repository.commit([grant()], [gone(), updated(referring("r"), Thing("r"))], ())
        assert not await exists(repository, "target")

    run(body)


def test_not_more_referrers_are_told_than_anybody_reads(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, TARGET, *(referring(f"r{number}") for number in range(MOST_REFERRERS + 5)))
        with pytest.raises(StillReferred) as refused:
            await repository.commit([grant()], [gone()], ())
        assert len(refused.value.referrers) == MOST_REFERRERS

    run(body)


@pytest.mark.parametrize("where", WHERES)
@pytest.mark.parametrize("together", [False, True])
def test_of_a_reference_and_a_deletion_at_once_one_is_made(run: Run, where: Node | None, *, together: bool) -> None:
    async def attempt(repository: Repository, *changes: Change) -> bool:
        try:
            await repository.commit([grant(where=where)], changes, ())
        except (Dangling, StillReferred, VersionConflict):
            return False
        return True

    async def race(repository: Repository, number: int) -> None:
        name = f"t{number}"
        target, pointer = replace(TARGET, id=name), referring(f"r{number}", f"Task/{name}")
        await put(repository, target)
        beside = [created(Thing(f"b{number}", dossier="Patient/1"))] if together else []
        works = [
            attempt(repository, requiring(created(pointer), f"Task/{name}"), *beside),
            attempt(repository, gone(target, links=(key("Task", "focus", f"Task/{name}"),))),
        ]
        made, deleted_ = await asyncio.gather(*(works if number % 2 else works[::-1]))
        assert (made, deleted_) in {(True, False), (False, True)}
        both = [await exists(repository, pointer.id), await exists(repository, name)]
        assert both in ([True, True], [False, False])

    async def body(repository: Repository) -> None:
        for start in range(0, 24, 4):
            await asyncio.gather(*(race(repository, number) for number in range(start, start + 4)))

    run(body)


def test_resources_that_refer_to_each_other_may_be_changed_at_once(run: Run) -> None:
    """Each write locks what it writes and looks at what the other writes: none is lost, and none waits for ever."""

    async def change(repository: Repository, id_: str, to: str) -> None:
        for version in range(1, 9):
            old, new = Thing(id_), Thing(id_, updated=version)
            while True:
                try:
                    await repository.commit([grant()], [requiring(updated(old, new, version), f"Task/{to}")], ())
                    break
                except VersionConflict:
                    continue

    async def body(repository: Repository) -> None:
        await put(repository, Thing("a"), Thing("b"))
        await asyncio.gather(change(repository, "a", "b"), change(repository, "b", "a"))
        for id_ in "ab":
            stored = await repository.read(grant(), "Task", id_)
            assert stored
            assert stored.version == 9

    run(body)
