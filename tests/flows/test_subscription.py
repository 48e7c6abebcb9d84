"""Subscriptions on both engines, with an endpoint on this machine: what is notified, what is not, and what is refused."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from consents import consent, provision
from dossier_room import CHEMIST, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, Room, ref, room, team
from engines import PostgresServer
from hook import Hook, hook_running

from fhir_server import bootstrap
from fhir_server.catalog.announced import announced
from fhir_server.errors import FhirError, Forbidden, Unprocessable
from fhir_server.http.metrics import Metrics
from fhir_server.settings import read_settings
from fhir_server.storage.subscriptions.store import Claim
from fhir_server.subscriptions.delivery import Channel, Outcome
from fhir_server.subscriptions.message import Message
from fhir_server.subscriptions.worker import Worker

Json = dict[str, Any]
_numbers = count()
_MOMENT = 0.01  # seconds
GAUGES = (
    "_events_waiting",
    "_matching_lag_seconds",
    "_notifications_pending",
    "_delivery_lag_seconds",
    "_notifications_dead",
    "s_error",
    "s_active",
)


@dataclass
class Bureau:
    """A hub with its worker, and an endpoint."""

    room: Room
    hook: Hook
    worker: Worker
    ids: dict[str, str] = field(default_factory=dict)

    def subscribe(self, who: Any, criteria: str, path: str = "", *, wait: bool = True, **channel: Any) -> str:
        """Subscribe as ``who``; return the path of the endpoint, which ends with the id."""
        path = path or f"/{next(_numbers)}"
        made = {"type": "rest-hook", "endpoint": self.hook.url(path), **channel}
        id_ = self.room.write(who, subscription(criteria, made)).id
        self.ids[path] = id_
        if wait:
            self.until(lambda: self.shown(path)["status"] == "active")
        return path

    def shown(self, path: str) -> Json:
        (found,) = [each for each in self.room.stored("Subscription") if each["id"] == self.ids[path]]
        return found

    def versions(self, path: str) -> list[Json]:
        async def found() -> list[Json]:
            services, id_ = self.room.services, self.ids[path]
            grant = services.gate.locating("Subscription")
            last = await services.repository.read(grant, "Subscription", id_)
            assert last is not None
            each = [await services.repository.vread(grant, "Subscription", id_, number + 1) for number in range(last.version)]
            return [json.loads(one.body) for one in each if one is not None]

        return self.room.runner.run(found())

    def until(self, holds: Callable[[], bool], seconds: float = 10) -> None:
        left = int(seconds / _MOMENT)
        while not holds():
            left -= 1
            assert left > 0, "it does not come"
            self.room.runner.run(asyncio.sleep(_MOMENT))

    def settle(self) -> None:
        """Return when nothing waits to be matched or delivered."""

        async def nothing_left() -> bool:
            found = await self.worker.store.standing()
            return not (found.events or found.pending)

        self.until(lambda: self.room.runner.run(nothing_left()))


def subscription(criteria: str, channel: Json, **more: Any) -> Json:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "test",
        "criteria": criteria,
        "channel": channel,
    } | more


@contextmanager
def bureau_open(folder: Path, database: str, hook: Hook, **more: str) -> Iterator[Bureau]:
    given = {"FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true", **more}
    with room(folder, database, **given) as found:
        settings = read_settings(
            {"FHIR_SERVER_DATA_DIR": str(folder / "data"), **given} | ({"FHIR_SERVER_DATABASE_URL": database} if database else {})
        )
        worker = found.runner.run(bootstrap.worker(settings, found.services))

        async def start() -> asyncio.Task[None]:
            return asyncio.create_task(worker.work())

        task = found.runner.run(start())
        bureau = Bureau(found, hook, worker)
        try:
            yield bureau
        finally:
            found.runner.run(stopped(worker, task))


async def stopped(worker: Worker, task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await worker.close()


@dataclass
class Counting:
    """A channel that remembers which numbers were sent, and who sent."""

    channel: Channel
    holder: str
    sent: dict[str, list[int]]
    by: set[str]

    async def send(self, claim: Claim, message: Message) -> Outcome:
        self.sent.setdefault(claim.id, []).append(message.number)
        self.by.add(self.holder)
        return await self.channel.send(claim, message)

    async def close(self) -> None:
        await self.channel.close()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bureau(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"bureau_{next(_numbers)}", "template1")
    with hook_running() as hook, bureau_open(tmp_path_factory.mktemp("bureau"), database, hook) as opened:
        yield opened


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first retries come at once."""
    monkeypatch.setattr("fhir_server.subscriptions.backoff.FIRST", (10_000, 20_000))


