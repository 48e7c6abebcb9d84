"""What a refused deletion tells: only what the caller may see by name, the others as a number."""

from pathlib import Path
from typing import Any

from opened import attempt

from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.interactions.call import Call
from fhir_server.interactions.integrity import still_referred
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model.json import write
from fhir_server.storage.integrity import StillReferred

CLIENT = Actor(reference="Patient/p1", role="patient", scopes=parse_scopes("patient/*.rs"), people=("Patient/p1",))
REFERRERS = ("Communication/own", "Communication/other", "Communication/third")


def message(id_: str, subject: str) -> dict[str, Any]:
    return {"resourceType": "Communication", "id": id_, "status": "completed", "subject": {"reference": subject}}


def call(services: Services, type_: str, actor: Actor, resource: Any = None) -> Call:
    body = write(resource) if resource else b""
    return Call(services, actor, "update", services.catalog.types[type_], id=resource["id"] if resource else "x", body=body, now=1)


async def text(services: Services, actor: Actor, *referrers: str) -> str:
    refused = await still_referred(call(services, "Practitioner", actor), StillReferred("Practitioner/x", referrers))
    return refused.text


def test_only_what_the_caller_may_see_is_named(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        for id_ in ("p1", "p2"):
            await update(call(services, "Patient", local_system(), {"resourceType": "Patient", "id": id_}))
        for id_, subject in (("own", "Patient/p1"), ("other", "Patient/p2"), ("third", "Patient/p2")):
            await update(call(services, "Communication", local_system(), message(id_, subject)))
        assert "by Communication/other, Communication/own, Communication/third. " in await text(
            services, local_system(), *REFERRERS
        )
        assert "by Communication/own, 2 others. " in await text(services, CLIENT, *REFERRERS)
        assert "by 2 resources. " in await text(services, CLIENT, *REFERRERS[1:])
        many = [f"Communication/{number:04}" for number in range(1_000)]
        assert "at least 1000 resources. " in await text(services, local_system(), *many)

    attempt(tmp_path, act)
