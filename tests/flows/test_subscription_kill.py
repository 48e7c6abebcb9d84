"""kill -9 of a server while it delivers: every committed event arrives, in order, and again only under its own number."""

import json
import os
import signal
import threading
import time
from http.client import HTTPException
from pathlib import Path
from random import Random

from flows.client import Client
from flows.served import served
from flows.test_topics import told, topical
from hook import Hook, hook_running
from index_check import select

KILLS = int(os.environ.get("KILLS", "1"))
WRITERS = 3
PLAIN, SLOW, TOPIC = "/plain", "/slow", "/topic"


def _write(client: Client, name: str) -> None:
    """Make new Tasks until the server is gone."""
    number = 0
    try:
        while True:
            number += 1
            task = {"resourceType": "Task", "id": f"{name}-{number}", "status": "requested", "intent": "order"}
            assert client.put(task).status == 201
    except (OSError, HTTPException):
        return


def _subscribe(client: Client, hook: Hook) -> None:
    for path in (PLAIN, SLOW):
        channel = {"type": "rest-hook", "endpoint": hook.url(path)}
        made = {"resourceType": "Subscription", "status": "requested", "reason": "kill", "criteria": "Task?id", "channel": channel}
        assert client.post(made).status == 201
    id_ = client.post(topical("task", hook.url(TOPIC))).json["id"]
    until = time.monotonic() + 20
    while client.get(f"Subscription/{id_}").json["status"] != "active":
        assert time.monotonic() < until
        time.sleep(0.02)


def _rows(url: str) -> set[tuple[int, int]]:
    return {(row[0], row[1]) for row in select(url, "SELECT last, done FROM subscription")}


def _check_order(hook: Hook, committed: set[str]) -> None:
    """Numbers have no gap, one that comes again tells of the same, and what one writer made came in its order."""
    bundles = [json.loads(each.body) for each in hook.received if each.path == TOPIC]
    seen = [event for bundle in bundles for event in told(bundle)["events"]]
    assert [number for number, _ in seen] == sorted(number for number, _ in seen)
    each = dict(seen)
    assert set(seen) == set(each.items())
    assert sorted(each) == list(range(1, len(committed) + 1))
    ids = [focus.rpartition("/")[2] for focus in each.values()]
    assert (len(ids), set(ids)) == (len(committed), committed)
    written: dict[str, list[int]] = {}
    for id_ in ids:
        writer, _, number = id_.rpartition("-")
        written.setdefault(writer, []).append(int(number))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in written.values())


def test_a_server_that_is_killed_delivers_what_it_committed(tmp_path: Path, database_url: str) -> None:
    random = Random(7)
    given = {"FHIR_SERVER_DATABASE_URL": database_url, "FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true"}
    with hook_running() as hook, served(tmp_path, **given) as hub:
        hook.delays[SLOW] = 0.02
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
        committed = {row[0] for row in select(database_url, "SELECT id FROM resource WHERE type = 'Task'")}
        until = time.monotonic() + 120
        while _rows(database_url) != {(len(committed), len(committed))}:
            assert time.monotonic() < until, (len(committed), _rows(database_url))
            time.sleep(0.05)
        assert len(committed) > KILLS * WRITERS
        for path in (PLAIN, SLOW):
            assert len(committed) <= hook.count(path) <= len(committed) + KILLS, path
        _check_order(hook, committed)
        assert select(database_url, "SELECT count(*) FROM event") == [(0,)]
        assert select(database_url, "SELECT count(*) FROM delivery WHERE subscription IN"
                      " (SELECT id FROM subscription WHERE manner = '')") == [(0,)]  # fmt: skip
