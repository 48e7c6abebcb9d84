"""What guarding costs: a request with token, gate, consent and record beside one without, and a gate of many dossiers."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.client import Target
from benchmarks.corpus import GP, corpus
from benchmarks.measure import Figure, side_by_side
from benchmarks.requests import PATHS
from benchmarks.server import free_port, hub, process
from benchmarks.stage import Stage
from benchmarks.turns import by_turns
from fhir_server.access.actor import Actor
from fhir_server.access.scope import parse_scopes
from fhir_server.bootstrap import load_resources, now, open_services, token_for
from fhir_server.interactions.call import Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.services import Services
from fhir_server.search.query_string import parse_query
from fhir_server.settings import Settings, read_settings

_GOALS = {"sqlite": 1.5, "postgresql": 1.3}
_FEW, _MANY = 10, 10_000
_TIMES, _WARM = 400, 100
_PURPOSES = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_BASE = "https://netwerkdossier.example/fhir"


def cost(stage: Stage) -> Iterator[Figure]:
    """Yield the CPU of a read and a search of messages under a client's consent, beside those that nothing guards."""
    environment = stage.empty("guarding")
    settings = read_settings(environment)
    load_resources(settings, (*corpus(), consent(10, "Patient/client-10", "CareTeam/team-10")))
    token = token_for(settings, GP, "practitioner", ttl=3600, at=now())
    for name, (ours, floor) in asyncio.run(_costs(environment, stage.copy("guarding", "unguarded"), token)).items():
        yield Figure(
            f"CPU of a {name}: token, gate and record", ours, floor, "us", _GOALS[stage.engine] if name == "read" else None
        )


def growth(stage: Stage) -> Iterator[Figure]:
    """Yield the median time of a page, and of a read, for who has many dossiers, beside that for who has few."""
    settings = read_settings(stage.empty("dossiers"))
    load_resources(settings, dossiers())
    yield from asyncio.run(_growths(settings))


async def _costs(environment: Mapping[str, str], copy: Mapping[str, str], token: str) -> dict[str, Sequence[float]]:
    found: dict[str, Sequence[float]] = {}
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.unguarded", str(port)]
    with hub(environment) as guarded, process(command, port, "/fhir/metadata", copy) as unguarded:
        for name in ("read", "search"):
            asked = [(guarded, Target(guarded.port, PATHS[name], token)), (unguarded, Target(port, PATHS[name]))]
            found[name] = await by_turns(asked)
    return found


async def _growths(settings: Settings) -> list[Figure]:
    services = await open_services(settings)
    try:
        few, many = [await _actor(services, f"Practitioner/of-{count}") for count in (_FEW, _MANY)]
        figures: list[Figure] = []
        for name, interaction, query, id_ in (
            ("page of 10 by date", "search-type", b"_sort=-sent&_count=10&_total=none", ""),  # as much as is in the few
            ("page of one client", "search-type", b"patient=Patient/d-{0}-3&_count=20", ""),
            ("read", "read", b"", "m-{0}-3"),
        ):

            def asking(actor: Actor, count: int, *asked: Any) -> Any:  # noqa: ANN401 - what side_by_side takes
                interaction, query, id_ = asked
                return lambda _: _carry_out(services, actor, interaction, query.replace(b"{0}", b"%d" % count), id_.format(count))

            asked = (interaction, query, id_)
            floor, ours = await side_by_side([asking(few, _FEW, *asked), asking(many, _MANY, *asked)], _TIMES, _WARM)
            figures.append(Figure(f"{name}: {_MANY:,} dossiers against {_FEW}", ours, floor, "us", 1.5))
        return figures
    finally:
        await services.repository.close()


async def _actor(services: Services, reference: str) -> Actor:
    actor = Actor(reference, "practitioner", parse_scopes("user/*.cruds"), purpose="TREAT", people=(reference,))
    return await services.standings.of(actor, services.clock())


async def _carry_out(services: Services, actor: Actor, interaction: str, query: bytes, id_: str) -> None:
    entry = services.catalog.types["Communication"]
    parameters = parse_query(query) if query else ()
    call = Call(services, actor, interaction, entry, id=id_, parameters=parameters, request="r", now=services.clock())
    answer = await HANDLERS[interaction](call)
    assert answer.status == 200


def dossiers() -> Iterator[dict[str, Any]]:
    """Yield the dossiers of somebody who has few and of somebody who has many, each with a message and a consent."""
    for count in (_FEW, _MANY):
        yield {"resourceType": "Practitioner", "id": f"of-{count}", "active": True, "name": [{"family": "Meting"}]}
        for number in range(count):
            yield from _dossier(count, number)


def _dossier(count: int, number: int) -> Iterator[dict[str, Any]]:
    patient, team = {"reference": f"Patient/d-{count}-{number}"}, f"t-{count}-{number}"
    member = {"reference": f"Practitioner/of-{count}"}
    yield {"resourceType": "Patient", "id": f"d-{count}-{number}", "active": True}
    participants = [{"member": member}, {"member": patient}]
    yield {"resourceType": "CareTeam", "id": team, "status": "active", "subject": patient, "participant": participants}
    yield {
        "resourceType": "Communication",
        "id": f"m-{count}-{number}",
        "status": "completed",
        "subject": patient,
        "sender": member,
        "sent": f"2026-{1 + number % 12:02}-{1 + number % 28:02}T12:00:00+01:00",
        "payload": [{"contentString": "Vandaag langs geweest."}],
    }
    yield consent(f"{count}-{number}", patient["reference"], f"CareTeam/{team}")


def consent(id_: object, patient: str, team: str) -> dict[str, Any]:
    """Return a choice of ``patient``: the network may see messages, and one of its members may not."""
    return {
        "resourceType": "Consent",
        "id": f"consent-{id_}",
        "status": "active",
        "identifier": [{"system": "urn:bench:choices", "value": str(id_)}],
        "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
        "category": [
            {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]},
            {"coding": [{"system": f"{_BASE}/CodeSystem/consent-category", "code": "network-dossier"}]},
        ],
        "patient": {"reference": patient},
        "dateTime": "2026-01-05T14:30:00+01:00",
        "performer": [{"reference": patient}],
        "policy": [{"uri": f"{_BASE}/policy/network-dossier/1"}],
        "provision": {
            "type": "permit",
            "actor": [_recipient(team)],
            "purpose": [{"system": _PURPOSES, "code": "TREAT"}, {"system": _PURPOSES, "code": "CAREMGT"}],
            "class": [{"system": f"{_BASE}/CodeSystem/data-category", "code": "message"}],
            "provision": [{"type": "deny", "actor": [_recipient("RelatedPerson/elsewhere")]}],
        },
    }


def _recipient(reference: str) -> dict[str, Any]:
    role = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]}
    return {"role": role, "reference": {"reference": reference}}
