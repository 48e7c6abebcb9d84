"""What is foreign and what is not there take the store the same work: the same statements, and for a search as many rows.

How long an answer takes is not measured: it differs by more between two runs than by anything that could be told from it.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from dossier_room import CLIENT, NURSE, OUTSIDER, SYSTEM, Room, actor, asked, message, person, room, team
from engines import PostgresServer, migrated

from fhir_server.access.actor import Actor
from fhir_server.errors import FhirError
from fhir_server.interactions.call import Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.operations.registry import OPERATIONS

Work = list[tuple[str, int]]
OTHER = "Patient/other"
ASKING = (OUTSIDER, OTHER, "RelatedPerson/far")
TYPES = (
    "Communication",
    "CommunicationRequest",
    "Task",
    "RelatedPerson",
    "CareTeam",
    "Consent",
    "Observation",
    "DocumentReference",
)
SEARCHES = (
    "{about}={client}",
    "{about}={client}&_total=accurate",
    "{about}={client}&_summary=count",
    "{about}={client}&_sort=_lastUpdated&_include=*",
    "{about}:Patient._id={id}",
    "_has:Provenance:target:_id=x&{about}={client}",
)
ABOUT = {"Task": "patient", "RelatedPerson": "patient"}


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("work")
    url = f"sqlite:///{migrated(folder / 'hub.db')}"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.create("work", "template_hub")
    with room(folder, url) as made:
        made.write(SYSTEM, person(OTHER))
        made.write(SYSTEM, {**person("RelatedPerson/far"), "patient": {"reference": OTHER}})
        made.write(SYSTEM, team("CareTeam/elsewhere", ASKING, OTHER))
        thread = made.write(NURSE, asked(NURSE, [CLIENT])).id
        made.write(CLIENT, message(CLIENT, f"CommunicationRequest/{thread}"))
        yield made


def work(home: Room, who: Actor, interaction: str, type_: str, query: str = "", id_: str = "") -> Work:
    """Return the statements that a request takes when nothing is kept of earlier ones, and how many rows each brings."""
    repository: Any = home.services.repository
    plain, done = repository._found, Work()

    async def rows(sql: str, parameters: Sequence[Any]) -> list[Any]:
        found: list[Any] = await plain(sql, parameters)
        done.append((sql, len(found)))
        return found

    async def carried_out() -> None:
        now = home.services.clock()
        asking = await home.services.standings.of(who, now)
        call = Call(home.services, asking, interaction, home.services.catalog.types[type_], id=id_, request="r", now=now)
        call.parameters = [(name, value) for name, _, value in (each.partition("=") for each in query.split("&")) if name]
        home.services.settlements._known.clear()
        repository._found = rows
        try:
            await {**HANDLERS, **OPERATIONS}[interaction](call)
        except FhirError as error:
            done.append((f"{error.status} {error.text}", 0))
        finally:
            repository._found = plain

    home.runner.run(carried_out())
    return done


def asking(reference: str) -> Actor:
    return actor(reference)


@pytest.mark.parametrize("reference", ASKING)
@pytest.mark.parametrize("type_", TYPES)
def test_a_search_about_a_foreign_client_is_as_much_work_as_one_about_nobody(home: Room, reference: str, type_: str) -> None:
    who = asking(reference)
    for form in SEARCHES:
        about = ABOUT.get(type_, "patient")

        def one(client: str, form: str = form, about: str = about) -> Work:
            return work(home, who, "search-type", type_, form.format(about=about, client=client, id=client.partition("/")[2]))

        assert one(CLIENT) == one("Patient/nobody"), form
    assert work(home, who, "search-type", type_, f"{ABOUT.get(type_, 'patient')}={OTHER}"), "nothing is counted"


@pytest.mark.parametrize("reference", ASKING)
@pytest.mark.parametrize("operation", ["$access-log", "$who-can-see", "$explain-access", "$everything"])
def test_an_operation_on_a_foreign_client_is_as_much_work_as_on_nobody(home: Room, reference: str, operation: str) -> None:
    who = asking(reference)
    foreign, nobody = (work(home, who, operation, "Patient", id_=each) for each in ("client", "nobody"))
    assert [statement for statement, _ in foreign] == [statement for statement, _ in nobody]