def test_a_subscriber_is_told_and_finds_what_is_new(bureau: Bureau) -> None:
    path = bureau.subscribe(DAUGHTER, f"Task?status=requested&owner={DAUGHTER}")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.settle()
    assert bureau.hook.count(path) == 0  # her own Task is completed
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) == 1)
    (received,) = [each for each in bureau.hook.received if each.path == path]
    assert (received.method, received.body, received.headers["content-length"]) == ("POST", b"", "0")
    assert set(received.headers) == {"host", "content-length", "user-agent"}
    assert DAUGHTER in bureau.room.unread(thread)


def test_firing_rules(bureau: Bureau) -> None:
    paths = [
        bureau.subscribe(NURSE, criteria)
        for criteria in (
            "Task?status=requested",
            "Task?id",
            "Communication?id",
            "CommunicationRequest?id",
        )
    ]
    outside = [
        bureau.subscribe(OUTSIDER, each)
        for each in ("Task?status=requested", "Task?id", "Communication?id", "CommunicationRequest?id")
    ]

    def fired() -> list[int]:
        bureau.settle()
        return [bureau.hook.count(path) for path in paths]

    thread = bureau.room.thread(DAUGHTER, [NETWORK], status="draft")
    assert fired() == [1, 1, 0, 1]
    (stored,) = [each for each in bureau.room.stored("CommunicationRequest") if f"CommunicationRequest/{each['id']}" == thread]
    bureau.room.write(SYSTEM, {**stored, "status": "active"})
    assert fired() == [1, 1, 0, 2]
    reply = bureau.room.reply(DAUGHTER, thread)
    assert fired() == [2, 2, 1, 2]
    bureau.room.reply(DAUGHTER, thread)  # nothing was read meanwhile: the Task is requested still, and moves all the same
    assert fired() == [3, 3, 2, 2]
    bureau.room.receipt(NURSE, thread, reply)
    assert fired() == [3, 4, 2, 2]
    assert [bureau.hook.count(path) for path in outside] == [0, 0, 0, 0]


def test_off_is_off_and_only_for_its_owner(bureau: Bureau) -> None:
    path = bureau.subscribe(DAUGHTER, "Communication?id")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    own = bureau.shown(path)
    with pytest.raises(Forbidden):
        bureau.room.write(NURSE, {**own, "status": "off"})
    bureau.room.write(DAUGHTER, {**own, "status": "off"})
    bureau.room.reply(NURSE, thread)
    bureau.settle()
    assert bureau.hook.count(path) == 0
    assert bureau.shown(path)["status"] == "off"


REFUSED = [
    ({"criteria": "Observation?code=x"}, {}, 403, "Subscription.criteria"),
    ({"criteria": "Task?colour=blue"}, {}, 400, "Subscription.criteria"),
    ({"criteria": "Task?_sort=status"}, {}, 400, "Subscription.criteria"),
    ({"criteria": "Task?owner.name=x"}, {}, 400, "Subscription.criteria"),
    ({"criteria": "Task?identifier=999911144"}, {}, 400, "Subscription.criteria"),
    ({"status": "error"}, {}, 422, "Subscription.status"),
    ({}, {"payload": "application/fhir+json"}, 403, "Subscription.channel.payload"),
    ({}, {"type": "email"}, 422, "Subscription.channel.type"),
    ({}, {"endpoint": "https://10.0.0.5/"}, 403, "Subscription.channel.endpoint"),
    ({}, {"endpoint": "https://169.254.169.254/"}, 403, "Subscription.channel.endpoint"),
    ({}, {"header": ["no header"]}, 422, "Subscription.channel.header[0]"),
    ({}, {"header": ["Host: elsewhere"]}, 422, "Subscription.channel.header[0]"),
    ({}, {"header": ["Authorization: ********"]}, 422, "Subscription.channel.header[0]"),
]


@pytest.mark.parametrize(("more", "channel", "status", "place"), REFUSED)
def test_what_is_refused_is_not_stored(bureau: Bureau, more: Json, channel: Json, status: int, place: str) -> None:
    before = len(bureau.room.stored("Subscription"))
    made = {"type": "rest-hook", "endpoint": bureau.hook.url("/refused"), **channel}
    with pytest.raises(FhirError) as refused:
        bureau.room.write(NURSE, subscription("Task?id", made) | more)
    assert (refused.value.status, refused.value.issues[0].expression) == (status, place)
    assert len(bureau.room.stored("Subscription")) == before


