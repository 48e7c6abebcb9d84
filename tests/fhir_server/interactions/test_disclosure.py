"""A caller's answer is that of a store in which nothing is but what the caller may see: matches, order, totals, pages, includes."""

import asyncio
import json
from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any, NamedTuple

import pytest
from engines import PostgresServer
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server import bootstrap
from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.catalog import catalog
from fhir_server.errors import FhirError
from fhir_server.interactions.call import Call
from fhir_server.interactions.search import search
from fhir_server.interactions.services import Services
from fhir_server.settings import read_settings
from fhir_server.storage import compile as text

EXAMPLES = examples(80)
Json = dict[str, Any]
NURSE, STRANGER = "Practitioner/nurse", "Practitioner/stranger"
CLIENTS = ("Patient/own", "Patient/foreign")
CALLER = Actor(NURSE, "practitioner", parse_scopes("user/*.rs"), purpose="TREAT", people=(NURSE,))
TYPES = ("Patient", "RelatedPerson", "CareTeam", "CommunicationRequest", "Communication", "Task", "Practitioner")
LINKS = {
    "Communication": {"partOf": "CommunicationRequest", "inResponseTo": "Communication", "basedOn": "Task"},
    "CommunicationRequest": {"basedOn": "Task", "replaces": "CommunicationRequest"},
    "Task": {"partOf": "Task", "basedOn": "CommunicationRequest"},
}
KEPT: dict[str, Json] = {
    "Communication": {"status": "completed"},
    "CommunicationRequest": {"status": "active"},
    "Task": {"intent": "order", "status": "requested"},
}
STATUS = {
    "Communication": ("completed", "in-progress"),
    "CommunicationRequest": ("active", "draft"),
    "Task": ("requested", "completed"),
}
DATED = {"Communication": "sent", "CommunicationRequest": "authoredOn", "Task": "authoredOn"}
BOTH = {"reference": "Practitioner/both"}
HIDDEN = "within the network"
"""In the place of the client of what is among others in the network of the caller."""
_numbers = count()


class Stores(NamedTuple):
    """The same world twice: ``all`` of it, and only what the caller may ``see``."""

    runner: asyncio.Runner
    all: Services
    seen: Services


def world() -> list[tuple[str, Json]]:
    """Return resources with the client whose dossier each is in; they refer to each other across dossiers."""
    chance, made = Random(7), list[tuple[str, Json]]()
    for client, professional in zip(CLIENTS, (NURSE, STRANGER), strict=True):
        id_ = client.partition("/")[2]
        subject = {"reference": client}
        members = [{"member": {"reference": each}} for each in (professional, f"RelatedPerson/{id_}", "Practitioner/both")]
        made.append((client, {"resourceType": "Patient", "id": id_, "active": True, "name": [{"family": "Bos"}]}))
        made.append((client, {"resourceType": "RelatedPerson", "id": id_, "active": True, "patient": subject}))
        made.append((client, team(id_, subject, members)))
        made.append((client, {"resourceType": "Practitioner", "id": professional.partition("/")[2], "active": True}))
    made.append((CLIENTS[0], {"resourceType": "Practitioner", "id": "both", "active": True, "name": [{"family": "Bos"}]}))
    drawn = [(f"n{number}", chance.choice(CLIENTS), chance.choice(tuple(LINKS))) for number in range(60)]
    threads = {f"{type_}/{id_}": client for id_, client, type_ in drawn if type_ == "CommunicationRequest"}
    several = [(client, linked(chance, type_, number, client)) for number, (_, client, type_) in enumerate(drawn)]
    for client, resource in several:
        keep_to_threads(resource, {each for each, other in threads.items() if other == client})
    among_others = {each for each in threads if chance.random() < 0.3}
    return [*made, *((HIDDEN if hide(chance, each, among_others) else client, each) for client, each in several)]


def keep_to_threads(resource: Json, threads: set[str]) -> None:
    """Let what is part of a thread be part of one of the same client: nothing else can be stored."""
    name = {"Communication": "partOf", "Task": "basedOn"}.get(resource["resourceType"], "")
    if name in resource and resource[name][0]["reference"] not in threads:
        del resource[name]


