"""What the dossier's own rules cost: a message that twelve people get, and how many threads somebody has unread."""

import asyncio
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

import orjson

from benchmarks.measure import Figure, side_by_side
from benchmarks.stage import Stage
from fhir_server.access.actor import Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.bootstrap import load_resources, open_services
from fhir_server.interactions.call import Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.services import Services
from fhir_server.search.query_string import parse_query
from fhir_server.settings import Settings, read_settings

_RECIPIENTS: Final = 12
_THREADS: Final = 200
_TIMES, _WARM = 150, 20
_CLIENT, _CARER = "Patient/bench-client", "RelatedPerson/bench-carer"
_COLLEAGUES = tuple(f"Practitioner/bench-{number}" for number in range(_RECIPIENTS))


def messages(stage: Stage) -> Iterator[Figure]:
    """Yield the time of a reply in a thread of thirteen people beside a create, and of an unread count beside a read."""
    settings = read_settings(stage.empty("messages"))
    load_resources(settings, network())
    yield from asyncio.run(_measured(settings))


async def _measured(settings: Settings) -> list[Figure]:
    services = await open_services(settings)
    try:
        carer, nurse = await _actor(services, _CARER), await _actor(services, _COLLEAGUES[0])
        threads = [await _begin(services, carer) for _ in range(_THREADS)]
        reply = partial(_create, services, carer, orjson.dumps(message(threads[0])))
        plain = partial(_create, services, carer, orjson.dumps(message()))
        create, posted = await side_by_side([plain, reply], _TIMES, _WARM)
        task = await _one_task(services, nurse)
        read = partial(_ask, services, nurse, "read", "Task", task, b"")
        unread = partial(_ask, services, nurse, "search-type", "Task", "", _unread(_COLLEAGUES[0]))
        one, count = await side_by_side([read, unread], _TIMES, _WARM)
        return [
            Figure(f"a message with {_RECIPIENTS} recipients against a create", posted, create, "us", 4.0),
            Figure(f"the unread count of {_THREADS} threads against a read", count, one, "us", 2.0),
        ]
    finally:
        await services.repository.close()


def _unread(owner: str) -> bytes:
    return f"owner={owner}&status=requested&_summary=count".encode()


async def _actor(services: Services, reference: str) -> Actor:
    role: Any = {"Practitioner": "practitioner", "RelatedPerson": "related-person"}[reference.partition("/")[0]]
    actor = Actor(reference, role, parse_scopes("user/*.cruds"), purpose="TREAT", people=(reference,))
    return await services.standings.of(actor, services.clock())


async def _begin(services: Services, actor: Actor) -> str:
    body = orjson.dumps(
        {
            "resourceType": "CommunicationRequest",
            "status": "active",
            "subject": _to(_CLIENT),
            "requester": _to(_CARER),
            "recipient": [_to("CareTeam/bench-team")],
            "payload": [{"contentString": "Wie kan er donderdag mee naar het ziekenhuis?"}],
        }
    )
    call = _call(services, actor, "create", "CommunicationRequest", body=body)
    return f"CommunicationRequest/{(await HANDLERS['create'](call)).id}"


async def _create(services: Services, actor: Actor, body: bytes, _: int) -> None:
    answer = await HANDLERS["create"](_call(services, actor, "create", "Communication", body=body))
    assert answer.status == 201


async def _one_task(services: Services, actor: Actor) -> str:
    asked = f"owner={actor.reference}&_count=1".encode()
    answer = await HANDLERS["search-type"](_call(services, actor, "search-type", "Task", parameters=parse_query(asked)))
    return str(orjson.loads(answer.body)["entry"][0]["resource"]["id"])


async def _ask(services: Services, actor: Actor, interaction: str, type_: str, id_: str, query: bytes, _: int) -> None:
    parameters = parse_query(query) if query else ()
    answer = await HANDLERS[interaction](_call(services, actor, interaction, type_, id=id_, parameters=parameters))
    assert answer.status == 200


def _call(services: Services, actor: Actor, interaction: str, type_: str, **more: Any) -> Call:  # noqa: ANN401 - what Call takes
    return Call(services, actor, interaction, services.catalog.types[type_], request="r", now=services.clock(), **more)


def message(thread: str = "") -> Mapping[str, Any]:
    """Return a message of the carer, in ``thread`` or in none."""
    return {
        "resourceType": "Communication",
        "status": "completed",
        "subject": _to(_CLIENT),
        "sender": _to(_CARER),
        "payload": [{"contentString": "Vandaag langs geweest, alles rustig."}],
        **({"partOf": [_to(thread)]} if thread else {}),
    }


def network() -> Iterator[Mapping[str, Any]]:
    """Yield a client, a carer, twelve colleagues, and the team that they are."""
    name = [{"family": "Meting"}]
    yield {
        "resourceType": "Patient",
        "id": "bench-client",
        "active": True,
        "name": name,
        "gender": "male",
        "birthDate": "1940-01-05",
    }
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "FAMMEMB"}
    related = {"active": True, "patient": _to(_CLIENT), "relationship": [{"coding": [coding]}], "name": name}
    yield {"resourceType": "RelatedPerson", "id": "bench-carer", **related}
    for each in _COLLEAGUES:
        yield {"resourceType": "Practitioner", "id": each.partition("/")[2], "active": True, "name": name}
    participants = [{"member": _to(each)} for each in (*_COLLEAGUES, _CARER)]
    yield {
        "resourceType": "CareTeam",
        "id": "bench-team",
        "status": "active",
        "subject": _to(_CLIENT),
        "participant": participants,
    }


def _to(reference: str) -> dict[str, str]:
    return {"reference": reference, "type": reference.partition("/")[0]}
