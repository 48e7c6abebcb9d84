"""Nothing is shown in an emergency before it was told, whatever stands in the way of that."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from consents import UZI, concept
from opened import attempt

from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import FhirError, Forbidden
from fhir_server.interactions.break_glass import admit
from fhir_server.interactions.call import Call
from fhir_server.interactions.failure import failed
from fhir_server.interactions.services import Services
from fhir_server.interactions.update import update
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.search.tree import Dossier, Query
from fhir_server.storage.integrity import Dangling
from fhir_server.storage.repository import OutOfGrant, Repository, StorageFull, Unavailable

MINUTE = 60_000_000
NOW = 1_800_000_000_000_000
DOCTOR = Actor(
    reference="Practitioner/d",
    role="practitioner",
    scopes=parse_scopes("user/*.rs"),
    purpose="BTG",
    reason="Bewusteloos aangetroffen",
    people=("Practitioner/d",),
    token="t1",
    functions=(f"{UZI}|01.015",),
)


class Failing:
    """A repository that cannot write."""

    def __init__(self, repository: Repository, error: Exception) -> None:
        self._repository, self._error = repository, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._repository, name)

    async def commit(self, *_: object) -> None:
        raise self._error


async def put(services: Services, type_: str, id_: str, **content: Any) -> None:
    body = write({"resourceType": type_, "id": id_, **content})
    await update(Call(services, local_system(), "update", services.catalog.types[type_], id=id_, body=body, now=NOW))


def asking(services: Services, who: Actor = DOCTOR, at: int = NOW) -> Call:
    return Call(services, who, "read", services.catalog.types["Patient"], id="p", now=at, request="r")


def in_a_world(folder: Path, act: Callable[[Services], Awaitable[None]]) -> None:
    async def prepared(services: Services) -> None:
        await put(services, "Patient", "p", active=True)
        await put(services, "Practitioner", "d", active=True, qualification=[{"code": concept(UZI, "01.015")}])
        await act(services)

    attempt(folder, prepared)


async def stored(services: Services, type_: str) -> list[dict[str, Any]]:
    page = await services.repository.search(services.gate.locating(type_), Query(type_, Dossier(("Patient/p",)), count=9))
    return [read(each.body, OWN).resource for each in page.resources]


@pytest.mark.parametrize(
    ("error", "status"),
    [(Unavailable("gone"), 503), (OutOfGrant(), 503), (Dangling(["Practitioner/d"]), 503), (StorageFull("full"), 507)],
)
def test_what_cannot_be_told_is_not_shown(error: Exception, status: int, tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        failing = replace(services, repository=cast("Repository", Failing(services.repository, error)))
        with pytest.raises((FhirError, Unavailable, StorageFull)) as raised:
            await admit(asking(failing))
        assert failed(raised.value, "r").status == status
        assert await stored(services, "Communication") == await stored(services, "Task") == []

    in_a_world(tmp_path, act)


@pytest.mark.parametrize(
    ("officer", "owner"), [("Organization/privacy", "Organization/privacy"), ("Organization/none", ""), ("", "")]
)
def test_whose_the_review_is(officer: str, owner: str, tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        await put(services, "Organization", "privacy", name="Privacy")
        await admit(asking(replace(services, privacy_officer=officer)))
        (task,) = await stored(services, "Task")
        assert task.get("owner", {}).get("reference", "") == owner

    in_a_world(tmp_path, act)


def test_after_an_hour_it_is_over(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        for at in (NOW, NOW + 59 * MINUTE):
            call = asking(services, at=at)
            await admit(call)
            assert call.actor.patient == "Patient/p"
        with pytest.raises(Forbidden) as raised:
            await admit(asking(services, at=NOW + 61 * MINUTE))
        assert raised.value.issues[0].detail == "btg-over"
        assert len(await stored(services, "Communication")) == 1

    in_a_world(tmp_path, act)


def test_a_token_without_an_id(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        with pytest.raises(Forbidden) as raised:
            await admit(asking(services, replace(DOCTOR, token="")))
        assert raised.value.issues[0].detail == "btg-token"

    in_a_world(tmp_path, act)


def test_what_the_scopes_do_not_cover_is_nothing_to_tell(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        with pytest.raises(Forbidden) as raised:
            await admit(asking(services, replace(DOCTOR, scopes=parse_scopes("user/Task.rs"))))
        assert raised.value.issues[0].detail == "insufficient_scope"
        assert await stored(services, "Communication") == []

    in_a_world(tmp_path, act)


def test_the_representatives_are_told(tmp_path: Path) -> None:
    async def act(services: Services) -> None:
        guardian = concept("http://terminology.hl7.org/CodeSystem/v3-RoleCode", "GUARD")
        patient = {"reference": "Patient/p"}
        await put(services, "RelatedPerson", "guardian", active=True, patient=patient, relationship=[guardian])
        await put(services, "RelatedPerson", "former", active=False, patient=patient, relationship=[guardian])
        await put(services, "RelatedPerson", "neighbour", active=True, patient=patient)
        await admit(asking(services))
        (told,) = await stored(services, "Communication")
        assert [each["reference"] for each in told["recipient"]] == ["Patient/p", "RelatedPerson/guardian"]

    in_a_world(tmp_path, act)
