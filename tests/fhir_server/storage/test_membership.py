from dataclasses import replace

from invented import Run, Thing, created, deleted, grant, put, updated

from fhir_server.search.tree import MemberOf, Query, TeamMate
from fhir_server.storage.repository import Membership, Repository

TEAM = Thing("team", "CareTeam", dossier="Patient/1")
NURSE, DAUGHTER = "Practitioner/nurse", "RelatedPerson/daughter"


async def seen(repository: Repository, person: str, at: int) -> bool:
    stored = await repository.read(grant(where=MemberOf((person,), at)), "Task", "one")
    assert stored is not None
    found = await repository.count(grant(), Query("Task", MemberOf((person,), at)))
    member = await repository.is_member(MemberOf((person, "Patient/nobody"), at), "Patient/1")
    assert (found == 1) == stored.visible == member
    among = await repository.members_among(MemberOf((person, "Patient/nobody"), at), "Patient/1")
    assert among == ([person] if member else [])
    return stored.visible


def test_a_member_sees_the_dossier_from_start_until_before_end(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("one", dossier="Patient/1"), Thing("two", dossier="Patient/2"), Thing("none"))
        await repository.commit([grant("CareTeam")], [created(TEAM, [Membership(NURSE, "Patient/1", 10, 20)])], ())
        assert [await seen(repository, NURSE, at) for at in (9, 10, 19, 20)] == [False, True, True, False]
        assert not await seen(repository, DAUGHTER, 15)

    run(body)


def test_the_members_are_those_of_the_newest_version(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("one", dossier="Patient/1"))
        await repository.commit([grant("CareTeam")], [created(TEAM, [Membership(NURSE, "Patient/1", 0, 100)])], ())
        members = [Membership(NURSE, "Patient/1", 0, 50), Membership(DAUGHTER, "Patient/1", 60, 100)]
        await repository.commit([grant("CareTeam")], [updated(TEAM, TEAM, 1, members)], ())
        assert [await seen(repository, NURSE, at) for at in (40, 70)] == [True, False]
        assert await seen(repository, DAUGHTER, 70)
        await repository.commit([grant("CareTeam")], [updated(TEAM, TEAM, 2, members[1:])], ())
        assert not await seen(repository, NURSE, 40)
        await repository.commit([grant("CareTeam")], [deleted(TEAM, 3)], ())
        assert not await seen(repository, DAUGHTER, 70)

    run(body)


def test_two_periods_and_two_teams_add_up(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("one", dossier="Patient/1"))
        twice = [
            Membership(NURSE, "Patient/1", 0, 10),
            Membership(NURSE, "Patient/1", 20, 30),
            Membership(NURSE, "Patient/1", 0, 5),
        ]
        second = replace(TEAM, id="second")
        await repository.commit([grant("CareTeam")], [created(TEAM, twice), created(second, twice[1:2])], ())
        assert [await seen(repository, NURSE, at) for at in (7, 15, 25)] == [True, False, True]
        await repository.commit([grant("CareTeam")], [deleted(TEAM)], ())
        assert [await seen(repository, NURSE, at) for at in (7, 25)] == [False, True]

    run(body)


def test_team_mates_are_members_of_a_dossier_of_mine_at_the_same_instant(run: Run) -> None:
    async def body(repository: Repository) -> None:
        people = [Thing(name, "Practitioner") for name in ("nurse", "gp", "stranger", "former")]
        await put(repository, *people)
        mine = [Membership(NURSE, "Patient/1", 0, 100), Membership("Practitioner/gp", "Patient/1", 0, 100)]
        mine.append(Membership("Practitioner/former", "Patient/1", 0, 10))
        other = [Membership("Practitioner/stranger", "Patient/2", 0, 100)]
        await repository.commit([grant("CareTeam")], [created(TEAM, mine), created(replace(TEAM, id="other"), other)], ())
        for at, names in ((50, ["gp", "nurse"]), (5, ["former", "gp", "nurse"]), (100, [])):
            where = grant("Practitioner", TeamMate((NURSE,), at))
            page = await repository.search(where, Query("Practitioner"))
            assert sorted(one.id for one in page.resources) == names
            fetched = await repository.fetch([where], [f"Practitioner/{thing.id}" for thing in people])
            assert sorted(one.id for one in fetched) == names

    run(body)


def test_on_whose_behalf_somebody_takes_part(run: Run) -> None:
    async def body(repository: Repository) -> None:
        await put(repository, Thing("home", "Organization"), Thing("gp", "Organization"), Thing("one", dossier="Patient/1"))
        given = [
            Membership(NURSE, "Patient/1", 0, 10, "Organization/home"),
            Membership(NURSE, "Patient/2", 5, 10, "Organization/gp"),
            Membership(NURSE, "Patient/3", 0, 10),
            Membership(DAUGHTER, "Patient/1", 0, 10, "Organization/unknown"),
        ]
        await repository.commit([grant("CareTeam")], [created(TEAM, given)], ())
        assert list(await repository.employers_of([NURSE], 0)) == ["Organization/home"]
        assert sorted(await repository.employers_of([NURSE, DAUGHTER], 5)) == ["Organization/gp", "Organization/home"]
        assert list(await repository.employers_of([DAUGHTER], 5)) == []
        assert list(await repository.employers_of([NURSE], 10)) == []
        left = MemberOf((NURSE,), 0, ("Organization/home",))
        assert await repository.is_member(MemberOf((NURSE,), 0), "Patient/1")
        assert not await repository.is_member(left, "Patient/1")
        assert await repository.is_member(left, "Patient/3")
        both = (DAUGHTER, NURSE)
        assert await repository.members_among(MemberOf(both, 0), "Patient/1") == [DAUGHTER, NURSE]
        assert await repository.members_among(MemberOf(both, 0, ("Organization/home",)), "Patient/1") == [DAUGHTER]
        many = [f"Practitioner/{number}" for number in range(50)]
        assert await repository.members_among(MemberOf((*many, NURSE, *many), 0), "Patient/3") == [NURSE]

    run(body)
