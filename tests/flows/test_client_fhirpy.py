"""fhirpy against the running hub, asynchronous and synchronous: every call that its own manual shows."""

import asyncio
from datetime import date
from typing import Any
from uuid import uuid4

import pytest
from fhirpy import AsyncFHIRClient, SyncFHIRClient
from fhirpy.base.exceptions import (
    AuthorizationError,
    ForbiddenError,
    MultipleResourcesFound,
    OperationOutcome,
    ResourceNotFound,
)
from fhirpy.base.utils import AttrDict
from flows.client import Demo

SYSTEM = "http://clients.example/fhirpy"


@pytest.fixture
def family() -> str:
    """Return a name that nobody else in the store has."""
    return f"Fhirpy{uuid4().hex[:10]}"


def settings(hub: Demo, person: str = "system") -> dict[str, Any]:
    token = hub.facts["persons"][person]["token"]
    return {"url": f"{hub.facts['base']}/fhir", "authorization": f"Bearer {token}"}


def patient(client: Any, family: str, given: str, **more: Any) -> Any:
    return client.resource("Patient", name=[{"family": family, "given": [given]}], **more)


def team(client: Any, subject: Any) -> Any:
    return client.resource("CareTeam", status="active", subject=subject.to_reference())


def test_a_resource_lives_and_dies(hub: Demo, family: str) -> None:
    client = SyncFHIRClient(**settings(hub))
    made = patient(client, family, "Aafke", gender="female")
    made.save()
    assert made.id
    assert made["meta"]["versionId"] == "1"
    made["birthDate"] = "1950-06-01"
    made.update()
    assert made["meta"]["versionId"] == "2"
    made.patch(gender="other", maritalStatus=None)
    read = client.reference("Patient", made.id).to_resource()
    assert (read["gender"], read["birthDate"], read["meta"]["versionId"]) == ("other", "1950-06-01", "3")
    assert client.get("Patient", made.id) == read.serialize()
    assert read.refresh()["meta"]["versionId"] == "3"
    client.patch("Patient", made.id, gender="male")
    assert read.refresh()["gender"] == "male"
    made.delete()
    with pytest.raises(ResourceNotFound):
        client.get("Patient", made.id)


def test_searching(hub: Demo, family: str) -> None:
    client = SyncFHIRClient(**settings(hub))
    days = {"Bram": "1950-03-01", "Aafke": "1960-01-01", "Cas": "1970-01-01"}
    for given, day in days.items():
        patient(client, family, given, birthDate=day).save()
    everybody = client.resources("Patient").search(family=family)

    def given(found: Any) -> list[str]:
        return [one["name"][0]["given"][0] for one in found]

    assert everybody.count() == 3
    assert given(everybody.sort("birthdate").fetch()) == ["Bram", "Aafke", "Cas"]
    assert given(everybody.sort("-birthdate").fetch()) == ["Cas", "Aafke", "Bram"]
    assert given([everybody.sort("birthdate").first()]) == ["Bram"]
    assert given([everybody.search(given__exact="Cas").get()]) == ["Cas"]
    assert given(everybody.search(birthdate__ge=date(1960, 1, 1), birthdate__lt=date(1970, 1, 1)).fetch()) == ["Aafke"]
    assert given(everybody.search(given=["Cas,Bram"]).sort("birthdate").fetch()) == ["Bram", "Cas"]
    assert sorted(given(everybody.limit(1).fetch_all())) == ["Aafke", "Bram", "Cas"]
    assert everybody.search(gender__missing=False).fetch() == []
    with pytest.raises(MultipleResourcesFound):
        everybody.get()
    with pytest.raises(ResourceNotFound):
        everybody.search(given="Niemand").get()
    few = everybody.elements("birthDate").first()
    assert few is not None
    assert few["birthDate"] in days.values()


