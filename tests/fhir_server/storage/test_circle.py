"""Circles in SQL, on both engines, against a plain reading of what the nodes of the tree and the gate say."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path

from engines import PostgresServer, empty
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from invented import Thing, created, grant

from fhir_server.access.actor import Actor, Role
from fhir_server.access.circle import conversations, tasks
from fhir_server.search.tree import And, CircleNames, Dossier, InCircle, Node, Not, Or, Query
from fhir_server.storage import migrate
from fhir_server.storage.circle import CONVERSATION, EVERYBODY, Circle
from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import TEAMS, Membership, Repository

EXAMPLES = examples(10)
NOW = 50
PATIENTS = ("Patient/1", "Patient/2")
PEOPLE = ("Practitioner/p", "RelatedPerson/r", "Practitioner/q")
DEPARTMENTS, NETWORKS = ("CareTeam/d", "CareTeam/e"), ("CareTeam/n", "CareTeam/m")
LEFT = ("Organization/former",)
ALL = ("Task/r0", "Task/r1", "Task/r2", "Task/r3")


@dataclass(frozen=True)
class One:
    """A resource in a dossier, with its circle."""

    reference: str
    dossier: str
    circle: Circle


@dataclass(frozen=True)
class Case:
    """Resources, memberships with the care team that gives each, and who asks."""

    things: tuple[One, ...]
    members: tuple[tuple[str, Membership], ...]
    actor: Actor


def some(*values: str, most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True, max_size=min(most, len(values))).map(tuple)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    things = []
    for reference in ALL:
        members = draw(some(*PEOPLE, *DEPARTMENTS, *NETWORKS, EVERYBODY, CONVERSATION))
        of = draw(st.sampled_from((reference, reference, "", *ALL)))
        alone = draw(some(*members)) if members else ()
        things.append(One(reference, draw(st.sampled_from((*PATIENTS, PATIENTS[0], ""))), Circle(of, members, alone)))
    spans, through = st.sampled_from(((0, 100), (0, 50), (50, 51), (60, 100))), st.sampled_from(("", "Organization/o", *LEFT))
    member = st.builds(
        lambda team, who, patient, span, by: (
            (team, Membership(who, patient, *span, by)) if team in NETWORKS else (team, Membership(who, TEAMS, *span, by))
        ),
        *(
            st.sampled_from((*NETWORKS, *NETWORKS, *DEPARTMENTS)),
            st.sampled_from((*PEOPLE, *DEPARTMENTS)),
            st.sampled_from(PATIENTS),
        ),
        *(spans, through),
    )
    role: Role = draw(st.sampled_from(("practitioner", "related-person", "patient")))
    people = draw(st.sampled_from((PEOPLE[:1], PEOPLE[1:2], PEOPLE[::2]))) if role != "patient" else PATIENTS[:1]
    actor = Actor(people[0], role, (), people=people, teams=draw(some(*DEPARTMENTS)), left=draw(st.sampled_from(((), LEFT))))
    return Case(tuple(things), tuple(draw(st.lists(member, max_size=5))), actor)


def nodes(actor: Actor) -> list[Node]:
    members = (*actor.people, *actor.teams)
    return [
        conversations(actor, NOW, writes=False),
        conversations(actor, NOW, writes=True),
        tasks(actor, NOW),
        *(InCircle(actor.people, members, NOW, actor.left, own, networks) for own in (False, True) for networks in (False, True)),
        *(CircleNames((*members, CONVERSATION), own, alone) for own in (False, True) for alone in (False, True)),
    ]


def holds(case: Case, node: Node, one: One) -> bool:
    match node:
        case And(parts):
            return all(holds(case, part, one) for part in parts)
        case Or(parts):
            return any(holds(case, part, one) for part in parts)
        case Not(part):
            return not holds(case, part, one)
        case Dossier(patients):
            return one.dossier in patients
        case InCircle(people, members, at, left, own, networks):
            stand = standing(case, one, own=own)
            teams = {
                team
                for team, each in case.members
                if each.member in members
                and each.dossier == one.dossier
                and each.start <= at < each.end
                and each.through not in left
            }
            return bool(teams) and bool(stand.keys() & {*people, EVERYBODY, *(teams if networks else ())})
        case CircleNames(names, own, alone, others):
            stand = standing(case, one, own=own)
            elsewhere = not others or one.circle.of not in {"", one.reference}
            return elsewhere and any(each in stand and (stand[each] or not alone) for each in names)
    raise AssertionError(node)


def standing(case: Case, one: One, *, own: bool) -> dict[str, bool]:
    """Return who stands in the circle that counts for the resource, and whether alone."""
    wanted = one.reference if own else one.circle.of
    maker = next((each for each in case.things if each.reference == wanted), None)
    if maker is None or not one.dossier or maker.dossier != one.dossier:
        return {}
    return {each: each in maker.circle.alone for each in maker.circle.members}


async def compare(repository: Repository, case: Case) -> None:
    for team in (*NETWORKS, *DEPARTMENTS):
        given_ = [each for at, each in case.members if at == team]
        await repository.commit([grant("CareTeam")], [created(Thing(team.partition("/")[2], "CareTeam"), given_)], ())
    changes = [replace(created(Thing(one.reference[5:], dossier=one.dossier, sort=7)), circle=one.circle) for one in case.things]
    await repository.commit([grant("Task")], changes, ())
    for node in nodes(case.actor):
        wanted = {one.reference for one in case.things if holds(case, node, one)}
        found = await repository.search(grant(where=node), Query("Task"))
        assert {f"Task/{each.id}" for each in found.resources} == wanted, (repository, node)
        assert await repository.count(grant(where=node), Query("Task", Dossier(PATIENTS))) == len(wanted)
        for one in case.things:
            stored = await repository.read(grant(where=node), "Task", one.reference[5:])
            assert stored is not None
            assert stored.visible == (one.reference in wanted)


def test_circles_mean_the_same_in_sql(postgres_server: PostgresServer, tmp_path: Path) -> None:
    sqlite, postgres = f"sqlite:///{tmp_path}/hub.db", postgres_server.create("circles", "template_hub")
    migrate.upgrade(sqlite)
    with asyncio.Runner() as runner:
        repositories = [runner.run(open_repository(url)) for url in (sqlite, postgres)]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(cases())
        def check(case: Case) -> None:
            empty(sqlite, postgres)
            for repository in repositories:
                runner.run(compare(repository, case))

        check()
        for repository in repositories:
            runner.run(repository.close())
    postgres_server.drop("circles")
