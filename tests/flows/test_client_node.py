"""fhir-kit-client (JavaScript) against the running hub: installed from the committed lock, in a folder of the test's own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from flows.client import Demo

FOLDER = Path(__file__).resolve().parents[1] / "clients" / "node"
STEPS = "capabilities create read update patch history bundles search include refusals"


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the client; skip where there is no node, or where its packages cannot be had."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("needs node and npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"needs node 20 or newer, not {version}")
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(FOLDER, folder)
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    except subprocess.TimeoutExpired:
        pytest.skip("npm could not fetch fhir-kit-client within a minute")
    if done.returncode:
        pytest.skip(f"npm could not install fhir-kit-client: {done.stderr.strip()[-300:]}")
    return folder


def test_fhir_kit_client(hub: Demo, client: Path) -> None:
    command = ["node", "use.js", f"{hub.facts['base']}/fhir"]
    environment = {**os.environ, "HUB_TOKEN": hub.facts["persons"]["system"]["token"]}
    done = subprocess.run(command, cwd=client, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.split()) == (0, STEPS.split()), done.stderr
