"""``fhir-server reindex``: its lines, its exit status, and a file that is in use."""

import os
from pathlib import Path

from flows.client import cli

from fhir_server.cli.reindex import progress
from fhir_server.storage import lock

PATIENT = '{"resourceType": "Patient", "id": "p%d", "name": [{"family": "Visser"}]}\n'


def loaded(folder: Path) -> dict[str, str]:
    environment = {"FHIR_SERVER_DATA_DIR": str(folder / "data")}
    lines = folder / "patients.ndjson"
    lines.write_text("".join(PATIENT % number for number in range(5)))
    assert cli("load", str(lines), **environment).returncode == 0
    return environment


def test_it_says_what_it_did_and_checks_it(tmp_path: Path) -> None:
    environment = loaded(tmp_path)
    done = cli("reindex", **environment)
    assert done.returncode == 0
    assert done.stdout.startswith("5 resources gone over: 0 rows added, 0 removed, in ")
    assert done.stdout.count("\n") == 1
    assert "add what is missing: 5 of 5 resources" in done.stderr
    assert "remove what is surplus: 5 of 5 resources" in done.stderr
    checked = cli("reindex", "--check", **environment)
    assert (checked.returncode, checked.stdout) == (0, "5 resources: the index is equal to a rebuild\n")


def test_check_tells_what_differs_and_no_values(tmp_path: Path) -> None:
    environment = loaded(tmp_path)
    import sqlite3

    with sqlite3.connect(tmp_path / "data" / "hub.db") as database:
        database.execute("DELETE FROM idx_text WHERE row = 2")
    database.close()
    done = cli("reindex", "--check", **environment)
    told = "5 resources: the index differs from a rebuild: idx_text 2 missing, 0 surplus; such as Patient/p1 idx_text\n"
    assert (done.returncode, done.stdout) == (1, told)


def test_a_file_that_a_server_has_open_is_left_alone(tmp_path: Path) -> None:
    environment = loaded(tmp_path)
    held = lock.acquire(tmp_path / "data" / "hub.db")
    try:
        done = cli("reindex", **environment)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.endswith("a running server reindexes by itself on POST /fhir/$reindex\n")
        assert cli("reindex", "--check", **environment).returncode == 0
    finally:
        os.close(held)


def test_progress_comes_now_and_then_and_at_the_end_of_a_phase() -> None:
    at, lines = 0, list[str]()
    show = progress(lambda: at, lines.append)
    for done in range(0, 501, 100):
        show("fill", done, 500)
        at += 1_000_000
    assert lines == [
        "add what is missing: 200 of 500 resources, 100/s\n",
        "add what is missing: 400 of 500 resources, 100/s\n",
        "add what is missing: 500 of 500 resources, 100/s\n",
    ]
