"""kill -9 of a server while it delivers: every committed event arrives, each again at most once for each kill."""

import os
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path
from random import Random

from flows.client import Client
from flows.served import served
from hook import Hook, hook_running
from index_check import select

KILLS = int(os.environ.get("KILLS", "1"))
WRITERS = 3
PATHS = ("/swift", "/slow")


def _write(client: Client, name: str) -> None:
    """Make new versions of a Task until the server is gone."""
    number = 0
    try:
        while True:
            number += 1
            task = {"resourceType": "Task", "id": name, "status": "requested", "intent": "order", "description": str(number)}
            assert client.put(task).status in {200, 201}
    except (OSError, HTTPException):
        return


def _subscribe(client: Client, hook: Hook) -> None:
    for path in PATHS:
        channel = {"type": "rest-hook", "endpoint": hook.url(path)}
        made = {"resourceType": "Subscription", "status": "requested", "reason": "kill", "criteria": "Task?id", "channel": channel}
        assert client.post(made).status == 201


def _rows(url: str) -> dict[str, tuple[int, int]]:
    return {row[0]: (row[1], row[2]) for row in select(url, "SELECT endpoint, last, done FROM subscription")}


def test_a_server_that_is_killed_delivers_what_it_committed(tmp_path: Path) -> None:
    random = Random(7)
    url = f"sqlite:///{tmp_path}/data/hub.db"
    given = {"FHIR_SERVER_DATABASE_URL": url, "FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true"}
    with hook_running() as hook, served(tmp_path, **given) as hub:
        hook.delays["/slow"] = 0.02
        client = hub.client()
        _subscribe(client, hook)
        for kill in range(KILLS):
            threads = [threading.Thread(target=_write, args=(client, f"t{kill}-{number}")) for number in range(WRITERS)]
            for thread in threads:
                thread.start()
            time.sleep(random.uniform(0.2, 0.6))
            hub.end(signal.SIGKILL)
            for thread in threads:
                thread.join()
            hub.start()
        hook.delays.clear()
        committed = select(url, "SELECT sum(version) FROM resource WHERE type = 'Task'")[0][0]
        until = time.monotonic() + 120
        while set(_rows(url).values()) != {(committed, committed)}:
            assert time.monotonic() < until, (committed, _rows(url))
            time.sleep(0.1)
        assert committed > KILLS * WRITERS
        for path in PATHS:
            assert committed <= hook.count(path) <= committed + KILLS, path
        assert select(url, "SELECT count(*) FROM event") == select(url, "SELECT count(*) FROM delivery") == [(0,)]
