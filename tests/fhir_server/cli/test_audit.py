import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fhir_server.bootstrap import load_resources
from fhir_server.cli import main
from fhir_server.settings import read_settings
from fhir_server.storage.line_id import line_id


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(data))
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(data)})
    load_resources(settings, [{"resourceType": "Location", "id": "a", "name": "x"}])
    return data


def test_a_record_is_anchored_and_verified(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "anchor"]) == 0
    assert main(["audit", "anchor"]) == 0
    assert capsys.readouterr().out == "anchor 1 made\nnothing new since the last anchor\n"
    copies = data / "audit" / "anchors.jws"
    assert copies.stat().st_mode & 0o777 == 0o600
    assert main(["audit", "verify", "--anchors", str(copies)]) == 0
    assert "2 lines in 2 blocks of 2 chains, 1 anchors" in capsys.readouterr().out
    assert main(["audit", "retain"]) == 0
    assert capsys.readouterr().out.startswith("0 lines in 0 blocks removed")


def test_one_line_is_proven(data: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with closing(sqlite3.connect(data / "hub.db")) as database:
        ((chain,),) = database.execute("SELECT chain FROM audit_chain").fetchall()
    id_ = line_id(0, chain, 1)
    assert main(["audit", "prove", id_]) == 1
    assert "no anchor names it yet" in capsys.readouterr().err
    assert main(["audit", "anchor"]) == 0
    capsys.readouterr()
    assert main(["audit", "prove", id_]) == 0
    with closing(sqlite3.connect(data / "hub.db")) as database:
        assert database.execute("SELECT count(*) FROM audit_event WHERE interaction = '$audit-prove'").fetchall() == [(1,)]
    file = tmp_path / "proof.json"
    file.write_text(capsys.readouterr().out)
    assert main(["audit", "verify", "--proof", str(file)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("the line is in the record: Device/")
    assert " update Location at " in told[0]
    key = told[1].removeprefix("not verified: whose key ").partition(" ")[0]
    assert main(["audit", "verify", "--proof", str(file), "--key", key]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["audit", "verify", "--proof", str(file), "--key", "another"]) == 1
    file.write_text(file.read_text().replace("update", "delete"))
    assert main(["audit", "verify", "--proof", str(file), "--key", key]) == 1
    assert "the proof is broken: the line is not the one" in capsys.readouterr().out
    for wrong in ("log.x", "Patient/1", "log..1"):
        assert main(["audit", "prove", wrong]) == 1
    capsys.readouterr()
    for wrong in ("{}", "[]", '"proof"', "1"):
        file.write_text(wrong)
        assert main(["audit", "verify", "--proof", str(file)]) == 1
        assert capsys.readouterr().out == "the proof is broken: it is no proof of this kind\n"


def test_a_broken_record_is_named_on_one_line(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(data / "hub.db", isolation_level=None)) as database:
        database.execute("UPDATE audit_event SET actor = 'somebody else'")
    assert main(["audit", "verify"]) == 1
    out = capsys.readouterr().out
    assert out.startswith("the record is broken: chain ")
    assert out.endswith(", block 1, line 1: its row in audit_event differs\n")


def test_copies_that_are_not_there_are_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "verify", "--anchors", str(data / "none")]) == 1
    assert "there is no file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [(["--export", "e", "--anchors", "a"], "not two of them"), (["--key", "k"], "give --export or --proof too")],
)
def test_what_would_not_be_looked_at_is_refused(
    data: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    assert main(["audit", "verify", *options]) == 1
    assert told in capsys.readouterr().err
    assert data.exists()


def test_the_record_is_not_kept_for_less_than_three_years(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FHIR_SERVER_AUDIT_RETENTION_DAYS", "1095")
    assert main(["audit", "retain"]) == 2
    assert "1096" in capsys.readouterr().err
    assert data.exists()