@pytest.mark.usefixtures("quick")
def test_an_endpoint_that_fails_is_tried_again_and_says_so(bureau: Bureau) -> None:
    path = bureau.subscribe(SYSTEM, "Communication?id")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.hook.answers[path] = [500, 503, 302]
    for _ in range(3):
        bureau.room.reply(NURSE, thread)
    bureau.until(lambda: "error" in bureau.shown(path))
    bureau.until(lambda: bureau.hook.count(path) == 6)  # three failures of the first one, and three that arrive
    bureau.settle()
    bureau.until(lambda: "error" not in bureau.shown(path))
    assert bureau.shown(path)["status"] == "active"
    assert bureau.hook.count("/elsewhere") == 0
    told = [each.get("error", "") for each in bureau.versions(path)]
    assert any("HTTP status" in each for each in told)
    assert bureau.hook.count(path) == 6


@pytest.mark.usefixtures("quick")
def test_an_endpoint_that_is_given_up_gets_everything_when_it_is_tried_again(bureau: Bureau) -> None:
    path = bureau.subscribe(DAUGHTER, "Communication?id")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.worker.postman.window, window = 0, bureau.worker.postman.window
    bureau.hook.answers[path] = [500]
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.shown(path)["status"] == "error")
    bureau.worker.postman.window = window
    bureau.room.reply(NURSE, thread)
    bureau.settle()
    assert bureau.hook.count(path) == 1
    dead = bureau.room.runner.run(bureau.worker.store.dead())
    assert [(each.number, each.type) for each in dead if each.subscription == bureau.ids[path]] == [
        (1, "Communication"),
        (2, "Communication"),
    ]
    bureau.room.write(DAUGHTER, {**bureau.shown(path), "status": "requested"})
    bureau.until(lambda: bureau.hook.count(path) == 3)
    bureau.until(lambda: bureau.shown(path)["status"] == "active")
    assert "error" not in bureau.shown(path)


@pytest.mark.usefixtures("quick")
def test_the_operator_redrives(bureau: Bureau) -> None:
    path = bureau.subscribe(DAUGHTER, "Communication?id")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.worker.postman.window, window = 0, bureau.worker.postman.window
    bureau.hook.answers[path] = [500]
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.shown(path)["status"] == "error")
    bureau.worker.postman.window = window
    store = bureau.worker.store
    assert bureau.room.runner.run(store.redrive([bureau.ids[path], "unknown"], bootstrap.now())) == [bureau.ids[path]]
    bureau.until(lambda: bureau.hook.count(path) == 2)
    bureau.until(lambda: bureau.shown(path)["status"] == "active")


def test_a_slow_endpoint_delays_nobody_else(bureau: Bureau) -> None:
    slow, swift = bureau.subscribe(DAUGHTER, "Communication?id"), bureau.subscribe(NURSE, "Communication?id")
    bureau.hook.delays[slow] = 0.4
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    for _ in range(5):
        bureau.room.reply(DOCTOR, thread)
    bureau.until(lambda: bureau.hook.count(swift) == 5)
    assert bureau.hook.count(slow) < 5
    del bureau.hook.delays[slow]
    bureau.until(lambda: bureau.hook.count(slow) == 5)


