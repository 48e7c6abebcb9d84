"""The simulated PGO against a running demo: it goes through the pages as a person does, and collects."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flows.client import Demo
from running_simulator import Running, simulator

from conformance.simulators.__main__ import main


def post(running: Running, path: str, **fields: str) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(f"http://127.0.0.1:{running.port}{path}", urlencode(fields).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_it_collects(sqlite_hub: Demo) -> None:
    with simulator("pgo", "--demo", str(sqlite_hub.folder / "demo.json")) as running:
        status, found = post(running, "/collect", person="Patient/ansje", lasting="yes", again="yes")
        assert status == 200, found
        assert found["lasting"]
        assert found["scope"] == [*sqlite_hub.facts["medmij"]["services"]]
        (answer,) = found["answers"].values()
        assert answer["status"] == 200
        assert answer["resources"]["MedicationDispense"] > 1
        assert answer["resources"]["Patient"] == 1
        status, found = post(running, "/collect", person="Patient/ansje")
        assert (status, found["lasting"]) == (200, False)
        status, found = post(running, "/collect", person="Patient/other-client")
        assert (status, found) == (502, {"error": "The hub answered: access_denied nothing is collected"})
        back = sqlite_hub.facts["medmij"]["redirect_uri"]
        status, found = post(running, "/answer", address=f"{back}?code=x&state=of-somebody-else")
        assert status == 502
        with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/", timeout=30) as page:
            assert sqlite_hub.facts["medmij"]["authorize"] in page.read().decode()


@pytest.mark.parametrize("text", ["{}", "x"])
def test_without_a_demo_it_says_so(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "demo.json").write_text(text)
    assert main(["pgo", "--demo", str(tmp_path / "demo.json")]) == 2
    assert "demo.json" in capsys.readouterr().err
