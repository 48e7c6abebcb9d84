"""``fhir-server subscriptions``: what operators are shown, on both engines, and what they have delivered after all."""

import asyncio
import os
from pathlib import Path

import pytest

from fhir_server.cli import main
from fhir_server.storage import lock
from fhir_server.storage.open import open_repository
from fhir_server.storage.scripted import Script
from fhir_server.storage.subscriptions.scripts import subscribe
from fhir_server.storage.subscriptions.store import EVERYBODY, NEVER, Subscribing
from fhir_server.storage.url import sqlite_path

NOW = 1_800_000_000_000_000  # 2027-01-15T08:00:00Z
WHO = '{"reference": "Practitioner/%s", "role": "practitioner"}'


def _event() -> Script[None]:
    yield "INSERT INTO event (number, type, id, version, updated) VALUES (1, 'Task', 't1', 3, $1)", (NOW,)


async def _store(url: str) -> None:
    """Store one subscription that is well, and one in error, both with one notice."""
    repository = await open_repository(url, b"s" * 32)
    store = repository.subscriptions()
    try:
        for id_ in ("sick", "well"):
            made = Subscribing(
                id_, "active", WHO % id_, (EVERYBODY,), "Task", "Task?id", "rest-hook", f"https://{id_}/x?k", id_, "s"
            )
            await store._scripts.do(subscribe(made, NOW))  # type: ignore[attr-defined]
        await store._scripts.do(_event())  # type: ignore[attr-defined]
        events = await store.take_events("m", NOW, NOW + 1, 9)
        assert await store.put_notices("m", NOW, [(each, ["sick", "well"]) for each in events])
        await store.claim("p", NOW, NOW + 1, (), 9)
        await store.delivered("well", "p", 1, NOW + 1)
        await store.release("well", "p", NOW)
        await store.failed("sick", "p", "It answers with HTTP status 500.", "error", NOW, NEVER)
    finally:
        await repository.close()


@pytest.fixture
def url(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    asyncio.run(_store(database_url))
    for name in [name for name in os.environ if name.startswith("FHIR_SERVER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FHIR_SERVER_DATABASE_URL", database_url)
    return database_url


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], str]:
    status = main(["subscriptions", *words])
    said = capsys.readouterr()
    return status, said.out.splitlines(), said.err


def test_what_was_missed_is_shown_and_tried_again(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert url
    well = "well\tactive\tPractitioner/well\tTask?id\twell\t1/1\t-\t-"
    sick = "sick\terror\tPractitioner/sick\tTask?id\tsick\t0/1\t-\tIt answers with HTTP status 500."
    assert ran(capsys, "list") == (0, [sick, well], "")
    assert ran(capsys, "dead") == (0, ["sick\t1\tTask/t1/_history/3\t2027-01-15T08:00:00.000Z"], "")
    assert ran(capsys, "redrive") == (1, [], "fhir-server: name the subscriptions to redrive, or say --all\n")
    assert ran(capsys, "redrive", "well", "none") == (1, [], "fhir-server: not in error, or not there: none, well\n")
    assert ran(capsys, "redrive", "sick") == (0, ["1 subscriptions are active again"], "")
    assert ran(capsys, "dead") == (0, [], "")
    _, (first, second), _ = ran(capsys, "list")
    assert first.split("\t")[:6] == ["sick", "active", "Practitioner/sick", "Task?id", "sick", "0/1"]
    assert first.split("\t")[6] != "-"  # it is due
    assert second == well
    assert ran(capsys, "redrive", "--all") == (0, ["0 subscriptions are active again"], "")


def test_while_a_server_has_the_file_it_is_only_looked_at(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = sqlite_path(url)
    if path is None:
        return  # several processes share a PostgreSQL
    held = lock.acquire(path)
    try:
        assert len(ran(capsys, "list")[1]) == 2
        status, said, why = ran(capsys, "redrive", "--all")
    finally:
        os.close(held)
    assert (status, said, why.count("\n")) == (1, [], 1)
    assert why.endswith("or have the owner of a Subscription put its status to requested\n")
    assert len(ran(capsys, "dead")[1]) == 1