def test_what_is_changed_while_it_is_delivered_is_delivered_by_one(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    path, moved = bureau.subscribe(DAUGHTER, "Communication?id"), f"/{next(_numbers)}"
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    counting = Counting(bureau.worker.postman.channels["rest-hook"], "", {}, set())
    monkeypatch.setattr(bureau.worker.postman, "channels", {"rest-hook": counting})
    bureau.hook.delays |= {path: 2, moved: 0.2}
    bureau.room.reply(DOCTOR, thread)
    bureau.until(lambda: bureau.ids[path] in counting.sent)
    for _ in range(3):
        bureau.room.reply(DOCTOR, thread)
    channel = {"type": "rest-hook", "endpoint": bureau.hook.url(moved)}
    bureau.room.write(DAUGHTER, {**bureau.shown(path), "status": "active", "channel": channel})
    bureau.until(lambda: bureau.hook.count(moved) == 4)
    bureau.settle()
    assert counting.sent[bureau.ids[path]] == [1, 1, 2, 3, 4]
    bureau.until(lambda: bureau.hook.count(path) == 1)


def test_secrets_in_headers_are_sent_and_never_shown(bureau: Bureau) -> None:
    path = bureau.subscribe(NURSE, "Communication?id", header=["Authorization: Bearer s3cr3t", "X-Platform: p1"])
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    own = bureau.shown(path)
    assert own["channel"]["header"] == ["Authorization: ********", "X-Platform: ********"]
    bureau.room.write(NURSE, {**own, "reason": "another", "criteria": "Communication?status=completed"})
    bureau.until(lambda: bureau.shown(path)["reason"] == "another")
    bureau.room.reply(DAUGHTER, thread)
    bureau.until(lambda: bureau.hook.count(path) == 1)
    (received,) = [each for each in bureau.hook.received if each.path == path]
    assert (received.headers["authorization"], received.headers["x-platform"]) == ("Bearer s3cr3t", "p1")
    assert "s3cr3t" not in str(bureau.versions(path))
    bureau.room.write(NURSE, {**bureau.shown(path), "channel": {"type": "rest-hook", "endpoint": bureau.hook.url(path)}})
    bureau.room.reply(DAUGHTER, thread)
    bureau.until(lambda: bureau.hook.count(path) == 2)
    assert "authorization" not in bureau.hook.received[-1].headers


def test_who_has_left_is_not_told(bureau: Bureau) -> None:
    path = bureau.subscribe(DOCTOR, "Communication?id")
    everybody = [DAUGHTER, NURSE, DOCTOR, "CareTeam/ward"]
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.room.write(SYSTEM, team(NETWORK, [each for each in everybody if each != DOCTOR], CLIENT))
    bureau.room.reply(NURSE, thread)
    bureau.settle()
    assert bureau.hook.count(path) == 0
    bureau.room.write(SYSTEM, team(NETWORK, everybody, CLIENT))
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) == 1)


@pytest.mark.usefixtures("quick")
def test_access_that_ends_before_the_notification_goes_out(bureau: Bureau) -> None:
    path = bureau.subscribe(DOCTOR, "Communication?id")
    everybody = [DAUGHTER, NURSE, DOCTOR, "CareTeam/ward"]
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.hook.answers[path] = [500] * 1000
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) > 0)
    bureau.room.write(SYSTEM, team(NETWORK, [each for each in everybody if each != DOCTOR], CLIENT))
    bureau.settle()
    assert bureau.hook.answers.pop(path)
    bureau.room.write(SYSTEM, team(NETWORK, everybody, CLIENT))


def test_a_person_has_so_many_at_a_time(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = announced()._replace(per_person=2)
    monkeypatch.setattr("fhir_server.interactions.subscription_limit.announced", lambda: limit)
    path = bureau.subscribe(CHEMIST, "Communication?id")
    bureau.subscribe(CHEMIST, "Task?id")
    with pytest.raises(Unprocessable, match="more than 2"):
        bureau.subscribe(CHEMIST, "CareTeam?id")
    shown = bureau.shown(path)
    bureau.room.write(CHEMIST, {**shown, "reason": "one of two"})
    bureau.room.write(CHEMIST, {**shown, "status": "off"})
    bureau.subscribe(CHEMIST, "CareTeam?id")
    with pytest.raises(Unprocessable):
        bureau.room.write(CHEMIST, {**shown, "status": "requested"})
    bureau.room.write(SYSTEM, {**shown, "status": "requested"})


@pytest.mark.usefixtures("quick")
def test_operators_see_what_waits_and_what_is_dead(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured() -> list[float]:
        bureau.worker.standing = bureau.room.runner.run(bureau.worker.store.standing())
        lines = Metrics(bureau.worker.gauges).text().decode().splitlines()
        found = dict(line.split() for line in lines if line.startswith("subscription"))
        return [float(found[f"subscription{name}"]) for name in GAUGES]

    path = bureau.subscribe(DAUGHTER, "Communication?id")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.settle()
    *rest, active = measured()
    assert rest == [0] * len(rest)
    bureau.hook.answers[path] = [500] * 1000
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) > 0)
    bureau.until(lambda: measured()[2] == 1)
    waiting, matching, _, delivery, *rest = measured()
    assert (waiting, matching, rest) == (0, 0, [0, 0, active])
    assert delivery > 0
    monkeypatch.setattr(bureau.worker.postman, "window", 0)
    bureau.until(lambda: bureau.shown(path)["status"] == "error")
    assert measured() == [0, 0, 0, 0, 1, 1, active - 1]
    bureau.room.write(DAUGHTER, {**bureau.shown(path), "status": "off"})
    assert measured() == [0, 0, 0, 0, 0, 0, active - 1]


