"""What the demo promises: demo.json, the printed curl lines, the README, and that it leaves nothing behind."""

import json
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from flows.client import Demo, cli, demo
from flows.visitor import Visitor

ROOT = Path(__file__).resolve().parents[2]
PERSONS = {"system", "operator", "gp", "pharmacist", "nurse", "daughter", "client", "outsider"}


def test_demo_json(hub: Demo) -> None:
    facts = hub.facts
    assert urlsplit(facts["base"]).path == ""
    assert hub.as_("gp").get(facts["patient"]).json["resourceType"] == "Patient"
    assert facts["persons"].keys() >= PERSONS
    for person in facts["persons"].values():
        assert person.keys() >= {"reference", "role", "token"}
    for source in facts["sources"]:
        assert source.keys() >= {"name", "adapter", "port", "pid", "holds", "canary"}
        assert Path(f"/proc/{source['pid']}").exists()
        for type_ in source["holds"]:
            assert hub.as_("gp").get(f"{type_}?patient={facts['patient']}").json["total"] > 0


def test_tokens_and_keys_are_for_their_owner_only(hub: Demo) -> None:
    for path in (hub.folder / "demo.json", *(hub.folder / "keys").iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert stat.S_IMODE(hub.folder.stat().st_mode) == 0o700


def test_what_operators_watch_tells_of_requests_and_of_nobody(hub: Demo) -> None:
    hub.as_("gp").get("Patient?name=Veenstra")
    hub.as_("gp").get("Patient/Veenstra-bestaat-niet")
    reply = hub.as_("outsider").get("/metrics")
    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    counted = [line for line in reply.body.decode().splitlines() if line.startswith("fhir_request_duration_seconds_count")]
    kinds = [
        ('interaction="search-type"', 'type="Patient"', 'status="200"'),
        ('interaction="read"', 'type="Patient"', 'status="404"'),
    ]
    assert all(any(all(label in line for label in kind) for line in counted) for kind in kinds)
    assert b"Veenstra" not in reply.body


def test_no_token_and_no_person_is_in_the_log(hub: Demo) -> None:
    hub.as_("gp").get("Patient?name=Veenstra")
    hub.as_("gp").get("Patient/Veenstra-bestaat-niet")
    log = (hub.folder.parent / "data.log").read_text()
    served = log.partition("Stop with Ctrl-C.")[2]
    assert "Veenstra" not in served
    assert "eyJ" not in served
    for line in served.strip().splitlines():
        assert "event" in json.loads(line)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_curl_lines_work_as_printed(hub: Demo) -> None:
    log = (hub.folder.parent / "data.log").read_text()
    lines = re.findall(r"^curl .*$", log, re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["entry"], line


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_printed_address_leads_to_a_token(hub: Demo) -> None:
    visitor = Visitor(hub.port)
    page = visitor.get(hub.facts["app"]["authorize"].removeprefix(hub.facts["base"]))
    page = visitor.follow(visitor.send(page.form("/login/development"), ("person", "RelatedPerson/daughter-marije")))
    answer = visitor.send(page.form("/authorize"), ("step", "approve"))
    log = (hub.folder.parent / "data.log").read_text()
    (line,) = re.findall(r"^# (curl .*CODE)$", log, re.MULTILINE)
    done = subprocess.run(["bash", "-c", line.replace("CODE", answer.answer["code"])], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["patient"] == "ansje"
    assert "Demo app" in visitor.get(answer.location.removeprefix(hub.facts["base"])).text


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Demo]:
    """Run a demo in which nobody has done anything yet."""
    with demo(tmp_path / "fresh") as running:
        yield running


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_readme_works_as_written(fresh: Demo, tmp_path: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    script = "\n".join(block for block in blocks if ("curl" in block or "ask " in block) and "kill" not in block)
    assert script.count("ask ") >= 4
    script = script.replace("http://127.0.0.1:8000", fresh.facts["base"])
    script = script.replace("data/demo.json", str(fresh.folder / "demo.json"))
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "permit-careteam" in done.stdout, "the client sees who may see what"
    assert '"name": "unread"' in done.stdout, "the client sees what waits for whom"
    for resource_type in ("Bundle", "CareTeam", "MedicationDispense", "OperationOutcome", "Organization"):
        assert f'"resourceType":"{resource_type}"' in done.stdout.replace('": "', '":"')


def test_a_second_demo_on_the_same_port_says_so_in_one_line(hub: Demo, tmp_path: Path) -> None:
    refused = cli("demo", "--port", str(hub.port), "--data-dir", str(tmp_path / "other"))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert str(hub.port) in refused.stderr


def test_the_demo_starts_again_on_what_it_left(tmp_path: Path) -> None:
    for _ in range(2):
        with demo(tmp_path / "data") as running:
            assert running.as_("gp").get("Patient/ansje").headers["etag"] == 'W/"1"'
