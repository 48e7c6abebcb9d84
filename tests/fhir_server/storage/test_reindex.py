"""The reindex on both engines: it finds and mends every planted fault, and goes on where it was killed."""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from flows import copies

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.catalog import catalog
from fhir_server.interactions.call import Call
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model import json
from fhir_server.network.rebuild import rebuilt
from fhir_server.search.rows import key
from fhir_server.settings import Settings, read_settings
from fhir_server.storage.reindex.compare import differences
from fhir_server.storage.reindex.expected import Rebuilder
from fhir_server.storage.reindex.open import open_index
from fhir_server.storage.reindex.repair import repair
from fhir_server.storage.url import sqlite_path
from profiles.demo import network

Execute = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return read_settings({"FHIR_SERVER_DATABASE_URL": database_url, "FHIR_SERVER_DATA_DIR": str(tmp_path / "data")})


@pytest.fixture
def execute(database_url: str) -> Execute:
    def on_sqlite(sql: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(str(sqlite_path(database_url)), isolation_level=None) as connection:
            found = list(connection.execute(sql))
        connection.close()
        return found

    def on_postgres(sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(database_url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return list(cursor) if cursor.description else []

    return on_sqlite if sqlite_path(database_url) else on_postgres


def many(count: int) -> Iterable[dict[str, Any]]:
    for number in range(count):
        yield {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": f"Visser{number}"}], "birthDate": "1950-02-01"}


def everything(execute: Execute) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("idx", "idx_date", "idx_text", "idx_order", "membership", "circle", "consent_rule")
    return {name: sorted(execute(f"SELECT * FROM {name}")) for name in tables} | {
        "resource": sorted(execute("SELECT row, sort, dossier, circle FROM resource"))
    }


def test_what_the_server_stores_is_equal_to_a_rebuild(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, network())
    report = bootstrap.check_index(settings)
    assert report.equal, (report.missing, report.surplus)
    assert [(report.resources,)] == execute("SELECT count(*) FROM resource")
    assert report.resources >= len(list(network())), "and the Tasks that follow from the thread"


FAULTS = [
    ("idx", "DELETE FROM idx WHERE row = 3", True, False),
    ("idx", "INSERT INTO idx (key, sort, row, high) VALUES (7, 8, 3, 9)", False, True),
    ("idx", "INSERT INTO idx (key, sort, row, high) VALUES (7, 8, 987654321, 9)", False, True),
    ("idx", "UPDATE idx SET high = high + 1 WHERE row = 3", True, True),
    ("idx_date", "DELETE FROM idx_date", True, False),
    ("idx_date", "INSERT INTO idx_date (key, row, low, high) VALUES (7, 3, 8, 9)", False, True),
    ("idx_text", "DELETE FROM idx_text", True, False),
    ("idx_text", "INSERT INTO idx_text (key, start, row, mark, rest) VALUES (7, 'a', 3, 8, 'b')", False, True),
    ("idx_text", "UPDATE idx_text SET rest = 'x'", True, True),
    ("idx_order", "DELETE FROM idx_order", True, False),
    ("idx_order", "UPDATE idx_order SET start = 'x' || start", True, True),
    ("membership", "DELETE FROM membership", True, False),
    ("membership", "INSERT INTO membership (member, dossier, row, starts, ends, through) VALUES (7, 8, 3, 9, 10, 11)", False, True),
    ("membership", "UPDATE membership SET ends = ends - 1", True, True),
    ("membership", "UPDATE membership SET through = 11", True, True),
    ("consent_rule", "DELETE FROM consent_rule", True, False),
    ("consent_rule", "UPDATE consent_rule SET effect = 'deny'", True, True),
    ("circle", "DELETE FROM circle", True, False),
    ("circle", "UPDATE circle SET alone = 1 - alone", True, True),
    ("circle", "INSERT INTO circle (circle, member, alone, dossier, row) VALUES (7, 8, 1, 9, 3)", False, True),
    ("resource", "UPDATE resource SET circle = 5 WHERE circle IS NOT NULL", True, False),
    ("resource", "UPDATE resource SET dossier = 5 WHERE dossier IS NOT NULL", True, False),
]
"""A table, what is planted in it, and whether that makes rows missing or surplus."""


def test_a_planted_fault_is_found_and_mended(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, network())
    before = everything(execute)
    for table, plant, missing, surplus in FAULTS:
        execute(plant)
        assert everything(execute) != before, plant
        report = bootstrap.check_index(settings)
        assert not report.equal
        assert (set(report.missing), set(report.surplus)) == ({table} if missing else set(), {table} if surplus else set()), plant
        assert all(line.endswith(f" {table}") for line in report.examples)
        bootstrap.reindex(settings)
        assert everything(execute) == before, plant
        assert bootstrap.check_index(settings).equal


def test_windows_and_groups_make_no_difference(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, many(9))
    execute("DELETE FROM idx WHERE row IN (2, 3, 8)")
    execute("INSERT INTO idx (key, sort, row, high) VALUES (7, 8, 4, 9), (7, 8, -4, 9), (7, 8, 99, 9)")
    with closing(open_index(settings.database, write=False)) as database:
        rebuild = rebuilt(catalog.load().types.get, settings.base)
        found = [differences(database, rebuild, lambda _done, _total: None, window=size, detailed=2) for size in (1, 2, 4, 100)]
        assert [sorted(each.row for each in one) for one in found] == [[-4, 2, 3, 4, 8, 99]] * 4


def test_a_whole_lost_index_is_made_again(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, network())
    before = everything(execute)
    for table in ("idx", "idx_date", "idx_text", "idx_order", "membership", "circle", "consent_rule"):
        execute(f"DELETE FROM {table}")
    execute("UPDATE resource SET sort = 1")
    execute("INSERT INTO idx SELECT 5, sort, row, 6 FROM resource")
    summary = bootstrap.reindex(settings)
    assert everything(execute) == before
    assert (summary.resources, summary.removed) == (len(before["resource"]),) * 2
    assert summary.added == sum(len(rows) for table, rows in before.items() if table != "resource")


def test_a_dossier_that_the_body_does_not_name_is_kept(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, many(1))
    bootstrap.load_resources(settings, [{"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "aGk="}])
    execute("UPDATE resource SET dossier = 77 WHERE type = 'Binary'")
    assert bootstrap.check_index(settings).equal
    bootstrap.reindex(settings)
    assert execute("SELECT dossier FROM resource WHERE type = 'Binary'") == [(77,)]


def test_a_killed_run_goes_on_where_it_was(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, many(300))
    before = everything(execute)
    execute("DELETE FROM idx")
    execute("INSERT INTO idx SELECT 5, sort, row, 6 FROM resource")
    kill_in_the_middle(settings, 150)
    assert execute("SELECT phase, done, total FROM index_state") == [("fill", 150, 300)]
    assert 0 < execute("SELECT count(*) FROM idx WHERE key <> 5")[0][0] < len(before["idx"])
    seen: list[tuple[str, int, int]] = []
    summary = bootstrap.reindex(settings, lambda *moved: seen.append(moved), 50)
    assert seen[0] == ("fill", 200, 300)
    assert (summary.resumed, summary.resources) == (True, 300)
    assert everything(execute) == before
    assert execute("SELECT phase, done, total FROM index_state") == [("none", 300, 300)]


def test_filling_already_leaves_one_row_that_lists_a_resource(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, many(4))
    before = everything(execute)
    execute(f"UPDATE idx SET high = high + 4096 WHERE key = {key('Patient')} AND row < 3")

    def stop(phase: str, _done: int, _total: int) -> None:
        if phase == "clear":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bootstrap.reindex(settings, stop)
    assert everything(execute) == before
    assert bootstrap.reindex(settings).resumed


def test_the_next_run_after_one_that_was_done_begins_at_the_beginning(settings: Settings) -> None:
    bootstrap.load_resources(settings, many(3))
    assert not bootstrap.reindex(settings).resumed
    summary = bootstrap.reindex(settings)
    assert (summary.resumed, summary.resources, summary.added, summary.removed) == (False, 3, 0, 0)


def test_updates_during_a_reindex_lose_nothing(settings: Settings, execute: Execute) -> None:
    if sqlite_path(settings.database):
        pytest.skip("a SQLite file has one owner: there the reindex runs in the server, see test_search_parameter")
    bootstrap.load_resources(settings, many(60))
    execute("DELETE FROM idx")
    execute("DELETE FROM idx_text")

    async def change(services: Services, number: int) -> None:
        for round_ in range(4):
            resource = {
                "resourceType": "Patient",
                "id": f"p{number}",
                "name": [{"family": f"Bakker{round_}"}],
                "active": round_ > 1,
            }
            entry = services.catalog.types["Patient"]
            body = json.write(resource)
            call = Call(services, local_system(), "update", entry, id=f"p{number}", body=body, now=services.clock())
            assert (await update(call)).status == 200

    async def both() -> None:
        services = await bootstrap.open_services(settings)
        work = asyncio.create_task(asyncio.to_thread(bootstrap.reindex, settings, size=3))
        await asyncio.gather(*(change(services, number) for number in range(60)))
        await work
        await services.repository.close()

    asyncio.run(both())
    assert bootstrap.check_index(settings).equal
    assert execute("SELECT count(DISTINCT row) FROM idx_text WHERE start = 'bakker3'") == [(60,)]


def test_a_batch_waits_for_whoever_is_writing(settings: Settings, execute: Execute) -> None:
    if sqlite_path(settings.database):
        pytest.skip("a SQLite file has one writer")
    bootstrap.load_resources(settings, many(2))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with psycopg.connect(settings.database) as writer:
        writer.execute("SELECT row FROM resource WHERE id = 'p1' FOR UPDATE")
        work = Thread(target=bootstrap.reindex, args=(settings,))
        work.start()
        while not (seen := execute(waiting) == [(1,)]) and work.is_alive():
            pass
        writer.rollback()
    work.join()
    assert seen


def test_what_is_right_by_now_is_not_removed(settings: Settings, execute: Execute) -> None:
    bootstrap.load_resources(settings, many(1))
    before = everything(execute)
    with closing(open_index(settings.database, write=True)) as database:
        rebuilder = Rebuilder(rebuilt(catalog.load().types.get, settings.base))
        wrong = (*before["idx"][0][:3], 5)
        execute(f"INSERT INTO idx (key, sort, row, high) VALUES {wrong}")
        changed = repair(database, rebuilder, {1: {"idx": [*before["idx"], wrong], "idx_text": before["idx_text"]}})
    assert (changed.added, changed.removed) == (0, 1)
    assert everything(execute) == before


_UNTIL_KILLED = """
import os, signal, sys
from fhir_server import bootstrap
from fhir_server.settings import read_settings

def progress(phase, done, total):
    if done >= int(sys.argv[1]):
        os.kill(os.getpid(), signal.SIGKILL)

bootstrap.reindex(read_settings(os.environ), progress, 50)
"""


def kill_in_the_middle(settings: Settings, at: int) -> None:
    """Run a reindex in a process of its own and kill it when it has gone over ``at`` resources."""
    environment = {"FHIR_SERVER_DATABASE_URL": settings.database, "FHIR_SERVER_DATA_DIR": str(settings.data_dir)}
    said = settings.data_dir.parent / "said"
    process = copies.start([str(at)], {**os.environ, **environment}, said, program=_UNTIL_KILLED)
    assert process.wait(60) == -signal.SIGKILL, said.read_text()
