"""Two hubs on one PostgreSQL: both deliver, nobody is told twice or out of order, a websocket hears what the other commits."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from engines import PostgresServer
from flows.client import Client, free_port
from flows.served import Served
from flows.test_topic_sockets import BOUND
from flows.test_topics import Json, told, topical
from hook import Hook, hook_running
from index_check import select

SUBSCRIPTIONS, WRITES = 36, 5


@pytest.fixture(scope="module")
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.create("pair", "template_hub")


@pytest.fixture(scope="module")
def pair(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    folder, port = tmp_path_factory.mktemp("pair"), free_port()
    settings = {
        "FHIR_SERVER_DATABASE_URL": url,
        "FHIR_SERVER_BASE_URL": f"http://127.0.0.1:{port}/fhir",
        "FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true",
    }
    hubs = Served(folder, settings, port), Served(folder, settings)
    try:
        for each in hubs:
            each.start()
        yield hubs
    finally:
        for each in hubs:
            if each.process is not None:
                each.end()


@pytest.fixture(scope="module")
def clients(pair: tuple[Served, Served]) -> tuple[Client, Client]:
    first = pair[0].client()
    return first, Client(pair[1].port, first.token)


def _task(id_: str) -> Json:
    return {"resourceType": "Task", "id": id_, "status": "requested", "intent": "order"}


def _write(client: Client, name: str) -> None:
    for number in range(WRITES):
        assert client.put(_task(f"{name}-{number}")).status == 201


def _events(hook: Hook, path: str) -> list[tuple[int, str]]:
    return [event for each in hook.received if each.path == path for event in told(json.loads(each.body))["events"]]


def test_both_deliver_and_nobody_is_told_twice(clients: tuple[Client, Client], url: str) -> None:
    with hook_running() as hook:
        paths = [f"/{number}" for number in range(SUBSCRIPTIONS)]
        hook.delays |= dict.fromkeys(paths, 0.02)
        for number, path in enumerate(paths):
            assert clients[number % 2].post(topical("task", hook.url(path))).status == 201
        _until(lambda: select(url, "SELECT count(*) FROM subscription WHERE status = 'active'") == [(SUBSCRIPTIONS,)])
        threads = [threading.Thread(target=_write, args=(client, name)) for client, name in zip(clients, "ab", strict=True)]
        for each in threads:
            each.start()
        by: set[str] = set()

        def settled() -> bool:
            by.update(
                holder.partition(" ")[0] for (holder,) in select(url, "SELECT DISTINCT holder FROM subscription WHERE until > 0")
            )
            return select(url, "SELECT DISTINCT last, done FROM subscription") == [(2 * WRITES, 2 * WRITES)]

        _until(settled)
        for each in threads:
            each.join()
        for path in paths:
            events = _events(hook, path)
            assert [number for number, _ in events] == list(range(1, 2 * WRITES + 1))
            for name in "ab":
                own = [focus.rpartition("/")[2] for _, focus in events if f"/{name}-" in focus]
                assert own == [f"{name}-{number}" for number in range(WRITES)]
        assert len(by) == 2
        for path in paths:
            hook.delays.pop(path)


def test_a_socket_hears_what_the_other_process_commits_and_moves_to_it(
    pair: tuple[Served, Served], clients: tuple[Client, Client], url: str
) -> None:
    made = topical("task", "")
    made["channel"] = {"type": "websocket", "payload": "application/fhir+json", "_payload": made["channel"]["_payload"]}
    id_ = clients[0].post(made).json["id"]

    async def act() -> None:
        async with _bound(pair[1], clients[0], id_) as there:
            assert told(await _received(there))["type"] == "handshake"
            await asyncio.to_thread(clients[0].put, _task("one"))
            assert [number for number, _ in told(await _received(there))["events"]] == [1]
            _until(lambda: select(url, f"SELECT done FROM subscription WHERE id = '{id_}'") == [(1,)])
            async with _bound(pair[0], clients[1], id_) as here:
                assert told(await _received(here))["type"] == "handshake"
                await asyncio.to_thread(clients[1].put, _task("two"))
                assert [(number, focus.rpartition("/")[2]) for number, focus in told(await _received(here))["events"]] == [
                    (2, "two")
                ]
                assert (await there.receive(timeout=10)).type == aiohttp.WSMsgType.CLOSE

    asyncio.run(act())


@asynccontextmanager
async def _bound(hub: Served, client: Client, id_: str) -> Any:
    answer = await asyncio.to_thread(client.get, f"Subscription/{id_}/$get-ws-binding-token")
    token = next(each["valueString"] for each in answer.json["parameter"] if each["name"] == "token")
    async with aiohttp.ClientSession() as session, session.ws_connect(f"ws://127.0.0.1:{hub.port}/fhir/ws") as socket:
        await socket.send_str(BOUND + token)
        yield socket


async def _received(socket: aiohttp.ClientWebSocketResponse) -> Json:
    return dict(json.loads(await socket.receive_str(timeout=10)))


def _until(holds: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.02)
