"""kill -9 of a server while it erases a dossier: who asks again ends with nothing left of it, in no file of the database."""

import os
import re
import signal
import threading
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import psycopg
import pytest
from at_rest import files, rows, server_files, where
from flows.client import Client
from flows.own_postgres import OwnPostgres, own_postgres
from flows.served import Served, served
from index_check import index_faults, select

KILLS = int(os.environ.get("KILLS", "2"))
EACH = 40
PLANTED = ("plantsoenfamilie", "plantsoenoud", "plantsoentaak", "plantsoenweg")
ERASE = {
    "resourceType": "Parameters",
    "parameter": [{"name": name, "valueBoolean": True} for name in ("expungeDeletedResources", "expungePreviousVersions")],
}
GUIDE = Path(__file__).parents[2] / "docs" / "erasure.md"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | OwnPostgres]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/data/hub.db"
        return
    with own_postgres() as started:
        yield started


def filled(client: Client) -> None:
    """Make a dossier whose names stand in clear in the search index, with replaced versions and deletions."""
    about = {"reference": "Patient/erika"}
    patient = {"resourceType": "Patient", "id": "erika", "birthDate": "1940-01-01"}
    assert client.put({**patient, "name": [{"family": PLANTED[1]}]}).status == 201
    assert client.put({**patient, "name": [{"family": PLANTED[0]}]}).status == 200
    other = {"resourceType": "Patient", "id": "other", "name": [{"family": "gespaard"}]}
    assert client.put(other).status == 201
    relations, tasks = [], []
    for number in range(EACH):
        relation = {"resourceType": "RelatedPerson", "id": f"r{number}", "patient": about}
        relations.append([relation | {"name": [{"family": f"{family}x{number}"}]} for family in (PLANTED[1], PLANTED[0])])
        task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": about}
        tasks += [task | {"id": f"t{number}", "description": PLANTED[2]}, task | {"id": f"d{number}", "description": PLANTED[3]}]
    put(client, [*(first for first, _ in relations), *tasks])
    put(client, [second for _, second in relations])
    together(client, [{"request": {"method": "DELETE", "url": f"Task/d{number}"}} for number in range(EACH)])


def put(client: Client, resources: list[dict[str, Any]]) -> None:
    together(
        client,
        [{"resource": each, "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"}} for each in resources],
    )


def together(client: Client, entries: list[dict[str, Any]]) -> None:
    reply = client.request("POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
    assert reply.status == 200, reply.body


def left(url: str) -> int:
    return int(select(url, "SELECT count(*) FROM resource WHERE id <> 'other'")[0][0])


def killed_below(hub: Served, client: Client, url: str, number: int) -> None:
    """Let the dossier be erased, and kill the server as soon as fewer than ``number`` resources are left."""
    answers: list[int] = []

    def erase() -> None:
        try:
            answers.append(client.request("POST", "Patient/erika/$expunge", ERASE).status)
        except (OSError, HTTPException):
            return

    asking = threading.Thread(target=erase)
    asking.start()
    while left(url) >= number and not answers:
        pass
    hub.end(signal.SIGKILL)
    asking.join()
    assert answers == [], "it was killed on the way"


def written_anew(database: OwnPostgres) -> None:
    """Do what the operator of PostgreSQL is told to do."""
    (told,) = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    with psycopg.connect(database.url, autocommit=True) as connection:
        for statement in filter(None, map(str.strip, told.split(";"))):
            connection.execute(statement.encode())


def test_a_server_that_is_killed_goes_on_erasing(tmp_path: Path, database: str | OwnPostgres) -> None:
    url = database if isinstance(database, str) else database.url
    with served(tmp_path, FHIR_SERVER_DATABASE_URL=url) as hub:
        client = hub.client()
        filled(client)
        all_of_it = left(url)
        assert all_of_it > 3 * EACH
        assert len(where(PLANTED, rows(url))) > 2 * EACH
        for kill in range(KILLS):
            before = left(url)
            killed_below(hub, client, url, all_of_it - kill * all_of_it // (KILLS + 1))
            hub.start()
            assert 0 < left(url) < before
            assert client.get("Patient/erika").status == 404, "nobody reaches it any more"
        assert index_faults(url, hub.base) == []
        if not isinstance(database, str):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("ANALYZE")
        reply = client.request("POST", "Patient/erika/$expunge", ERASE)
        assert reply.status == 200, reply.body
        assert left(url) == 0
        assert where(PLANTED, rows(url)) == []
        assert select(url, "SELECT row FROM history WHERE row NOT IN (SELECT row FROM resource)") == []
        assert index_faults(url, hub.base) == []
        assert client.get("Patient/other").status == 200
        if isinstance(database, str):
            assert b"docs/erasure.md" not in reply.body
            assert where(PLANTED, files(*(tmp_path / "data").glob("hub.db*"))) == []
        else:
            assert b"docs/erasure.md" in reply.body
            assert where(PLANTED, server_files(url)), "it is true that it stands there still"
            written_anew(database)
            assert where(PLANTED, server_files(url)) == []
        assert client.get("Patient/other").status == 200
