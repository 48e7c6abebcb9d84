"""What a stranger learns: every way to ask, for every role, about a foreign dossier and about one that is not there."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from flows.client import Demo
from flows.two_dossiers import CATALOGUE, STORED, Caller, Dossier, World, told, types_for

ROLES = (
    *("member", "stranger", "carer", "client", "another client"),
    *("bound system", "operator", "privacy officer", "source", "pgo", "nobody"),
)
FORM = "application/x-www-form-urlencoded"
CLOSED = {"nobody": {401, 405}}
NO_COMPARTMENT = ("/Task", "/Device")


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


@pytest.fixture(scope="module")
def world(hub: Demo) -> Iterator[World]:
    made = World(hub)
    yield made
    for each in made.callers.values():
        each.close()


def about(type_: str) -> str:
    """Return the search parameter of ``type_`` that names the client, "" for none."""
    entry = CATALOGUE.types[type_]
    return next((each for each in ("patient", "subject", "target", "actor") if each in entry.search), "")


def searches(type_: str, dossier: Dossier) -> Iterator[str]:
    """Yield searches that find the resource of ``dossier`` for whoever may see it, and that find nothing else."""
    id_, mark, client = dossier.ids[type_], dossier.mark, dossier.patient
    yield f"{type_}?_id={id_}"
    yield f"{type_}?_id={id_}&_summary=count"
    yield f"{type_}?_id={id_}&_count=0&_total=accurate"
    yield f"{type_}?_id={id_}&_elements=id&_sort=-_lastUpdated"
    yield f"{type_}?_tag=urn:tag|{mark}&_total=accurate"
    yield f"{type_}?_security={mark}&_lastUpdated=ge2020"
    yield f"{type_}?_source=urn:source:{mark}&_total=estimate"
    yield f"?_type={type_}&_id={id_}"
    yield f"Patient/{dossier.ids['Patient']}/{type_}"
    if "identifier" in CATALOGUE.types[type_].search:
        yield f"{type_}?identifier=urn:canary|{mark}"
        yield f"{type_}?identifier:not=urn:nothing|x&_id={id_}"
    if param := about(type_):
        yield f"{type_}?{param}={client}&_summary=count"
        yield f"{type_}?{param}:Patient.family={mark}"
        yield f"{type_}?{param}:missing=false&_id={id_}"
        yield f"Patient?_has:{type_}:{param}:_id={id_}"
        yield f"Patient?_has:{type_}:{param}:_tag=urn:tag|{mark}&_total=accurate"
        yield f"Patient?_id={dossier.ids['Patient']}&_revinclude={type_}:{param}"


def direct(type_: str, id_: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the requests that name one resource by its id."""
    yield "GET", f"{type_}/{id_}", {}
    yield "HEAD", f"{type_}/{id_}", {}
    yield "GET", f"{type_}/{id_}", {"If_None_Match": 'W/"1"'}
    yield "GET", f"{type_}/{id_}", {"If_Modified_Since": "Sat, 01 Jan 2050 00:00:00 GMT"}
    yield "GET", f"{type_}/{id_}?_summary=true", {}
    yield "GET", f"{type_}/{id_}/_history/1", {}
    yield "GET", f"{type_}/{id_}/_history/2", {}
    yield "GET", f"{type_}/{id_}/_history/99", {}
    yield "GET", f"{type_}/{id_}/_history?_count=1", {}
    yield "DELETE", f"{type_}/{id_}", {}
    yield "DELETE", f"{type_}/{id_}", {"If_Match": 'W/"7"'}


def alike(caller: Caller, foreign: Any, absent: Any, names: tuple[str, ...], **headers: str) -> None:
    """Ask both questions, (method, path, body), and compare the answers."""
    one, other = (told(caller.request(*each, **headers), *names) for each in (foreign, absent))
    assert one == other, foreign


