"""kill -9 of a server under a load of writes and reads on SQLite: nothing acknowledged is lost, nothing is there in part."""

import os
import signal
import threading
import time
from pathlib import Path
from random import Random

from flows.client import cli
from flows.load import start, writers
from flows.served import served
from index_check import index_faults, select, version_faults
from record_check import lines

KILLS = int(os.environ.get("KILLS", "4"))
WRITERS = 6


def test_a_server_that_is_killed_has_kept_its_promises(tmp_path: Path) -> None:
    random = Random(20)
    url = f"sqlite:///{tmp_path}/data/hub.db"
    acknowledged = 0
    with served(tmp_path, FHIR_SERVER_DATABASE_URL=url) as hub:
        everybody = writers(hub.client(), "k", WRITERS)
        for kill in range(KILLS):
            threads = start(everybody, threading.Event())
            time.sleep(random.uniform(0.05, 0.5))
            hub.end(signal.SIGKILL)
            for thread in threads:
                thread.join()
            assert version_faults(url) == [], kill
            hub.start()
            assert [writer.refusals for writer in everybody if writer.refusals] == []
            assert [fault for writer in everybody for fault in writer.settle()] == [], kill
            assert index_faults(url, hub.base) == [], kill
            recorded = {line.request for line in lines(url)}
            assert {request for writer in everybody for request in writer.requests} <= recorded, kill
            told = cli("audit", "verify", **hub.environment)
            assert (told.returncode, told.stderr) == (0, ""), told.stdout
            acknowledged = sum(len(writer.requests) for writer in everybody)
        assert select(url, "PRAGMA integrity_check") == [("ok",)]
    assert acknowledged > 5 * KILLS
