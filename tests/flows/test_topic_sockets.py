"""The websocket of a subscription on both engines, and once over a real socket: in order, nothing lost, closed when it is over."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from dossier_room import DAUGHTER, DOCTOR, NETWORK, NURSE, SYSTEM
from engines import PostgresServer
from flows.served import served
from flows.test_subscription import Bureau, bureau_open
from flows.test_topics import Json, subscribe, told, topical
from hook import hook_running

from fhir_server.errors import FhirError
from fhir_server.http.socket import PATH, SocketDoor

BOUND = "bind-with-token: "


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bureau(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("topic_sockets", "template1")
    with hook_running() as hook, bureau_open(tmp_path_factory.mktemp("sockets"), database, hook) as opened:
        yield opened


@dataclass
class Socket:
    """The client's end of a websocket of the application; with ``stuck`` it reads nothing."""

    bureau: Bureau
    incoming: "asyncio.Queue[dict[str, Any]]" = field(default_factory=asyncio.Queue)
    sent: list[dict[str, Any]] = field(default_factory=list)
    stuck: bool = False
    task: "asyncio.Task[None] | None" = None

    def open(self, text: str, path: str = PATH, *, later: int = 0) -> "Socket":
        services = self.bureau.room.services
        door = SocketDoor(self.bureau.worker.switchboard, services.subscriptions.seal, lambda: services.clock() + later * 1_000_000)

        async def start() -> None:
            self.incoming.put_nowait({"type": "websocket.connect"})
            self.incoming.put_nowait({"type": "websocket.receive", "text": text})
            self.task = asyncio.create_task(door({"type": "websocket", "path": path}, self.incoming.get, self._send))

        self.bureau.room.runner.run(start())
        return self

    @property
    def bundles(self) -> list[Json]:
        return [json.loads(each["text"]) for each in self.sent if each["type"] == "websocket.send"]

    @property
    def numbers(self) -> list[int]:
        return [number for each in self.bundles for number, _ in told(each)["events"]]

    @property
    def closed(self) -> int:
        return next((each["code"] for each in self.sent if each["type"] == "websocket.close"), 0)

    def leave(self) -> None:
        self.incoming.put_nowait({"type": "websocket.disconnect"})
        self.bureau.until(lambda: self.task is not None and self.task.done())

    async def _send(self, message: Any) -> None:
        if self.stuck and message["type"] == "websocket.send":
            await asyncio.Event().wait()
        self.sent.append(message)


def listening(bureau: Bureau, who: str, path: str, topic: str = "message", **channel: Any) -> str:
    made = topical(topic, "", **channel)
    del made["channel"]["endpoint"]
    return subscribe(bureau, who, path, made | {"channel": made["channel"] | {"type": "websocket"}})


def token(bureau: Bureau, who: str, path: str) -> str:
    answer = bureau.room.operate(who, "get-ws-binding-token", f"Subscription/{bureau.ids[path]}")
    parts = {each["name"]: each for each in json.loads(answer.body)["parameter"]}
    assert parts["websocket-url"]["valueUrl"] == "ws" + bureau.room.services.base.removeprefix("http") + "/ws"
    assert parts["subscription"]["valueString"] == bureau.ids[path]
    return str(parts["token"]["valueString"])


def done(bureau: Bureau, path: str) -> int:
    found = bureau.room.runner.run(bureau.worker.store.find(bureau.ids[path]))
    assert found is not None
    return found.done


def test_what_is_due_comes_in_order_and_what_is_missed_comes_later(bureau: Bureau) -> None:
    path = listening(bureau, DAUGHTER, "/order")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.room.reply(NURSE, thread)
    socket = Socket(bureau).open(BOUND + token(bureau, DAUGHTER, path))
    bureau.until(lambda: socket.numbers == [1])
    assert told(socket.bundles[0])["type"] == "handshake"
    for _ in range(3):
        bureau.room.reply(DOCTOR, thread)
    bureau.until(lambda: socket.numbers == [1, 2, 3, 4])
    bureau.until(lambda: done(bureau, path) == 4)  # who leaves before that gets it again
    socket.leave()
    bureau.room.reply(DOCTOR, thread)
    again = Socket(bureau).open(BOUND + token(bureau, DAUGHTER, path))
    bureau.until(lambda: again.numbers == [5])
    bureau.until(lambda: done(bureau, path) == 5)
    newer = Socket(bureau).open(BOUND + token(bureau, DAUGHTER, path))
    bureau.until(lambda: again.closed == 1000)
    bureau.room.reply(DOCTOR, thread)
    bureau.until(lambda: newer.numbers == [6])
    assert again.numbers == [5]
    bureau.room.write(DAUGHTER, {**bureau.shown(path), "status": "off"})
    bureau.until(lambda: newer.closed == 1000)