@pytest.mark.parametrize("role", ROLES)
def test_no_search_tells_a_foreign_resource_from_none(world: World, role: str) -> None:
    caller = world.callers[role]
    for type_ in types_for(role):
        for foreign, absent in zip(searches(type_, world.foreign), searches(type_, world.absent), strict=True):
            alike(caller, ("GET", foreign), ("GET", absent), world.names)
    for foreign, absent in zip(searches("Task", world.foreign), searches("Task", world.absent), strict=True):
        (path, _, query), (_, _, other) = foreign.partition("?"), absent.partition("?")
        if path == "Task":
            posted = ("POST", f"{path}/_search", query.encode()), ("POST", f"{path}/_search", other.encode())
            alike(caller, *posted, world.names, Content_Type=FORM)


@pytest.mark.parametrize("role", ["client", "bound system"])
def test_the_searches_find_the_own_resources(world: World, role: str) -> None:
    caller = world.callers[role]
    for type_ in STORED:
        closed = caller.get(f"{type_}?_id={world.own.ids[type_]}").status
        assert closed in {200, 403, 405}
        for path in searches(type_, world.own) if closed == 200 else ():
            reply = caller.get(path)
            if reply.status != 200:
                assert path.endswith(NO_COMPARTMENT), path
                continue
            assert reply.json["total"] > 0, path
            assert "count" in path or reply.json["entry"], path


@pytest.mark.parametrize("role", ROLES)
def test_what_is_named_by_its_id_is_refused_alike_whatever_it_is(world: World, role: str) -> None:
    caller = world.callers[role]
    for type_ in types_for(role):
        refusals: dict[str, set[str]] = {}
        for dossier in (world.foreign, world.gone):
            for method, path, headers in direct(type_, dossier.ids[type_]):
                reply = caller.request(method, path, **headers)
                assert reply.status in CLOSED.get(role, {403, 405}), (method, path, reply.body)
                assert not {"etag", "last-modified", "location"} & set(reply.headers)
                assert world.foreign.mark.encode() not in reply.body
                kind = f"{method} {path.partition('_history')[1:]}"
                refusals.setdefault(kind, set()).add(json.dumps(told(reply, *world.names)))
        assert all(len(each) == 1 for each in refusals.values()), (type_, refusals)


@pytest.mark.parametrize("role", ROLES)
def test_no_list_shows_anything_foreign(world: World, role: str) -> None:
    caller = world.callers[role]
    own = world.own
    paths = ["_history?_count=100", "?_count=100", "Practitioner?family=gpgone&_count=100&_revinclude=*"]
    paths += [f"{type_}?_count=100&_sort=-_lastUpdated&_include=*&_revinclude=*" for type_ in types_for(role)]
    paths += [f"{type_}/_history?_count=100" for type_ in types_for(role)]
    paths += [f"Patient?_id={own.ids['Patient']}&_revinclude:iterate=*&_include:iterate=*", f"{own.patient}/*?_count=100"]
    for path in paths:
        reply = caller.get(path)
        assert reply.status in {200, 400, 401, 403, 405}, (path, reply.body)
        for mark in (world.foreign.mark, world.gone.mark):
            assert mark not in reply.body.decode(), path


@pytest.mark.parametrize("role", ROLES)
def test_asking_the_sources_tells_a_foreign_client_from_none_as_little(world: World, role: str) -> None:
    caller = world.callers[role]
    for type_ in ("Condition", "Observation", "MedicationDispense"):
        for query in ("patient={}", "patient={}&_summary=count", "patient={}&_include=*", "patient.family=x&patient={}"):
            asked = [f"{type_}?{query.format(each.patient)}" for each in (world.foreign, world.gone, world.absent)]
            alike(caller, ("GET", asked[0]), ("GET", asked[2]), world.names)
            alike(caller, ("GET", asked[1]), ("GET", asked[2]), world.names)
    sealed = world.system.get("MedicationDispense?patient=Patient/ansje").json["entry"][0]["resource"]["id"]
    for type_ in ("MedicationDispense", "Observation"):
        refused, unknown = caller.get(f"{type_}/{sealed}"), caller.get(f"{type_}/{sealed[::-1]}")
        assert told(refused, sealed) == told(unknown, sealed[::-1])
        assert refused.status in {401, 403, 404}
