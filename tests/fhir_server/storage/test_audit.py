import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import psycopg
import pytest
from invented import LINE, Run, Thing, created, grant, put
from record_check import lines

from fhir_server.storage.open import open_repository
from fhir_server.storage.repository import AuditRow, Repository, VersionConflict

FULL = AuditRow(
    recorded=2**50,
    actor="Practitioner/p",
    role="practitioner",
    action="U",
    interaction="update",
    status=200,
    type="Task",
    id="one",
    version=3,
    dossier="Patient/1",
    query="name=a'\"\\{}\u00e9",
    purpose="TREAT",
    request="r-1",
    organisation="Organization/o",
    client="app",
    basis="permit-careteam Consent/x/_history/2",
    trace="4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
    address="::1",
    source="gp",
    category="message",
    detail="x",
)


def recorded(url: str) -> list[tuple[Any, ...]]:
    statement = f"SELECT {', '.join(AuditRow._fields)} FROM audit_event ORDER BY row"
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(url) as session:
        return session.execute(statement.encode()).fetchall()


def executed(url: str, statement: str) -> list[Any]:
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(url, autocommit=True) as session:
        found = session.execute(statement.encode())
        return found.fetchall() if found.description else []


def test_a_line_is_found_under_each_dossier_that_it_names(database_url: str) -> None:
    named = ["", "a", " a", "a ", " ", "a b", " b  a a "]

    async def body(repository: Repository) -> None:
        for each in named:
            await repository.record(LINE._replace(dossier=each))

    run(database_url, body)
    touches = "SELECT e.dossier, t.dossier FROM touched t JOIN audit_event e ON e.row = t.row AND e.recorded = t.recorded"
    assert sorted(map(tuple, executed(database_url, touches))) == sorted((each, one) for each in named for one in {*each.split()})
    executed(database_url, "DELETE FROM audit_event")
    assert executed(database_url, "SELECT * FROM touched") == []


def test_lines_are_kept_word_for_word_in_order(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        await repository.record(FULL)
        await repository.commit([grant()], [created(Thing("one"))], [LINE, FULL])
        await asyncio.gather(*(repository.record(LINE) for _ in range(50)))

    run(database_url, body)
    found = recorded(database_url)
    assert found[:3] == [FULL, LINE, FULL]
    assert len(found) == 53
    assert found == lines(database_url)


def test_a_commit_that_fails_records_nothing(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        one, two = created(Thing("one")), created(Thing("two"))
        for changes in ([one], [one], [two, one]):
            try:
                await repository.commit([grant()], changes, [LINE])
            except VersionConflict:
                continue

    run(database_url, body)
    assert len(recorded(database_url)) == 1


def test_a_commit_without_changes_records(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        await repository.commit([], [], [LINE])

    run(database_url, body)
    assert len(recorded(database_url)) == 1


def test_a_reason_is_sealed_until_its_key_is_destroyed(database_url: str) -> None:
    reason, line = "Mevrouw was gevallen", LINE._replace(dossier="Patient/1")

    async def body() -> None:
        repository = await open_repository(database_url, b"s" * 32)
        await repository.record(line._replace(reason=reason))
        await repository.commit([grant()], [created(Thing("one"))], [line._replace(reason=reason), line])
        await repository.project_record()
        one, two, none = (row[AuditRow._fields.index("reason")] for row in recorded(database_url))
        assert one != two
        assert none == ""
        assert await repository.reason("Patient/1", one) == await repository.reason("Patient/1", two) == reason
        assert await repository.reason("Patient/2", one) is None
        await repository.erase_reasons("Patient/1")
        assert await repository.reason("Patient/1", one) is None
        await repository.record(line._replace(reason="opnieuw"))
        await repository.project_record()
        later = recorded(database_url)[-1][AuditRow._fields.index("reason")]
        assert await repository.reason("Patient/1", later) == "opnieuw"
        assert await repository.reason("Patient/1", one) is None
        await repository.close()

    asyncio.run(body())
    assert not [row for row in lines(database_url) if "gevallen" in row.reason]


def test_a_reason_is_never_recorded_in_clear(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        with pytest.raises(RuntimeError, match="secret"):
            await repository.record(LINE._replace(reason="gevallen"))

    run(database_url, body)
    assert recorded(database_url) == []


def test_a_character_that_no_database_holds_is_replaced(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        await repository.record(LINE._replace(query="a\0b\n\u2028"))

    run(database_url, body)
    assert recorded(database_url) == lines(database_url) == [LINE._replace(query="a\ufffdb\n\u2028")]


def test_closing_finishes_what_is_being_recorded(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        tasks = [asyncio.create_task(repository.record(LINE)) for _ in range(30)]
        await asyncio.sleep(0)
        await repository.close()
        await asyncio.gather(*tasks)

    asyncio.run(_opened(database_url, body))
    assert len(recorded(database_url)) == 30


def test_after_closing_nothing_is_accepted(database_url: str) -> None:
    async def body(repository: Repository) -> None:
        await repository.close()
        with pytest.raises(RuntimeError):
            await repository.commit([grant()], [created(Thing("one"))], ())

    asyncio.run(_opened(database_url, body))


def run(url: str, body: Any) -> None:
    async def opened(repository: Repository) -> None:
        await body(repository)
        await repository.close()

    asyncio.run(_opened(url, opened))


async def _opened(url: str, body: Any) -> None:
    await body(await open_repository(url))


def close_the_record(url: str) -> None:
    if url.startswith("sqlite"):
        executed(url, "CREATE TRIGGER gone BEFORE INSERT ON audit_block BEGIN SELECT RAISE(ABORT, 'gone'); END")
        return
    executed(url, "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'gone'; END $$")
    executed(url, "CREATE TRIGGER gone BEFORE INSERT ON audit_block FOR EACH ROW EXECUTE FUNCTION gone()")


def test_what_is_written_without_a_line_does_not_tell_that_lines_are_taken(run: Run, database_url: str) -> None:
    async def body(repository: Repository) -> None:
        await repository.record(LINE)
        assert await repository.writable()
        close_the_record(database_url)
        with pytest.raises((sqlite3.Error, psycopg.Error)):
            await repository.record(LINE)
        await put(repository, Thing("t"))
        await repository.project_record()
        assert not await repository.writable()

    run(body)