def test_a_role_given_later_counts(bureau: Bureau) -> None:
    path = bureau.subscribe(OUTSIDER, "Communication?id")
    role = {
        "resourceType": "PractitionerRole",
        "id": "late",
        "active": True,
        "practitioner": ref(OUTSIDER),
        "organization": ref("Organization/care"),
    }
    bureau.room.write(SYSTEM, role)
    everybody = [DAUGHTER, NURSE, DOCTOR, "CareTeam/ward"]
    bureau.room.write(SYSTEM, team(NETWORK, [*everybody, "PractitionerRole/late"], CLIENT))
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) == 1)
    bureau.room.write(SYSTEM, team(NETWORK, everybody, CLIENT))


def test_one_that_is_over_is_switched_off(bureau: Bureau) -> None:
    path = bureau.subscribe(NURSE, "Communication?id")
    bureau.room.write(NURSE, {**bureau.shown(path), "end": "2026-01-01T00:00:00Z"})
    bureau.room.runner.run(bureau.worker.store.tidy(bootstrap.now(), 0))
    bureau.until(lambda: bureau.shown(path)["status"] == "off")


def test_two_workers_share_the_work_and_keep_the_order(bureau: Bureau, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.subscriptions.postman.AT_ONCE", 3)
    monkeypatch.setattr("fhir_server.subscriptions.postman._CLAIMED", 3)
    settings = read_settings(
        {"FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true", "FHIR_SERVER_DATABASE_URL": "postgresql:///shared"}
    )
    other = bureau.room.runner.run(bootstrap.worker(settings, bureau.room.services))
    sent: dict[str, list[int]] = {}
    by: set[str] = set()
    for each in (bureau.worker, other):
        each.postman.channels = {"rest-hook": Counting(each.postman.channels["rest-hook"], each.postman.holder, sent, by)}

    async def start() -> asyncio.Task[None]:
        return asyncio.create_task(other.work())

    task = bureau.room.runner.run(start())
    paths = [bureau.subscribe(who, "Communication?id") for who in (DAUGHTER, NURSE, DOCTOR, SYSTEM) for _ in range(3)]
    for path in paths:
        bureau.hook.delays[path] = 0.03
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    for _ in range(6):
        bureau.room.reply(NURSE, thread)
    bureau.settle()
    assert [sent[bureau.ids[path]] for path in paths] == [[1, 2, 3, 4, 5, 6]] * len(paths)
    assert [bureau.hook.count(path) for path in paths] == [6] * len(paths)
    assert by == {bureau.worker.postman.holder, other.postman.holder}
    bureau.room.runner.run(stopped(other, task))


@pytest.mark.usefixtures("quick")
def test_consent_that_is_withdrawn_before_the_notification_goes_out(bureau: Bureau) -> None:
    path = bureau.subscribe(DOCTOR, "Communication?id")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.hook.answers[path] = [500] * 1000
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) > 0)
    bureau.room.write(SYSTEM, permitted(provision("deny", DOCTOR, categories=["message"])))
    bureau.settle()  # nothing is pending, and the endpoint was not told
    assert bureau.hook.answers.pop(path)
    before = bureau.hook.count(path)
    bureau.room.reply(NURSE, thread)
    bureau.settle()
    assert bureau.hook.count(path) == before
    bureau.room.write(SYSTEM, permitted())
    bureau.room.reply(NURSE, thread)
    bureau.until(lambda: bureau.hook.count(path) == before + 1)


def permitted(*exceptions: Json) -> Json:
    """Return the client's consent to the network, with ``exceptions``."""
    root = provision("permit", NETWORK, purposes=["TREAT", "PATRQT"], exceptions=exceptions)
    return consent(root, "bureau", patient=ref(CLIENT), performer=[ref(CLIENT)])


def test_nothing_is_left_of_events(bureau: Bureau) -> None:
    bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.settle()
    standing = bureau.room.runner.run(bureau.worker.store.standing())
    assert (standing.events, standing.pending, standing.dead) == (0, 0, 0)
    for each in bureau.room.runner.run(bureau.worker.store.all()):
        assert bureau.room.runner.run(bureau.worker.store.pending(each.id, 0, 10)) == []
