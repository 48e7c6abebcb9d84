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
    key = made.stdout.split()[-1]
    events = [entry["event"] for entry in map(json.loads, file.read_text().splitlines()) if "event" in entry]
    assert {each["resourceType"] for each in events} == {"AuditEvent"}
    entities = [entity for each in events for entity in each.get("entity", ())]
    named = {each["what"]["reference"] for each in entities if each["type"]["code"] == "1"}
    assert named == {"Patient/ansje"}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert audit(hub, "export", str(file)).returncode == 1  # it is there already
    _verified(file, key, tmp_path)


def _verified(file: Path, key: str, elsewhere: Path) -> None:
    """Verify an export where there is no hub."""

    def verify(*words: str) -> subprocess.CompletedProcess[str]:
        return cli("audit", "verify", *words, FHIR_SERVER_DATA_DIR=str(elsewhere / "nothing"))

    sound = verify("--export", str(file), "--key", key)
    assert (sound.returncode, sound.stdout.partition(":")[0]) == (0, "the export is sound"), sound.stdout
    assert "not verified: that nothing is missing of Patient/ansje from " in sound.stdout
    assert "whose key" not in sound.stdout
    assert f"whose key {key} is" in verify("--export", str(file)).stdout
    assert verify("--export", str(file), "--key", "another").returncode == 1
    lines = file.read_text().splitlines(keepends=True)
    shown = next(number for number, line in enumerate(lines) if '"line"' in line and "HTTP 200 OK" in line)
    file.write_text("".join([*lines[:shown], lines[shown].replace("HTTP 200 OK", "HTTP 404 Not Found"), *lines[shown + 1 :]]))
    broken = verify("--export", str(file))
    assert (broken.returncode, broken.stdout.partition(f"line {shown + 1} of the file")[1] != "") == (1, True), broken.stdout
    assert verify("--export", str(elsewhere / "none")).returncode == 1
    assert not (elsewhere / "nothing").exists()


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
