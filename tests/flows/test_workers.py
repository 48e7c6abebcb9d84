"""Several worker processes on one PostgreSQL: the same answers, tokens and page links from each of them."""

import os
import subprocess
import sys
from pathlib import Path

from engines import PostgresServer
from flows.client import Client, cli, free_port, wait_for


def test_two_workers_are_one_server(postgres_server: PostgresServer, tmp_path: Path) -> None:
    port = free_port()
    environment = {
        "FHIR_SERVER_DATABASE_URL": postgres_server.create("workers", "template1"),
        "FHIR_SERVER_DATA_DIR": str(tmp_path / "data"),
        "FHIR_SERVER_WORKERS": "2",
        "FHIR_SERVER_PORT": str(port),
    }
    command = [sys.executable, "-m", "fhir_server", "serve"]
    log = tmp_path / "log"
    with log.open("wb") as out, subprocess.Popen(command, env={**os.environ, **environment}, stdout=out, stderr=out) as process:
        try:
            wait_for(process, port, log)
            token = cli("token", "--as", "Device/x", "--role", "system", **environment).stdout.strip()
            client = Client(port, token)
            for number in range(12):
                place = {"resourceType": "Location", "id": f"w{number}", "name": "Workers"}
                assert client.put(place).status == 201
                assert client.get(f"Location/w{number}").status == 200
            found = [id_ for page in client.pages("Location?name=workers&_count=1") for id_ in page.ids()]
            assert sorted(found) == sorted(f"Location/w{number}" for number in range(12))
        finally:
            process.terminate()
            process.wait(20)
    assert log.read_text().count('"event": "open"') == 2
