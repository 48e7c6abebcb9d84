"""What subscriptions cost: 10,000 people, each waiting for their own Tasks, and a hundred events a second."""

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

import orjson
import psycopg

from benchmarks.measure import Figure
from benchmarks.server import free_port, process
from benchmarks.stage import Stage
from fhir_server.access.actor import Actor
from fhir_server.access.private import private
from fhir_server.access.scope import parse_scopes
from fhir_server.bootstrap import open_services, prepare, worker
from fhir_server.interactions.call import Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.services import Services
from fhir_server.settings import Settings, read_settings
from fhir_server.storage.repository import Change
from fhir_server.storage.subscriptions.store import Subscribing
from fhir_server.subscriptions import subscriber
from fhir_server.subscriptions.worker import Worker

_NETWORKS, _PEOPLE = 1_250, 8
_EVENTS: Final = _PEOPLE + 1
"""Of one reply: the message, and the Task of everybody in the thread."""
_ASKED: Final = 100
"""Events a second."""
_THREADS, _SECONDS = 60, 6
_AT_ONCE = 500
_CRITERIA = "Task?status=requested"


def subscribing(stage: Stage) -> Iterator[Figure]:
    """Yield how many events a second of CPU turns into notices and delivers, and how far behind it is after some seconds of them.

    The CPU is that of the process that does it; on SQLite the database is in it. In the last two figures it writes as well.
    """
    environment = stage.empty("subscribing") | {"FHIR_SERVER_SUBSCRIPTION_ALLOW_LOOPBACK": "true"}
    settings = read_settings(environment)
    prepare(settings)
    port = free_port()
    with process([sys.executable, "-m", "benchmarks.bare", str(port), "0"], port, "/", {}):
        yield from asyncio.run(_measured(settings, f"http://127.0.0.1:{port}/"))


