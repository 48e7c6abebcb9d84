"""Chains, _has and includes against the SQLite store: what a link finds, and where it stops."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.errors import TooCostly
from fhir_server.interactions import include, resolve
from fhir_server.interactions.call import Call
from fhir_server.interactions.search import search
from fhir_server.interactions.services import Services
from fhir_server.search.tree import And, Chain, Everything, Has, Id, Node, Not, Nothing, Or, ReferenceTo, Token
from fhir_server.settings import read_settings

TEAMS = 7


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Services]]:
    found = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("store") / "data")})
    bootstrap.prepare(found)
    made: list[dict[str, Any]] = [{"resourceType": "Patient", "id": f"p{n}", "active": n % 2 == 0} for n in range(TEAMS)]
    made += [
        {"resourceType": "CareTeam", "id": f"t{n}", "status": "active", "subject": {"reference": f"Patient/p{n}"}}
        for n in range(TEAMS)
    ]
    made += [
        {"resourceType": "Organization", "id": "a", "name": "A", "partOf": {"reference": "Organization/b"}},
        {"resourceType": "Organization", "id": "b", "name": "B", "partOf": {"reference": "Organization/a"}},
    ]
    bootstrap.load_resources(found, made)
    with asyncio.Runner() as runner:
        services = runner.run(bootstrap.open_services(found))
        yield runner, services
        runner.run(services.repository.close())


def call(services: Services, type_: str, *parameters: tuple[str, str]) -> Call:
    return Call(services, local_system(), "search-type", services.catalog.types[type_], parameters=parameters, now=services.clock())


def resolved(store: tuple[asyncio.Runner, Services], type_: str, where: Node) -> Node:
    return store[0].run(resolve.resolved(call(store[1], type_), type_, where))


def bundle(store: tuple[asyncio.Runner, Services], type_: str, *parameters: tuple[str, str]) -> Any:
    return json.loads(store[0].run(search(call(store[1], type_, *parameters))).body)


INACTIVE = Token("active", "false")


def test_a_chain_becomes_references(store: tuple[asyncio.Runner, Services]) -> None:
    found = resolved(store, "CareTeam", Chain("patient", "Patient", INACTIVE))
    assert isinstance(found, Or)
    assert set(found.parts) == {ReferenceTo("patient", f"Patient/p{n}") for n in (1, 3, 5)}


def test_a_has_becomes_ids(store: tuple[asyncio.Runner, Services]) -> None:
    found = resolved(store, "Patient", Has("CareTeam", "patient", Id(("t1", "t2", "no"))))
    assert isinstance(found, Id)
    assert set(found.values) == {"p1", "p2"}


def test_links_within_links_and_beside_others(store: tuple[asyncio.Runner, Services]) -> None:
    chain = Chain("patient", "Patient", And((INACTIVE, Has("CareTeam", "patient", Id(("t3", "t4"))))))
    only = Or((ReferenceTo("patient", "Patient/p3"),))
    plain = Token("status", "active")
    assert resolved(store, "CareTeam", And((plain, Not(chain), Or((chain, plain))))) == And((plain, Not(only), Or((only, plain))))


def test_a_link_to_nothing_is_nothing(store: tuple[asyncio.Runner, Services]) -> None:
    assert resolved(store, "CareTeam", Chain("patient", "Patient", Id(("no",)))) == Nothing()
    assert resolved(store, "Patient", Has("CareTeam", "patient", Nothing())) == Nothing()


@pytest.mark.parametrize(("most", "fits"), [(TEAMS, True), (TEAMS - 1, False)])
@pytest.mark.parametrize("at_once", [2, 7, 100])
def test_a_link_finds_no_more_than_the_limit(
    store: tuple[asyncio.Runner, Services], monkeypatch: pytest.MonkeyPatch, most: int, at_once: int, *, fits: bool
) -> None:
    monkeypatch.setattr(resolve, "MOST", most)
    monkeypatch.setattr(resolve, "_AT_ONCE", at_once)
    if fits:
        found = resolved(store, "CareTeam", Chain("patient", "Patient", Everything()))
        assert isinstance(found, Or)
        assert len(set(found.parts)) == TEAMS
    else:
        with pytest.raises(TooCostly, match="of type Patient"):
            resolved(store, "CareTeam", Chain("patient", "Patient", Everything()))


def test_a_circle_ends(store: tuple[asyncio.Runner, Services]) -> None:
    for parameter in (("_include:iterate", "Organization:partof"), ("_revinclude:iterate", "Organization:partof")):
        found = bundle(store, "Organization", ("_id", "a"), parameter)
        assert [(each["resource"]["id"], each["search"]["mode"]) for each in found["entry"]] == [("a", "match"), ("b", "include")]


@pytest.mark.parametrize(("most", "capped"), [(TEAMS, False), (TEAMS - 1, True)])
@pytest.mark.parametrize(
    ("type_", "parameter"), [("Patient", ("_revinclude", "*")), ("CareTeam", ("_include", "CareTeam:patient"))]
)
def test_a_bundle_says_when_not_everything_came_along(
    store: tuple[asyncio.Runner, Services],
    monkeypatch: pytest.MonkeyPatch,
    most: int,
    type_: str,
    parameter: tuple[str, str],
    *,
    capped: bool,
) -> None:
    monkeypatch.setattr(include, "MOST", most)
    found = bundle(store, type_, parameter)
    modes = [each["search"]["mode"] for each in found["entry"]]
    assert (modes.count("match"), modes.count("include"), modes.count("outcome")) == (TEAMS, most, int(capped))
    if capped:
        assert found["entry"][-1]["resource"]["issue"][0]["details"]["coding"][0]["code"] == "include-capped"


def test_the_pages_of_a_chained_search_go_on_with_the_chain(store: tuple[asyncio.Runner, Services]) -> None:
    found: list[str] = []
    page = bundle(store, "CareTeam", ("patient.active", "false"), ("_count", "2"))
    while True:
        found += [each["resource"]["id"] for each in page["entry"]]
        following = [each["url"] for each in page["link"] if each["relation"] == "next"]
        if not following:
            break
        page = bundle(store, "CareTeam", ("_page", following[0].partition("_page=")[2]))
    assert sorted(found) == ["t1", "t3", "t5"]
