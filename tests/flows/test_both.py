"""Over HTTP, with an adapter of an installed package: measurements of people themselves and of their GP's system, in one list."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from engines import PostgresServer
from fhir_rest.source import Source, listening
from flows.authorization import Authorization, running
from flows.client import Client, Reply
from record_check import lines

from adapters import registry
from fhir_server import bootstrap
from fhir_server.settings import read_settings
from profiles.demo import network

CLIENT = "Patient/ansje"
MINE = f"Observation?patient={CLIENT}"
COMPLETENESS = "federation-completeness"
PLANTED = "KANARIE-METING-BIJ-DE-HUISARTS"
CACHED = (registry._packages, registry.manifest, registry.load)
_numbers = count()


def measured(id_: str, day: int, of: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id_,
        "status": "final",
        "code": {"text": "weight"},
        "subject": {"reference": of},
        "effectiveDateTime": f"2026-06-{day:02}",
        **more,
    }


@dataclass(frozen=True)
class World:
    """A hub with the demo's network, and the system of the GP."""

    server: Authorization
    source: Source
    folder: Path

    def as_(self, reference: str, role: str, scope: str = "user/*.cruds") -> Client:
        settings = self.server.settings
        return self.server.client(bootstrap.token_for(settings, reference, role, ttl=600, at=bootstrap.now(), scope=scope))

    @property
    def gp(self) -> Client:
        return self.as_("Practitioner/gp-harmsen", "practitioner")

    @property
    def system(self) -> Client:
        return self.as_("Device/test", "system", "system/*.cruds")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(f"both-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"both_flow_{next(_numbers)}", "template1")
    resources = [*network(), *(measured(f"own{day}", day, CLIENT) for day in (1, 3))]
    (patient,) = (each for each in network() if f"Patient/{each.get('id')}" == CLIENT)
    held = [
        {"resourceType": "Practitioner", "id": "p", "name": [{"family": "Bron"}]},
        *(
            measured(f"m{day}", day, "Patient/7", performer=[{"reference": "Practitioner/p"}], note=[{"text": PLANTED}])
            for day in (2, 4)
        ),
    ]
    there = Source({"resourceType": "Patient", "id": "7", "identifier": patient["identifier"]}, held)
    patch = pytest.MonkeyPatch()
    point = EntryPoint("gp/rest", "fhir_rest", registry.GROUP)
    patch.setattr(registry, "entry_points", lambda group: [point] if group == registry.GROUP else [])
    for cached in CACHED:
        cached.cache_clear()
    try:
        with listening(there):
            sources = folder / "sources.toml"
            sources.write_text(
                f'[wold]\nadapter = "gp/rest"\nendpoint = "http://127.0.0.1:{there.port}/r4"\n'
                'organisation = { ura = "90000382" }\n'
            )
            bootstrap.load_resources(
                read_settings({"FHIR_SERVER_DATA_DIR": str(folder / "data"), "FHIR_SERVER_DATABASE_URL": database}), resources
            )
            with running(folder, database, SOURCES=str(sources)) as hub:
                yield World(hub, there, folder)
    finally:
        patch.undo()
        for cached in CACHED:
            cached.cache_clear()


def days(reply: Reply) -> list[int]:
    assert reply.status == 200, reply.body
    found = [each["resource"] for each in reply.json.get("entry", []) if each["search"]["mode"] == "match"]
    return [int(each["effectiveDateTime"][-2:]) for each in found]


def test_one_list_on_every_way(world: World) -> None:
    gp = world.gp
    reply = gp.get(MINE)
    assert days(reply) == [4, 3, 2, 1]
    assert (reply.json["total"], reply.headers[COMPLETENESS], reply.headers["cache-control"]) == (
        4,
        "complete",
        "private, no-store",
    )
    assert f"127.0.0.1:{world.source.port}" not in reply.body.decode()
    posted = gp.request(
        "POST", "Observation/_search", f"patient={CLIENT}".encode(), Content_Type="application/x-www-form-urlencoded"
    )
    assert days(posted) == days(gp.get(f"{CLIENT}/Observation")) == [4, 3, 2, 1]
    assert gp.get(MINE, Accept="application/fhir+xml").body.count(b'<search><mode value="match"/></search>') == 4
    assert gp.request("HEAD", MINE).headers[COMPLETENESS] == "complete"


def test_pages(world: World) -> None:
    reply, found = world.gp.get(f"{MINE}&_count=1&_sort=date&_include=Observation:performer"), []
    while True:
        found += days(reply)
        assert [each for each in reply.resources if each.get("note")] == [] or len(reply.ids("include")) == 1
        following = [each["url"] for each in reply.json["link"] if each["relation"] == "next"]
        if not following:
            break
        assert world.system.get(following[0].partition("/fhir/")[2]).status == 403
        reply = world.gp.get(following[0].partition("/fhir/")[2])
    assert found == [1, 2, 3, 4]


def test_what_the_source_gave_is_read_and_not_written(world: World) -> None:
    gp = world.gp
    theirs = gp.get(MINE).resources[0]
    read = gp.get(f"Observation/{theirs['id']}")
    assert (read.status, {**read.json, "meta": 0}) == (200, {**theirs, "meta": 0})
    for client in (gp, world.system):
        put = client.request("PUT", f"Observation/{theirs['id']}", theirs)
        patched = client.request("PATCH", f"Observation/{theirs['id']}", b"[]", Content_Type="application/json-patch+json")
        for reply in (put, patched, client.request("DELETE", f"Observation/{theirs['id']}")):
            assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")
            assert "source system" in reply.json["issue"][0]["details"]["text"]
    entry = {"resource": theirs, "request": {"method": "PUT", "url": f"Observation/{theirs['id']}"}}
    assert world.system.request("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).status == 405
    created = world.system.request("PUT", "Observation?identifier=urn:x|none", theirs)
    assert created.status == 405
    assert days(gp.get(MINE)) == [4, 3, 2, 1]


def test_in_a_batch(world: World) -> None:
    asked = [MINE, "Observation?_id=own1", f"{CLIENT}/Observation?date=ge2026-06-04"]
    entries = [{"request": {"method": "GET", "url": each}} for each in asked]
    reply = world.gp.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": entries})
    assert [len(each["resource"]["entry"]) for each in reply.json["entry"]] == [4, 1, 1]


def test_elsewhere_the_own_store_answers(world: World) -> None:
    gp, asked = world.gp, len(world.source.asked)
    assert days(gp.get("Observation")) == [3, 1]
    assert COMPLETENESS not in gp.get("Observation?_id=own1").headers
    several = gp.get("?_type=Observation&_id=own1")
    assert several.ids() == ["Observation/own1"]
    assert several.resources[-1]["issue"][0]["details"]["text"].startswith("Observation: only what is kept here.")
    assert set(gp.get(f"{CLIENT}/*?_type=Observation").ids()) == {"Observation/own1", "Observation/own3"}
    assert gp.get("Patient?_id=ansje&_has:Observation:patient:date=2026-06-03").ids() == [CLIENT]
    assert gp.get("Patient?_id=ansje&_has:Observation:patient:date=2026-06-04").ids() == []
    assert set(gp.get("Patient?_id=ansje&_revinclude=Observation:patient").ids("include")) == {
        "Observation/own1",
        "Observation/own3",
    }
    assert len(world.source.asked) == asked
    found = [each for each in gp.get(f"{CLIENT}/$everything?_count=100").ids() if each.startswith("Observation/")]
    assert len(found) == 4


def test_the_line_and_the_disk(world: World) -> None:
    world.gp.get(f"{MINE}&_count=2&_total=none")
    (line,) = (each for each in lines(world.server.settings.database) if "_total" in each.query)
    assert (line.interaction, line.type, line.dossier, line.source) == ("search-type", "Observation", CLIENT, "wold")
    assert line.detail == "hub=ok wold=ok"
    assert "permit" in line.basis
    assert "Consent/consent-ansje" in line.basis
    events = world.as_(CLIENT, "patient").get("AuditEvent?_count=1&type=rest&_sort=-date").resources
    assert {each["what"].get("display") for event in events for each in event["entity"] if "what" in each} >= {"hub", "wold"}
    for path in world.folder.rglob("*"):
        assert not path.is_file() or PLANTED.encode() not in path.read_bytes(), path.name


def test_without_the_source(world: World) -> None:
    world.source.status = 503
    try:
        reply = world.gp.get(MINE)
        assert (days(reply), reply.headers[COMPLETENESS]) == ([3, 1], "partial")
        assert reply.json["entry"][0]["search"]["mode"] == "outcome"
        assert "total" not in reply.json
        read = json.loads(world.gp.get(MINE, Accept="application/fhir+json").body)
        assert [each["code"] for each in read["entry"][0]["resource"]["issue"]] == ["incomplete", "exception"]
    finally:
        world.source.status = 200
