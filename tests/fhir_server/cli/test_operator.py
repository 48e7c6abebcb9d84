"""Commands that show what the hub knows of people leave a line of the record first, on both engines; else they show nothing."""

import asyncio
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from invented import LINE

from fhir_server.cli import main
from fhir_server.storage import beside
from fhir_server.storage.journal import keeping
from fhir_server.storage.journal.line import read
from fhir_server.storage.open import open_repository
from fhir_server.storage.reindex.open import open_index
from fhir_server.storage.repository import AuditRow
from fhir_server.storage.url import sqlite_path

CLIENT = "Patient/client-of-the-test"
TOUCHED = ("audit", "touched", "--actor", LINE.actor)
SHOWING: dict[tuple[str, ...], tuple[str, str, str, str]] = {
    ("audit", "verify"): ("$audit-verify", "HCOMPL", "", ""),
    ("audit", "report", "--month", "2026-11"): ("$audit-report", "HCOMPL", "month", ""),
    TOUCHED: ("$audit-touched", "HCOMPL", "actor", CLIENT),
    ("audit", "export", "--from", "2020", "--dossier", CLIENT, "FILE"): ("$audit-export", "HCOMPL", "from&dossier", CLIENT),
    ("subscriptions", "list"): ("$subscriptions-list", "HSYSADMIN", "", ""),
    ("subscriptions", "dead"): ("$subscriptions-dead", "HSYSADMIN", "", ""),
    ("subscriptions", "redrive", "--all"): ("$subscriptions-redrive", "HSYSADMIN", "", ""),
    ("reindex", "--check"): ("$reindex-check", "HSYSADMIN", "", ""),
}


_REFUSING = (
    "CREATE TRIGGER gone BEFORE INSERT ON audit_block BEGIN SELECT RAISE(ABORT, 'gone'); END",
    "CREATE FUNCTION gone() RETURNS trigger AS $$ BEGIN RAISE 'gone'; END $$ LANGUAGE plpgsql",
    "CREATE TRIGGER gone BEFORE INSERT ON audit_block EXECUTE FUNCTION gone()",
)
"""For SQLite, and for PostgreSQL."""


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    for name in [name for name in os.environ if name.startswith("FHIR_SERVER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FHIR_SERVER_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)
    return database_url


def recorded(url: str) -> list[AuditRow]:
    with closing(open_index(url, write=False)) as database, database.snapshot() as at:
        return [line for block in keeping.blocks(at) for line in read(block.lines)]


def served(url: str) -> None:
    """Have one line recorded as a server does."""

    async def run() -> None:
        repository = await open_repository(url)
        await repository.record(LINE._replace(dossier=CLIENT))
        await repository.close()

    asyncio.run(run())


def execute(url: str, *statements: str) -> None:
    path = sqlite_path(url)
    with closing(sqlite3.connect(path) if path else psycopg.connect(url, autocommit=True)) as session:
        for each in statements:
            session.execute(each)
        session.commit()


def said(capsys: pytest.CaptureFixture[str], words: Sequence[str]) -> tuple[int, str, str]:
    status = main([each.replace("FILE", "record.ndjson") for each in words])
    told = capsys.readouterr()
    return status, told.out, told.err


def own(url: str) -> list[AuditRow]:
    return [line for line in recorded(url) if line.role == "operator"]


def test_each_leaves_one_line_that_names_the_account(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    served(url)
    for words, (interaction, purpose, query, dossier) in SHOWING.items():
        before = len(own(url))
        Path("record.ndjson").unlink(missing_ok=True)
        assert said(capsys, words)[0] == 0, words
        (line,) = [line for line in own(url) if line.interaction == interaction and (line.query, line.dossier) == (query, dossier)]
        assert len(own(url)) == before + 1, words
        assert line.actor == line.client, words
        assert line.actor.startswith("Device/account-")
        assert (line.purpose, line.status, line.action) == (purpose, 200, "E"), words
    assert said(capsys, ("audit", "verify"))[1].startswith("the record is whole: ")


def test_the_export_holds_its_own_line(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    served(url)
    assert said(capsys, ("audit", "export", "FILE"))[0] == 0
    assert "$audit-export" in Path("record.ndjson").read_text()


def test_a_person_can_be_named_beside_the_account(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    served(url)
    assert said(capsys, ("subscriptions", "list", "--as", "Practitioner/ict", "--purpose", "HOPERAT"))[0] == 0
    (line,) = own(url)
    assert (line.actor, line.purpose) == ("Practitioner/ict", "HOPERAT")
    assert line.client.startswith("Device/account-")


@pytest.mark.parametrize("options", [("--as", "somebody"), ("--as", "Practitioner/a/_history/1"), ("--purpose", "because")])
def test_what_makes_no_line_is_refused(url: str, capsys: pytest.CaptureFixture[str], options: tuple[str, str]) -> None:
    served(url)
    status, out, err = said(capsys, (*TOUCHED, *options))
    assert (status, out, own(url)) == (1, "", [])
    assert options[0] in err


def test_nothing_is_shown_when_the_record_cannot_be_written(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    served(url)
    execute(url, *(_REFUSING[1:] if sqlite_path(url) is None else _REFUSING[:1]))
    for words in SHOWING:
        status, out, err = said(capsys, words)
        assert (status, out) == (1, ""), words
        assert err.startswith("fhir-server: the record cannot be written, so nothing is shown or done ("), words
        assert CLIENT not in err
        assert not Path("record.ndjson").exists()
    assert len(recorded(url)) == 1


def test_what_a_killed_server_left_is_seen(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    served(url)
    execute(url, "DELETE FROM audit_event", "UPDATE audit_chain SET projected = 0")
    assert said(capsys, TOUCHED)[1].startswith(f"{CLIENT}\t1\t")
    assert said(capsys, ("audit", "verify"))[0] == 0


def test_a_line_beside_a_server_that_runs(database_url: str) -> None:
    """Two who write: neither loses a line, and the record stays whole."""

    async def run() -> None:
        repository = await open_repository(database_url)
        for number in range(5):
            await repository.record(LINE._replace(recorded=number))
            await asyncio.to_thread(beside.record, database_url, LINE._replace(recorded=number, role="operator"))
            await asyncio.to_thread(beside.project, database_url)
        await repository.close()

    asyncio.run(run())
    assert len(recorded(database_url)) == 10
    assert len(own(database_url)) == 5