@pytest.mark.parametrize("text", ["", "hello", BOUND + "forged", BOUND + "A" * 3000])
def test_nobody_gets_in_without_a_token(bureau: Bureau, text: str) -> None:
    socket = Socket(bureau).open(text)
    bureau.until(lambda: socket.closed == 1008)
    assert socket.bundles == []


def test_a_token_is_good_for_a_minute_and_one_path(bureau: Bureau) -> None:
    path = listening(bureau, NURSE, "/token")
    late = Socket(bureau).open(BOUND + token(bureau, NURSE, path), later=61)
    elsewhere = Socket(bureau).open(BOUND + token(bureau, NURSE, path), "/fhir/other")
    bureau.until(lambda: (late.closed, elsewhere.closed) == (1008, 1008))
    with pytest.raises(FhirError) as refused:
        token(bureau, DOCTOR, path)
    assert refused.value.status == 403


def test_only_a_websocket_has_a_token(bureau: Bureau) -> None:
    path = subscribe(bureau, NURSE, "/hook", topical("message", bureau.hook.url("/hook")))
    with pytest.raises(FhirError) as refused:
        token(bureau, NURSE, path)
    assert refused.value.status == 422


def test_who_does_not_read_is_left(bureau: Bureau) -> None:
    path = listening(bureau, NURSE, "/stuck")
    switchboard = bureau.worker.switchboard
    switchboard.seconds, seconds = 0.05, switchboard.seconds
    socket = Socket(bureau, stuck=True).open(BOUND + token(bureau, NURSE, path))
    bureau.until(lambda: socket.closed == 1000)
    switchboard.seconds = seconds


def test_who_has_left_is_told_nothing_more(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    path = listening(bureau, NURSE, "/leaver")
    monkeypatch.setattr("fhir_server.subscriptions.switchboard._AGAIN", 0.02)
    socket = Socket(bureau).open(BOUND + token(bureau, NURSE, path))
    bureau.until(lambda: len(socket.bundles) == 1)
    (nurse,) = [each for each in bureau.room.stored("Practitioner") if each["id"] == "nurse"]
    bureau.room.write(SYSTEM, {**nurse, "active": False})
    bureau.until(lambda: socket.closed == 1000)
    assert len(socket.bundles) == 1
    bureau.room.write(SYSTEM, {**nurse, "active": True})


def test_a_real_socket(tmp_path: Path) -> None:
    with served(tmp_path, FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK="true") as hub:
        client = hub.client()
        made = topical("task", "")
        made["channel"] = {"type": "websocket", "payload": "application/fhir+json"}
        id_ = client.post(made).json["id"]
        for _ in range(100):
            if client.get(f"Subscription/{id_}").json["status"] == "active":
                break
        parts = {each["name"]: each for each in client.get(f"Subscription/{id_}/$get-ws-binding-token").json["parameter"]}

        async def listen() -> list[Json]:
            async with aiohttp.ClientSession() as session, session.ws_connect(parts["websocket-url"]["valueUrl"]) as socket:
                await socket.send_str(BOUND + parts["token"]["valueString"])
                first = json.loads(await socket.receive_str(timeout=10))
                task = {"resourceType": "Task", "id": "t", "status": "requested", "intent": "order"}
                assert (await asyncio.to_thread(client.put, task)).status == 201
                return [first, json.loads(await socket.receive_str(timeout=10))]

        found = asyncio.run(listen())
    assert [told(each)["type"] for each in found] == ["handshake", "event-notification"]
