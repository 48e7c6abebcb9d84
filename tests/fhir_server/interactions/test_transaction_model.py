"""Random transactions against a naive model of the store: all or nothing, the order of the answers, references and identities."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from examples import examples
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.errors import FhirError
from fhir_server.interactions.bundle import process
from fhir_server.interactions.call import WHOLE_SYSTEM, Call
from fhir_server.interactions.services import Services
from fhir_server.search.tree import Query, Text
from fhir_server.settings import read_settings

NAMES, KEYS = ("a", "b", "c", "d"), ("k", "l", "m")
MOST = 5


@dataclass(frozen=True)
class Act:
    """One entry. ``by`` says what it is about: "new", an id of NAMES, or criteria with a key of KEYS.

    ``link`` is what its resource is part of: another entry (a number), an id, or a key as a conditional reference.
    """

    method: str
    by: str
    key: str = ""
    link: str = ""
    text: str = "x"
    good: bool = True

    @property
    def conditional(self) -> bool:
        return self.by in KEYS

    @property
    def makes(self) -> bool:
        return self.method in {"POST", "PUT"}


links = st.sampled_from(("", "", "", *map(str, range(MOST)), *NAMES, *KEYS))
keys = st.sampled_from(("", *KEYS))
texts = st.sampled_from(("x", "y"))
good = st.sampled_from((True,) * 15 + (False,))
by_criteria = st.builds(
    lambda method, key, link, text, valid: Act(method, key, key, link, text, valid),
    st.sampled_from(("POST", "PUT")),
    st.sampled_from(KEYS),
    links,
    texts,
    good,
)
acts = st.one_of(
    st.builds(Act, st.just("POST"), st.just("new"), keys, links, texts, good),
    st.builds(Act, st.just("PUT"), st.sampled_from(NAMES), keys, links, texts, good),
    by_criteria,
    st.builds(Act, st.just("DELETE"), st.sampled_from((*NAMES, *KEYS))),
    st.builds(Act, st.just("GET"), st.sampled_from(NAMES)),
)


FIRST = [Act("PUT", "a", "k"), Act("PUT", "b", "l", "a"), Act("PUT", "c", "", "0")]


@dataclass(frozen=True)
class Held:
    """A stored resource as the model knows it."""

    key: str
    part_of: str
    text: str


@dataclass
class Model:
    """What is stored, by id, and the last version of every id that was ever used."""

    run: str
    stored: dict[str, Held] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)

    def name(self, short: str) -> str:
        return f"{self.run}-{short}"

    def matching(self, key: str) -> list[str]:
        return [id_ for id_, held in self.stored.items() if held.key == key]

    def target(self, act: Act, new: str) -> str | None:
        """Return the id that ``act`` is about, ``new`` where it makes one, "" for none; None when several match."""
        if not act.conditional:
            return new if act.by == "new" else self.name(act.by)
        found = self.matching(act.by)
        return None if len(found) > 1 else found[0] if found else new if act.makes else ""

    def after(self, actions: Sequence[Act], new: Sequence[str]) -> "Model | None":
        """Return the store after the transaction, None when it must be refused."""
        writes = [(act, self.target(act, id_)) for act, id_ in zip(actions, new, strict=True)]
        about = [target for act, target in writes if act.method != "GET" and target]
        criteria = [act.by for act in actions if act.conditional]
        if None in [target for _, target in writes] or len(set(about)) < len(about) or len(set(criteria)) < len(criteria):
            return None
        if not all(act.good or (act.method == "POST" and target in self.stored) for act, target in writes):
            return None
        result = Model(self.run, dict(self.stored), dict(self.versions))
        for act, target in writes:
            assert target is not None
            if not result.apply(self, act, target, [each for _, each in writes], actions):
                return None
        fresh = [act.by for act, target in writes if act.conditional and act.makes and target not in self.stored]
        if any(len(result.matching(key)) > 1 for key in fresh):
            return None
        dangling = [
            held for held in result.stored.values() if held.part_of[:4] not in {"", "urn:"} and held.part_of not in result.stored
        ]
        missing = [act for act in actions if act.method == "GET" and result.name(act.by) not in result.stored]
        return None if dangling or missing else result

    def apply(self, before: "Model", act: Act, target: str, targets: Sequence[str | None], actions: Sequence[Act]) -> bool:
        if act.method == "DELETE":
            if self.stored.pop(target, None) is not None:
                self.versions[target] += 1
            return act.conditional or target in self.versions
        if not act.makes:
            return True
        if act.method == "POST" and target in before.stored:
            return True
        part_of = before.linked(act, targets, actions)
        if part_of is None:
            return False
        held = Held(act.key, part_of, act.text)
        if self.stored.get(target) != held:
            self.stored[target] = held
            self.versions[target] = self.versions.get(target, 0) + 1
        return True

    def linked(self, act: Act, targets: Sequence[str | None], actions: Sequence[Act]) -> str | None:
        """Return the id that ``act`` links to, "" for none, None when a conditional reference does not come to one.

        The URN of what the transaction does not make stays as it is.
        """
        if act.link in KEYS:
            found = self.matching(act.link)
            return found[0] if len(found) == 1 else None
        if act.link.isdecimal():
            at = int(act.link)
            return targets[at] if at < len(actions) and actions[at].makes else urn(at)
        return self.name(act.link) if act.link else ""


def urn(index: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-00000000000{index}"


def entry(index: int, act: Act, run: str) -> dict[str, Any]:
    criteria = f"identifier={run}|{act.by}"
    by_id = f"Location/{run}-{act.by}"
    url = "Location" if act.method == "POST" else f"Location?{criteria}" if act.conditional else by_id
    made: dict[str, Any] = {"request": {"method": act.method, "url": url}}
    if act.method == "POST" and act.conditional:
        made["request"]["ifNoneExist"] = criteria
    if act.makes:
        made |= {"fullUrl": urn(index), "resource": resource(act, run)}
    return made


def resource(act: Act, run: str) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Location", "name": run, "description": act.text}
    if act.method == "PUT" and not act.conditional:
        made["id"] = f"{run}-{act.by}"
    if act.key:
        made["identifier"] = [{"system": run, "value": act.key}]
    if act.link in KEYS:
        made["partOf"] = {"reference": f"Location?identifier={run}|{act.link}"}
    elif act.link:
        made["partOf"] = {"reference": urn(int(act.link)) if act.link.isdecimal() else f"Location/{run}-{act.link}"}
    return made if act.good else {**made, "colour": "red"}


class Store:
    """No tuple or dataclass: when hypothesis tells of a failure it would write out the whole catalogue."""

    def __init__(self, runner: asyncio.Runner, services: Services) -> None:
        self.runner, self.services = runner, services


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = read_settings({"FHIR_SERVER_DATA_DIR": str(tmp_path_factory.mktemp("model") / "data")})
    bootstrap.prepare(found)
    with asyncio.Runner() as runner:
        services = runner.run(bootstrap.open_services(found))
        yield Store(runner, services)
        runner.run(services.repository.close())


async def sent(services: Services, entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()
    call = Call(services, local_system(), "batch", WHOLE_SYSTEM, body=body, request="q", now=services.clock())
    return list(json.loads((await process(call)).body)["entry"])


async def held(services: Services, run: str) -> Model:
    """Read back what is stored of one run."""
    grant = services.gate.grant(local_system(), "search-type", "Location")
    page = await services.repository.search(grant, Query("Location", Text("name", run, "starts"), count=1_000))
    found = Model(run)
    for each in page.resources:
        content = json.loads(each.body)
        literal = content.get("partOf", {}).get("reference", "")
        key = content.get("identifier", [{"value": ""}])[0]["value"]
        found.stored[each.id] = Held(key, literal.removeprefix("Location/"), content["description"])
        found.versions[each.id] = each.version
    return found


def same(found: Model, expected: Model) -> bool:
    versions = {id_: expected.versions[id_] for id_ in expected.stored}
    return found.stored == expected.stored and found.versions == versions


@settings(max_examples=examples(40), deadline=None)
@example(rounds=[[Act("POST", "m", "m"), Act("PUT", "d", "m")]])  # both come to mean the same resource
@example(rounds=[[Act("POST", "k", "k", good=False), Act("PUT", "d", "", "0")]])  # what is found needs no valid body
@given(rounds=st.lists(st.lists(acts, min_size=1, max_size=MOST), min_size=1, max_size=4))
def test_the_store_follows_the_model(store: Store, rounds: list[list[Act]]) -> None:
    runner, services = store.runner, store.services
    model = Model(services.new_id())
    for actions in [FIRST, *rounds]:
        entries = [entry(index, act, model.run) for index, act in enumerate(actions)]
        placeholders = [f"new-{index}" for index in range(len(actions))]
        if model.after(actions, placeholders) is None:
            with pytest.raises(FhirError) as refused:
                runner.run(sent(services, entries))
            assert all(issue.expression.startswith("Bundle.entry") for issue in refused.value.issues)
            assert same(runner.run(held(services, model.run)), model), "nothing was stored"
            continue
        answers = runner.run(sent(services, entries))
        ids = [each.get("resource", {}).get("id", "") for each in answers]
        before, after = model, model.after(actions, ids)
        assert after is not None
        assert [each["response"]["status"][:3] for each in answers] == [
            status(act, before, after, id_) for act, id_ in zip(actions, ids, strict=True)
        ]
        assert same(runner.run(held(services, model.run)), after)
        model = after


def status(act: Act, before: Model, after: Model, id_: str) -> str:
    """Return what the entry is answered."""
    match act.method:
        case "DELETE":
            return "204"
        case "GET":
            return "200" if after.name(act.by) in after.stored else "refused"
    return "200" if id_ in before.stored else "201"


def test_the_model_itself_refuses_what_it_should() -> None:
    model = Model("r", {"r-a": Held("k", "", "x"), "r-b": Held("", "r-a", "x")}, {"r-a": 1, "r-b": 1})
    new = ["1", "2"]
    assert model.after([Act("DELETE", "a")], ["1"]) is None
    assert model.after([Act("DELETE", "a"), Act("DELETE", "b")], new) == replace(model, stored={}, versions={"r-a": 2, "r-b": 2})
    assert model.after([Act("POST", "l", "l"), Act("PUT", "l", "l")], new) is None
    linked = model.after([Act("POST", "k", "k"), Act("POST", "new", "", "0")], new)
    assert linked is not None
    assert linked.stored["2"].part_of == "r-a"