def hide(chance: Random, resource: Json, among_others: set[str]) -> bool:
    """Keep a resource among people of whom the caller is none, if it is to be; tell whether it is."""
    type_ = resource["resourceType"]
    thread = resource.get({"Communication": "partOf", "Task": "basedOn"}.get(type_, ""), [{"reference": ""}])[0]["reference"]
    to_others = f"{type_}/{resource['id']}" in among_others or (type_ == "Task" and chance.random() < 0.2)
    if to_others:
        resource |= {"owner": BOTH} if type_ == "Task" else {"recipient": [BOTH]}
    return to_others or thread in among_others


def team(id_: str, subject: Json, members: list[Json]) -> Json:
    return {"resourceType": "CareTeam", "id": id_, "status": "active", "subject": subject, "participant": members}


def linked(chance: Random, type_: str, number: int, client: str) -> Json:
    resource: Json = {"resourceType": type_, "id": f"n{number}", **KEPT[type_], "status": chance.choice(STATUS[type_])}
    resource["for" if type_ == "Task" else "subject"] = {"reference": client}
    resource["identifier"] = [{"system": "urn:s", "value": chance.choice("abc")}]
    resource["meta"] = {"tag": [{"system": "urn:t", "code": chance.choice("xyz")}]}
    if chance.random() < 0.8:
        resource[DATED[type_]] = f"2026-0{chance.randint(1, 9)}-01"
    for element, target in LINKS[type_].items():
        if chance.random() < 0.7:
            resource[element] = [{"reference": f"{target}/n{chance.randrange(60)}"}]
    return resource


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(text, "FEW", 4)
    text.many.cache_clear()
    text.page.cache_clear()
    made = world()
    parts = ([each for _, each in made], [each for client, each in made if client == CLIENTS[0]])
    found = []
    for part in parts:
        folder = tmp_path_factory.mktemp("store") / "data"
        environment = {"FHIR_SERVER_DATA_DIR": str(folder)}
        if request.param == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres_server")
            environment["FHIR_SERVER_DATABASE_URL"] = server.create(f"disclosure_{next(_numbers)}", "template1")
        read = read_settings(environment)
        bootstrap.load_resources(read, part)
        found.append(read)
    with asyncio.Runner() as runner:
        opened = [runner.run(bootstrap.open_services(each)) for each in found]
        yield Stores(runner, *opened)
        for each in opened:
            runner.run(each.repository.close())
    monkeypatch.undo()
    text.many.cache_clear()
    text.page.cache_clear()


def answer(stores: Stores, services: Services, actor: Actor, type_: str, parameters: tuple[tuple[str, str], ...]) -> Any:
    """Return what a search finds, on all of its pages: ids and modes in order, and the total of each page; or why it fails."""
    pages = []
    while True:
        call = Call(services, actor, "search-type", services.catalog.types[type_], parameters=parameters, now=services.clock())
        try:
            page = json.loads(stores.runner.run(search(call)).body)
        except FhirError as error:
            return type(error).__name__, [issue.text for issue in error.issues]
        entries = [
            (each["search"]["mode"], each["fullUrl"].rpartition("fhir/")[2]) for each in page.get("entry", ()) if "fullUrl" in each
        ]
        matched = [reference for mode, reference in entries if mode == "match"]
        pages.append((matched, sorted(entries), page.get("total")))
        following = [each["url"] for each in page["link"] if each["relation"] == "next"]
        if not following:
            return pages
        parameters = (("_page", following[0].partition("_page=")[2]),)


CATALOGUE = catalog.load()
_VALUES = {
    "token": ("active", "requested", "completed", "draft", "urn:s|a", "b", "x", "true", "order", "nothing"),
    "date": ("ge2026-04", "lt2026-06-01", "2026-03-01", "ne2026-05-01"),
    "string": ("bos", "b", "nobody"),
    "uri": ("urn:x",),
    "reference": (*CLIENTS, NURSE, STRANGER, "Practitioner/both", *(f"CommunicationRequest/n{each}" for each in range(0, 60, 7))),
}