async def _measured(settings: Settings, endpoint: str) -> list[Figure]:
    services = await open_services(settings)
    working = await worker(settings, services)
    try:
        await _load(services, working, endpoint)
        if not settings.database.startswith("sqlite"):
            with psycopg.connect(settings.database, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
        threads = [(each, await _begin(services, each)) for each in range(0, _NETWORKS, _NETWORKS // _THREADS)]
        await _match(working)
        await _deliver(working)
        first, second = threads[::2], threads[1::2]
        fresh = await worker(settings, services)  # it knows nobody yet
        try:
            return [*await _backlog(services, fresh, first), *await _paced(services, fresh, [*second, *first])]
        finally:
            await fresh.close()
    finally:
        await working.close()
        await services.repository.close()


async def _backlog(services: Services, working: Worker, threads: Sequence[tuple[int, str]]) -> list[Figure]:
    """Match what was committed, then deliver it."""
    for network, thread in threads:
        await _reply(services, network, thread)
    events = (await working.store.standing()).events
    assert events == len(threads) * _EVENTS
    begin = time.process_time()
    await _match(working)
    matched = time.process_time()
    notices = (await working.store.standing()).pending
    await _deliver(working)
    delivered = time.process_time()
    many = f"{_NETWORKS * _PEOPLE:,} subscriptions"
    return [
        Figure(f"events matched in a second of CPU, {many}", events / (matched - begin), _ASKED, "per s", 3.0, least=True),
        Figure("  matched and delivered", events / (delivered - begin), _ASKED, "per s", 1.0, least=True),
        Figure("  CPU of a notice beside that of an event", *_each(delivered - matched, notices, matched - begin, events), "us"),
    ]


async def _paced(services: Services, working: Worker, threads: Sequence[tuple[int, str]]) -> list[Figure]:
    """Commit at the rate asked, with somebody at work."""
    task = asyncio.create_task(working.work())
    replies = _ASKED * _SECONDS // _EVENTS
    begin, cpu = time.perf_counter(), time.process_time()
    for number in range(replies):
        await _reply(services, *threads[number % len(threads)])
        await asyncio.sleep(max(0.0, begin + (number + 1) * _EVENTS / _ASKED - time.perf_counter()))
    written = time.perf_counter()
    while (left := await working.store.standing()).events or left.pending:  # noqa: ASYNC110 - it is a table that says so
        await asyncio.sleep(0.02)  # as often as it costs next to nothing
    end = time.perf_counter()
    events, used = replies * _EVENTS, time.process_time() - cpu
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return [
        Figure("  written, matched and delivered", events / used, _ASKED, "per s", 1.0, least=True),
        Figure(f"  {_SECONDS} s of {_ASKED} a second: time until nothing is left", end - begin, written - begin, "s", 1.2),
    ]


def _each(*amounts: float) -> tuple[float, float]:
    one, ones, other, others = amounts
    return one / ones * 1e6, other / others * 1e6


async def _match(working: Worker) -> None:
    while await working.matcher.once("bench"):
        pass


async def _deliver(working: Worker) -> None:
    while (await working.store.standing()).pending:
        await working.postman.claim()
        await asyncio.sleep(0.002)


async def _load(services: Services, working: Worker, endpoint: str) -> None:
    """Store everybody with their subscriptions, many in a transaction."""
    changes = [each for network in range(_NETWORKS) for each in _network(services, network, endpoint)]
    for start in range(0, len(changes), _AT_ONCE):
        await services.repository.commit([], changes[start : start + _AT_ONCE], [])
    while untold := await working.store.untold(_AT_ONCE):  # what is stored says so already
        await asyncio.gather(*(working.store.told(each.id, each.turn) for each in untold))
    while events := await working.store.take_events("bench", services.clock(), services.clock() + 60_000_000, _AT_ONCE):
        await working.store.put_notices("bench", services.clock(), [(each, ()) for each in events])


def _network(services: Services, number: int, endpoint: str) -> Iterator[Change]:
    patient, name = f"Patient/n{number}", [{"family": "Meting"}]
    made: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": f"n{number}", "active": True, "name": name, "gender": "male", "birthDate": "1940-01-05"}
    ]
    made += [{"resourceType": "Practitioner", "id": f"n{number}-{each}", "active": True, "name": name} for each in range(_PEOPLE)]
    participants = [{"member": _to(person)} for person in _people(number)]
    made.append({"resourceType": "CareTeam", "id": f"n{number}", "status": "active", "subject": _to(patient)})
    made[-1]["participant"] = participants
    at = services.clock()
    yield from (hub_change(services, each, None, at) for each in made)
    for person in _people(number):
        yield _subscription(services, _actor(person), f"s{person.partition('/')[2]}", endpoint, at)


def _subscription(services: Services, actor: Actor, id_: str, endpoint: str, at: int) -> Change:
    channel = {"type": "rest-hook", "endpoint": endpoint}
    resource = {"resourceType": "Subscription", "id": id_, "status": "active", "reason": "bench", "criteria": _CRITERIA}
    change = hub_change(services, resource | {"channel": channel}, None, at)
    assert change.indexed is not None
    kept = Subscribing(
        id_,
        "active",
        subscriber.written(actor),
        subscriber.audience(actor),
        "Task",
        _CRITERIA,
        "rest-hook",
        endpoint,
        "127.0.0.1",
        services.subscriptions.seal.seal(id_, {}),
    )
    return replace(change, subscription=kept, indexed=replace(change.indexed, dossier=private(actor.reference)))


async def _begin(services: Services, network: int) -> str:
    """Begin a thread of everybody in the network; return its reference."""
    patient, team = _to(f"Patient/n{network}"), _to(f"CareTeam/n{network}")
    first = {"resourceType": "CommunicationRequest", "status": "active", "subject": patient, "requester": _to(_people(network)[0])}
    answer = await _create(services, network, first | {"recipient": [team], "payload": [{"contentString": "Wie kan er mee?"}]})
    return f"CommunicationRequest/{answer}"


async def _reply(services: Services, network: int, thread: str) -> None:
    """Reply in a thread: one message, and the Tasks move with it."""
    patient, sender = _to(f"Patient/n{network}"), _to(_people(network)[0])
    message = {"resourceType": "Communication", "status": "completed", "partOf": [_to(thread)], "subject": patient}
    await _create(services, network, message | {"sender": sender, "payload": [{"contentString": "Vandaag langs geweest."}]})


async def _create(services: Services, network: int, resource: Mapping[str, Any]) -> str:
    actor = await services.standings.of(_actor(_people(network)[0]), services.clock())
    type_ = services.catalog.types[resource["resourceType"]]
    call = Call(services, actor, "create", type_, body=orjson.dumps(resource), request="r", now=services.clock())
    answer = await HANDLERS["create"](call)
    assert answer.status == 201
    return answer.id


def _actor(reference: str) -> Actor:
    return Actor(reference, "practitioner", parse_scopes("user/*.cruds"), purpose="TREAT", people=(reference,))


def _people(network: int) -> list[str]:
    return [f"Practitioner/n{network}-{each}" for each in range(_PEOPLE)]


def _to(reference: str) -> dict[str, str]:
    return {"reference": reference, "type": reference.partition("/")[0]}
