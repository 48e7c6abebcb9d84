"""``fhir-server bsn rotate``, killed half way and begun again: numbers are found, shown and hidden all the while."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from at_rest import canaries, rows
from flows import copies
from flows.client import clean
from index_check import index_faults

from fhir_server import bootstrap
from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.cli import main
from fhir_server.interactions import bsn
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.services import Services
from fhir_server.model import json
from fhir_server.oauth import number_keys
from fhir_server.settings import Settings, read_settings
from fhir_server.storage import lock

SYSTEM = "http://fhir.nl/fhir/NamingSystem/bsn"
NUMBERS = [number for number, _ in zip(canaries(99_994_000), range(8), strict=False)]
KILLED = """
import os, signal, sys
from fhir_server.cli import main
from fhir_server.model.bsn_seal import BsnSeal
from fhir_server.oauth import number_keys
from fhir_server.storage import reseal

number_keys.LEAD = number_keys.SETTLED = 0
reseal.reseal.__defaults__ = (3,)
plain, left = BsnSeal.resealed, [int(sys.argv[1])]

def resealed(self, body):
    made = plain(self, body)
    left[0] -= made != body
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    return made

BsnSeal.resealed = resealed
main(["bsn", "rotate"])
"""


class Hub:
    """A hub without HTTP, opened for each step."""

    def __init__(self, settings: Settings, environment: Mapping[str, str]) -> None:
        self.settings = settings
        self.environment = environment

    def do(self, *asked: tuple[Actor, str, str, str, dict[str, Any] | None]) -> list[Answer]:
        """Carry out interactions: who, which, on which type and id, with which body or identifier."""

        async def run() -> list[Answer]:
            services = await bootstrap.open_services(self.settings)
            try:
                return [await self._one(services, *each) for each in asked]
            finally:
                await services.repository.close()

        return asyncio.run(run())

    async def _one(self, services: Services, who: Actor, interaction: str, type_: str, id_: str, body: Any) -> Answer:
        found = services.catalog.types[type_]
        call = Call(services, who, interaction, found, request=services.new_id(), now=services.clock())
        if interaction == "search-type":
            call.parameters, call.posted = [("identifier", f"{SYSTEM}|{id_}")], True
        else:
            call.id, call.body = id_, json.write(body) if body else b""
        return await bsn.answered(call, await HANDLERS[interaction](call))

    def texts(self) -> set[str]:
        """Return which keys sealed what is stored, wherever it stands."""
        return {
            key
            for place, content in rows(self.settings.database)
            for key in ("1", "2", "3")
            if f"bsn~{key}~".encode() in content and "audit" not in place
        }


@pytest.fixture
def hub(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Hub:
    environment = {"FHIR_SERVER_DATA_DIR": str(tmp_path / "data"), "FHIR_SERVER_DATABASE_URL": database_url}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(number_keys, "LEAD", 0)
    monkeypatch.setattr(number_keys, "SETTLED", 0)
    return Hub(read_settings(environment), environment)


def patient(number: str, **more: Any) -> dict[str, Any]:
    identifier = {"system": SYSTEM, "value": number}
    narrative = {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">Nummer {number}</div>'}
    made = {"resourceType": "Patient", "id": f"p{number}", "text": narrative, "identifier": [identifier]}
    return {**made, "name": [{"family": "Proef"}], **more}


def related(number: str) -> dict[str, Any]:
    identifier = {"system": SYSTEM, "value": number}
    made = {"resourceType": "RelatedPerson", "id": f"r{number}", "identifier": [identifier]}
    return {**made, "patient": {"reference": f"Patient/p{number}", "identifier": identifier}}


def everything(hub: Hub) -> list[bytes]:
    """Return what each client sees in their own record; every number is found, once as a Patient and once as a RelatedPerson."""
    system = local_system()
    own = [f"Patient/p{number}" for number in NUMBERS]
    people = [Actor(each, "patient", parse_scopes("patient/*.rs"), each, people=(each,)) for each in own]
    found = [(system, "search-type", type_, number, None) for number in NUMBERS for type_ in ("Patient", "RelatedPerson")]
    answers = hub.do(*found, *((who, "read", "Patient", who.patient[8:], None) for who in people))
    assert all(b'"total":1' in each.body for each in answers[: len(found)])
    return [each.body for each in answers[len(found) :]]


def test_a_rotation_that_was_killed_goes_on(hub: Hub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = local_system()
    stored = [patient(each) for each in NUMBERS] + [related(each) for each in NUMBERS]
    older = [(system, "update", each["resourceType"], each["id"], {**each, "language": "nl"}) for each in stored[:3]]
    hub.do(*older, *((system, "update", each["resourceType"], each["id"], each) for each in stored))
    before = everything(hub)
    assert all(number.encode() in body for number, body in zip(NUMBERS, before, strict=True))
    assert hub.texts() == {"1"}

    killed = copies.start(["16"], {**clean(), **hub.environment}, tmp_path / "killed.log", program=KILLED)
    assert killed.wait(60) == -9
    assert hub.texts() == {"1", "2"}
    assert everything(hub) == before
    assert index_faults(hub.settings.database, hub.settings.base) == []

    assert main(["bsn", "rotate"]) == 0
    out = capsys.readouterr()
    assert out.out.startswith("19 bodies gone over, ")
    assert out.out.endswith(" written with key 2; keys retired: 1\n")
    assert "older versions: 3 of 3" in out.err
    assert hub.texts() == {"2"}
    assert everything(hub) == before
    assert index_faults(hub.settings.database, hub.settings.base) == []
    hub.do((system, "update", "Patient", "p1", {**patient(NUMBERS[0]), "id": "p1"}))
    assert hub.texts() == {"2"}


def test_a_file_that_a_server_has_open_is_left_alone(hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    if hub.settings.database.startswith("postgresql:"):
        pytest.skip("on PostgreSQL servers may run meanwhile")
    held = lock.acquire(Path(hub.settings.database.removeprefix("sqlite:///")))
    try:
        assert main(["bsn", "rotate"]) == 1
    finally:
        os.close(held)
    assert "the server must be stopped" in capsys.readouterr().err
    assert number_keys.keys_in(hub.settings.data_dir) == []