def parameter(type_: str) -> st.SearchStrategy[tuple[str, str]]:
    """Draw one search parameter of ``type_`` with or without a modifier and a value for it."""
    known = {name: each for name, each in CATALOGUE.types[type_].search.items() if each.type in _VALUES}

    def valued(name: str) -> st.SearchStrategy[tuple[str, str]]:
        kind = known[name].type
        plain = st.tuples(st.just(name), st.sampled_from(_VALUES[kind]))
        missing = st.tuples(st.just(f"{name}:missing"), st.sampled_from(("true", "false")))
        more = {
            "token": [st.tuples(st.just(f"{name}:not"), st.sampled_from(_VALUES["token"]))],
            "reference": [st.tuples(st.just(f"{name}:identifier"), st.just("urn:s|a")), chained(name)],
        }
        return st.one_of(plain, plain, missing, *more.get(kind, ()))

    return st.one_of(st.sampled_from(sorted(known)).flatmap(valued), st.just(("_id", "n1,n2,n3,n4,n5,n6,own,foreign,both")))


def chained(name: str) -> st.SearchStrategy[tuple[str, str]]:
    ends = st.sampled_from(("_tag=x", "_tag:not=x", "identifier=a", "_id=own", "_id=foreign", "status=completed"))
    return st.tuples(st.sampled_from(TYPES), ends).map(
        lambda each: (f"{name}:{each[0]}.{each[1].split('=')[0]}", each[1].split("=")[1])
    )


HAS = (
    *(("Patient", "Communication:subject"), ("Patient", "Task:patient"), ("Task", "Communication:based-on")),
    *(("CommunicationRequest", "Communication:part-of"), ("Communication", "Communication:in-response-to")),
)


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, tuple[tuple[str, str], ...]]:
    type_ = draw(st.sampled_from((*TYPES, "Communication", "CommunicationRequest", "Task")))
    found = draw(st.lists(parameter(type_), max_size=2))
    if (links := [path for of, path in HAS if of == type_]) and draw(st.booleans()):
        found.append(
            (f"_has:{draw(st.sampled_from(links))}:{draw(st.sampled_from(('_tag', '_tag:not')))}", draw(st.sampled_from("xyz")))
        )
    for each, values in (
        ("_include", ("*", f"{type_}:part-of", f"{type_}:subject", f"{type_}:based-on")),
        ("_include:iterate", ("Communication:part-of", "CommunicationRequest:based-on", "Task:part-of")),
        ("_revinclude", ("*", "Communication:part-of", "Task:based-on", "Communication:subject")),
        ("_revinclude:iterate", ("Task:part-of", "Communication:in-response-to")),
        ("_sort", ("status", "-_lastUpdated", "_id", "identifier,-_id", "-_id")),
        ("_total", ("accurate", "none", "estimate")),
        ("_summary", ("count",)),
        ("_count", ("0", "2", "5", "50", "50")),
    ):
        if draw(st.integers(0, 3)) == 0:
            found.append((each, draw(st.sampled_from(values))))
    return type_, tuple(found)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=questions())
def test_what_is_not_seen_might_as_well_not_be_there(stores: Stores, question: tuple[str, tuple[tuple[str, str], ...]]) -> None:
    type_, parameters = question
    found = answer(stores, stores.all, CALLER, type_, parameters)
    assert found == answer(stores, stores.seen, CALLER, type_, parameters)
    everything = answer(stores, stores.seen, local_system(), type_, parameters)
    assert without_totals(found) == without_totals(everything)


def without_totals(pages: Any) -> Any:
    """Leave out the totals: to who sees everything it is told of larger numbers that they are not cheap to know."""
    return [page[:2] for page in pages] if isinstance(pages, list) else pages


def test_the_questions_find_something(stores: Stores) -> None:
    for type_ in TYPES:
        (matched, _, total), *_ = answer(stores, stores.all, CALLER, type_, (("_count", "50"),))
        everything = answer(stores, stores.all, local_system(), type_, (("_count", "50"),))[0][0]
        assert 0 < len(matched) == total < len(everything)
        assert [each for each in everything if each in matched] == matched


@pytest.mark.parametrize("type_", LINKS)
@pytest.mark.parametrize("code", "abc")
def test_whether_a_total_is_told_unasked_does_not_tell_what_is_hidden(stores: Stores, type_: str, code: str) -> None:
    parameters = (("identifier", f"urn:s|{code}"), ("_count", "1"))
    found = answer(stores, stores.all, CALLER, type_, parameters)
    assert found == answer(stores, stores.seen, CALLER, type_, parameters)
