"""The commands on the record, beside a server that runs."""

import json
import stat
import subprocess
import uuid
from pathlib import Path

from flows.client import Demo, cli
from flows.test_system import token


def audit(hub: Demo, *words: str) -> subprocess.CompletedProcess[str]:
    hub.rows("SELECT 1 FROM audit_event LIMIT 1")  # waits until the table has what was recorded
    more = {"FHIR_SERVER_DATABASE_URL": hub.database} if hub.database else {}
    return cli("audit", *words, FHIR_SERVER_DATA_DIR=str(hub.folder), FHIR_SERVER_BASE_URL=f"{hub.facts['base']}/fhir", **more)


def test_export(hub: Demo, tmp_path: Path) -> None:
    hub.as_("gp").get("Patient/ansje")
    hub.as_("system").get("Patient")
    file = tmp_path / "record.ndjson"
    made = audit(hub, "export", "--from", "2020-01-01", "--dossier", "Patient/ansje", str(file))
    assert made.returncode == 0, made.stderr
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert {each["resourceType"] for each in events} == {"AuditEvent"}
    assert [each["recorded"] for each in events] == sorted(each["recorded"] for each in events)
    entities = [entity for each in events for entity in each.get("entity", ())]
    named = {each["what"]["reference"] for each in entities if each["type"]["code"] == "1"}
    assert named == {"Patient/ansje"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert audit(hub, "export", str(file)).returncode == 1  # it is there already


def test_touched(hub: Demo) -> None:
    curious = f"Practitioner/curious-{uuid.uuid4().hex[:8]}"
    token(hub, curious, "practitioner", "user/*.rs").get("Patient/ansje")
    made = audit(hub, "touched", "--actor", curious, "--from", "2020")
    assert made.returncode == 0, made.stderr
    assert [line.split("\t")[0] for line in made.stdout.splitlines()] == ["Patient/ansje"]
    assert audit(hub, "touched", "--actor", curious, "--to", "2020").stdout == ""
    assert audit(hub, "touched").returncode == 1
    assert audit(hub, "touched", "--actor", "x", "--from", "soon").returncode == 1


def test_report(hub: Demo) -> None:
    made = audit(hub, "report", "--month", "2026-11")
    assert (made.returncode, json.loads(made.stdout)["resourceType"]) == (0, "MeasureReport")
    assert audit(hub, "report", "--month", "november").returncode == 1