def test_what_comes_along(hub: Demo, family: str) -> None:
    client = SyncFHIRClient(**settings(hub))
    subject = patient(client, family, "Aafke")
    subject.save()
    group = team(client, subject)
    group.save()
    bundle = client.resources("CareTeam").search(_id=group.id).include("CareTeam", "subject").fetch_raw()
    assert [entry.resource.reference for entry in bundle.entry] == [group.reference, subject.reference]
    back = client.resources("Patient").search(_id=subject.id).revinclude("CareTeam", "patient").fetch_raw()
    assert [entry.resource.reference for entry in back.entry] == [subject.reference, group.reference]
    assert [one.id for one in client.resources("CareTeam").search(patient__Patient__family=family).fetch()] == [group.id]
    assert [one.id for one in client.resources("Patient").has("CareTeam", "patient", _id=group.id).fetch()] == [subject.id]


def test_conditional_calls(hub: Demo, family: str) -> None:
    client = SyncFHIRClient(**settings(hub))
    named = client.resources("Patient").search(identifier=f"{SYSTEM}|{family}")
    wanted = patient(client, family, "Aafke", identifier=[{"system": SYSTEM, "value": family}])
    first, made = named.get_or_create(wanted)
    assert made
    second, made = named.get_or_create(wanted)
    assert (second.id, made) == (first.id, False)
    changed, made = named.update(patient(client, family, "Anna", identifier=[{"system": SYSTEM, "value": family}]))
    assert (changed.id, changed["name"][0]["given"], made) == (first.id, ["Anna"], False)
    assert named.patch(gender="female")["gender"] == "female"
    assert named.delete()[1] in {200, 204}
    assert named.count() == 0


def test_a_transaction(hub: Demo, family: str) -> None:
    client = SyncFHIRClient(**settings(hub))
    entry = {"resource": patient(client, family, "Aafke").serialize(), "request": {"method": "POST", "url": "Patient"}}
    answer = client.execute("", data={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
    assert answer["entry"][0]["response"]["status"].startswith("201")
    assert client.resources("Patient").search(family=family).count() == 1


def test_refusals_are_understood(hub: Demo) -> None:
    client = SyncFHIRClient(**settings(hub))
    with pytest.raises(OperationOutcome, match="gender"):
        client.resource("Patient", gender="vrouw").save()
    with pytest.raises(OperationOutcome):
        client.resources("Patient").search(colour="blue").fetch()
    with pytest.raises(ForbiddenError):
        SyncFHIRClient(**settings(hub, "outsider")).resource("Patient", gender="female").save()
    with pytest.raises(AuthorizationError):
        SyncFHIRClient(f"{hub.facts['base']}/fhir", authorization="Bearer no").resources("Patient").fetch()


def test_the_asynchronous_client(hub: Demo, family: str) -> None:
    async def use() -> None:
        client = AsyncFHIRClient(**settings(hub))
        made = [patient(client, family, f"Nr{number}", birthDate=f"19{60 + number}") for number in range(8)]
        await asyncio.gather(*(one.save() for one in made))
        everybody = client.resources("Patient").search(family=family)
        assert await everybody.count() == 8
        first = await everybody.sort("birthdate").first()
        assert first is not None
        assert first["name"][0]["given"] == ["Nr0"]
        assert len([one async for one in everybody.limit(3)]) == 8
        await first.patch(active=True)
        assert (await everybody.search(active=True).get()).id == first.id
        group = team(client, first)
        await group.save()
        bundle = await client.resources("CareTeam").search(_id=group.id).include("CareTeam", "subject").fetch_raw()
        assert [entry.resource.reference for entry in bundle.entry] == [group.reference, first.reference]
        first["active"] = False
        await first.update()
        assert (await client.reference("Patient", first.id).to_resource())["active"] is False
        got: AttrDict = await client.get("Patient", first.id)
        assert got["active"] is False
        for one in [group, *made]:
            await one.delete()
        assert await everybody.fetch() == []

    asyncio.run(use())
