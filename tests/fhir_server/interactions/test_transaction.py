"""Transactions against the SQLite store: order, races, and a model of what is stored."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server import bootstrap
from fhir_server.access.actor import Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.errors import Conflict, FhirError
from fhir_server.interactions.bundle import process
from fhir_server.interactions.bundle_identities import Step
from fhir_server.interactions.call import WHOLE_SYSTEM, Call
from fhir_server.interactions.services import Services
from fhir_server.interactions.transaction import ordered
from fhir_server.search.tree import And, Everything, Query
from fhir_server.settings import read_settings
from fhir_server.storage.repository import Grant, VersionConflict

NAMES = ("a", "b", "c", "d", "e")
BASE = "http://127.0.0.1:8000/fhir"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[asyncio.Runner, Services]]:
    found = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("store") / "data")})
    bootstrap.prepare(found)
    with asyncio.Runner() as runner:
        services = runner.run(bootstrap.open_services(found))
        yield runner, services
        runner.run(services.repository.close())


def call(services: Services, bundle: dict[str, Any]) -> Call:
    body = json.dumps(bundle).encode()
    return Call(services, local_system(), "batch", WHOLE_SYSTEM, body=body, request="q", now=services.clock())


async def sent(services: Services, *entries: dict[str, Any]) -> Any:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
    return json.loads((await process(call(services, bundle))).body)


def put(id_: str, name: str) -> dict[str, Any]:
    resource = {"resourceType": "Location", "id": id_, "name": name}
    return {"resource": resource, "request": {"method": "PUT", "url": f"Location/{id_}"}}


@pytest.mark.parametrize("kinds", [("read", "update", "create", "delete"), ("update", "patch", "vread", "create", "update")])
def test_the_order_is_that_of_the_specification_and_else_as_given(
    store: tuple[asyncio.Runner, Services], kinds: Sequence[str]
) -> None:
    one = call(store[1], {})
    steps = [Step(index, replace(one, interaction=kind)) for index, kind in enumerate(kinds)]  # type: ignore[arg-type]
    found = [(each.call.interaction, each.item) for each in ordered(steps)]
    rank = {"delete": 0, "create": 1, "update": 2, "patch": 2, "read": 3, "vread": 3}
    assert found == sorted(((kind, index) for index, kind in enumerate(kinds)), key=lambda each: (rank[each[0]], each[1]))


target = st.sampled_from(("0", "1", "2", "3", ""))
good = st.sampled_from((True,) * 9 + (False,))
action = st.one_of(
    st.tuples(st.just("POST"), st.sampled_from(NAMES), target, good),
    st.tuples(st.just("PUT"), st.sampled_from(NAMES), target, good),
    st.tuples(st.just("DELETE"), st.sampled_from(NAMES), st.just(""), st.just(True)),
    st.tuples(st.just("GET"), st.sampled_from(NAMES), st.just(""), st.just(True)),
)
Action = tuple[str, str, str, bool]


def urn(index: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-00000000000{index}"


def entry(index: int, what: Action, run: str, size: int) -> dict[str, Any]:
    """Make an entry; its partOf names a stored Location, or another entry by its number; a bad one has an unknown member."""
    method, name, target, good = what
    url = "Location" if method == "POST" else f"Location/{run}-{name}"
    made: dict[str, Any] = {"request": {"method": method, "url": url}}
    if method in {"POST", "PUT"}:
        part_of = urn(int(target)) if target.isdecimal() and int(target) < size else f"Location/{run}-x"
        resource = {"resourceType": "Location", "name": run, "description": str(index), "partOf": {"reference": part_of}}
        if method == "PUT":
            resource["id"] = f"{run}-{name}"
        if not good:
            resource["colour"] = "red"
        made |= {"fullUrl": urn(index), "resource": resource}
    return made


async def held(services: Services, run: str) -> dict[str, tuple[int, Any]]:
    """Return what is stored of one run: version and content, by id."""
    from fhir_server.search.parse import parse

    entry_ = services.catalog.types["Location"]
    query: Query = parse(entry_, [("name", run), ("_count", "1000")], base=BASE + "/", strict=True, limit=1000, in_url=True).query
    grant = services.gate.grant(local_system(), "search-type", "Location")
    page = await services.repository.search(grant, query)
    return {each.id: (each.version, json.loads(each.body)) for each in page.resources}


def allowed(actions: Sequence[Action], before: set[str], run: str) -> bool:
    """Tell whether the whole may succeed: every entry valid, none written twice, nothing deleted that never was."""
    written = [f"{run}-{name}" for method, name, _, _ in actions if method in {"PUT", "DELETE"}]
    good = all(ok for _, _, _, ok in actions)
    return (
        good and len(set(written)) == len(written) and all(f"{run}-{name}" in before for m, name, _, _ in actions if m == "DELETE")
    )


@settings(max_examples=120, deadline=None)
@given(rounds=st.lists(st.lists(action, min_size=1, max_size=4), min_size=1, max_size=3))
def test_all_or_nothing_and_every_reference_resolves(store: tuple[asyncio.Runner, Services], rounds: list[list[Action]]) -> None:
    runner, services = store
    run = services.new_id()
    ever: set[str] = set()
    for actions in rounds:
        before = runner.run(held(services, run))
        entries = [entry(index, what, run, len(actions)) for index, what in enumerate(actions)]
        # An entry that is not written has no full url: to refer to it is to refer to nothing here, and that stays as it is.
        if not allowed(actions, ever, run):
            with pytest.raises(FhirError) as refused:
                runner.run(sent(services, *entries))
            assert all(issue.expression.startswith("Bundle.entry[") for issue in refused.value.issues)
            assert runner.run(held(services, run)) == before
            continue
        answer = runner.run(sent(services, *entries))
        ever |= {f"{run}-{name}" for method, name, _, _ in actions if method in {"PUT", "DELETE"}}
        check(actions, answer["entry"], before, runner.run(held(services, run)), run)


def check(actions: Sequence[Action], answers: Sequence[dict[str, Any]], before: Any, after: Any, run: str) -> None:
    ids = [each.get("resource", {}).get("id", "") for each in answers]
    expected = set(before)
    for index, (method, name, target, _) in enumerate(actions):
        if method == "DELETE":
            expected.discard(f"{run}-{name}")
            assert answers[index]["response"]["status"].startswith("204")
        if method not in {"POST", "PUT"}:
            continue
        expected.add(ids[index])
        stored = after[ids[index]][1]
        assert stored["description"] == str(index), "the answers are in the order of the entries"
        part_of = stored["partOf"]["reference"]
        if target.isdecimal() and int(target) < len(actions) and actions[int(target)][0] in {"POST", "PUT"}:
            assert part_of == f"Location/{ids[int(target)]}"
    assert set(after) == expected
    for index, (method, name, _, _) in enumerate(actions):
        if method == "GET":
            there = f"{run}-{name}" in after
            assert answers[index]["response"]["status"].startswith("200") == there, "a read sees what was written"


class Racing:
    """A store on which somebody else writes first, ``times`` times."""

    def __init__(self, inner: Any, times: int) -> None:
        self.inner, self.left = inner, times

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def commit(self, grants: Sequence[Grant], *what: Any) -> None:
        if self.left:
            self.left -= 1
            raise VersionConflict("raced")
        await self.inner.commit(grants, *what)


def raced(services: Services, times: int) -> Services:
    return replace(services, repository=Racing(services.repository, times))


def test_a_race_is_run_again_and_given_up_in_the_end(store: tuple[asyncio.Runner, Services]) -> None:
    runner, services = store
    answer = runner.run(sent(raced(services, 4), put("raced", "R")))
    assert answer["entry"][0]["response"]["status"] == "201 Created"
    with pytest.raises(Conflict):
        runner.run(sent(raced(services, 5), put("raced", "S")))


def test_two_transactions_at_once_both_come_through(store: tuple[asyncio.Runner, Services]) -> None:
    runner, services = store

    async def both() -> list[Any]:
        return await asyncio.gather(*(sent(services, put("shared", str(n)), put("other", str(n))) for n in range(4)))

    tags = sorted(answer["entry"][0]["response"]["etag"] for answer in runner.run(both()))
    assert tags == [f'W/"{version}"' for version in range(1, 5)]


def test_grants_of_one_type_are_narrowed_to_what_all_cover(store: tuple[asyncio.Runner, Services]) -> None:
    gate = store[1].gate
    person = Actor(
        reference="Patient/p", role="patient", scopes=parse_scopes("patient/Consent.c user/Consent.u"), people=("Patient/p",)
    )
    grants = [gate.grant(person, interaction, "Consent") for interaction in ("create", "update", "create")]
    (together,) = gate.together(grants)
    assert isinstance(together.where, And)
    assert set(together.where.parts) == {grant.where for grant in grants}
    system = [
        gate.grant(local_system(), interaction, type_) for interaction in ("create", "update") for type_ in ("Task", "Patient")
    ]
    assert [(each.type, each.where) for each in gate.together(system)] == [("Task", Everything()), ("Patient", Everything())]
