"""PostgreSQL stops without warning under a load of writes: refusals meanwhile, recovery without help, and promises kept."""

import os
import threading
import time
from pathlib import Path
from random import Random

from flows.client import Client, cli
from flows.load import start, writers
from flows.own_postgres import own_postgres
from flows.served import served
from index_check import index_faults, version_faults
from record_check import lines

STOPS = int(os.environ.get("STOPS", "2"))


def wait_until_ready(client: Client) -> None:
    until = time.monotonic() + 60
    while client.get("/health/ready").status != 200:
        assert time.monotonic() < until
        time.sleep(0.05)


def assert_out_of_order(client: Client) -> None:
    """Whatever is asked meanwhile, data or not, is refused in the same way."""
    place = {"resourceType": "Location", "id": "meanwhile", "name": "x"}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Location"}}]}
    for reply in (
        client.get("Location"),
        client.get("Location/meanwhile"),
        client.get("Location/_history"),
        client.put(place),
        client.request("POST", "", batch),
        client.request("POST", "", {**batch, "type": "transaction"}),
        client.get("Nonsense"),  # the refusal itself cannot be recorded
    ):
        assert (reply.status, reply.detail) == (503, "database-unavailable"), reply.body
        assert int(reply.headers["retry-after"]) > 0
    assert client.get("/health/ready").status == 503
    assert client.get("/health/live").status == 200


def test_a_database_that_stops_under_load(tmp_path: Path) -> None:
    random = Random(20)
    with own_postgres() as database, served(tmp_path, FHIR_SERVER_DATABASE_URL=database.url) as hub:
        client = hub.client()
        everybody = writers(client, "s", 6)
        for stop in range(STOPS):
            threads = start(everybody, threading.Event())
            time.sleep(random.uniform(0.3, 1.0))
            database.stop("immediate")
            for thread in threads:
                thread.join()
            refusals = [reply for writer in everybody for reply in writer.refusals]
            assert {(reply.status, reply.detail) for reply in refusals} <= {(503, "database-unavailable")}, refusals
            assert_out_of_order(client)
            database.start()
            wait_until_ready(client)
            assert version_faults(database.url) == [], stop
            assert [fault for writer in everybody for fault in writer.settle()] == [], stop
            assert index_faults(database.url, hub.base) == [], stop
            recorded = {line.request for line in lines(database.url)}
            assert {request for writer in everybody for request in writer.requests} <= recorded, stop
            told = cli("audit", "verify", **hub.environment)
            assert told.returncode == 0, told.stdout + told.stderr
        assert client.get("Location/meanwhile").status == 404
        assert sum(len(writer.requests) for writer in everybody) > 5 * STOPS
    assert '"unexpected"' not in hub.log.read_text()
