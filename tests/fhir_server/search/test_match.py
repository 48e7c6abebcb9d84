"""The tree in memory, against an evaluation that reads the JSON directly."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir_server.catalog.catalog import load
from fhir_server.search.match import compares, matches
from fhir_server.search.order import order
from fhir_server.search.parse import parse
from fhir_server.search.tree import And, Chain, Dossier, Everything, Has, Id, MemberOf, Node, Nothing, Or, Sort, TeamMate, Token
from fhir_server.search.values import normalise, span

TYPES = load().types
BASE = "https://hub.example/fhir"
Json = dict[str, Any]

CODES = ("a", "b", "A")
SYSTEMS = ("https://a.example/s", "https://a.example/t", "")
IDS = ("1", "2")
DATES = (
    "2026",
    "2026-05",
    "2026-05-20",
    "2026-05-20T08:00:00Z",
    "2026-05-20T10:00:00+02:00",
    "2026-05-20T10:00:00.500+02:00",
    "2025-12-31",
)
NAMES = ("Zoë", "zoe", "Zoetermeer", "de Vries", "Ravenstein de Zoë")
LITERALS = tuple(f"{prefix}{type_}/{id_}" for prefix in ("", f"{BASE}/") for type_ in ("Practitioner", "Patient") for id_ in IDS)


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


CODING = st.builds(
    lambda system, code: {"code": code} | ({"system": system} if system else {}), st.sampled_from(SYSTEMS), st.sampled_from(CODES)
)
CONCEPT = st.builds(lambda codings: {"coding": codings}, st.lists(CODING, max_size=2))
REFERENCE = st.builds(lambda literal: {"reference": literal}, st.sampled_from(LITERALS))
DATE = st.sampled_from(DATES)
META = st.builds(
    lambda updated: {"lastUpdated": updated}, st.sampled_from(("2026-05-20T08:00:00.000Z", "2026-05-20T08:00:00.500Z"))
)
TASK = st.builds(
    lambda fields: {"resourceType": "Task", **fields},
    st.fixed_dictionaries(
        {"id": st.sampled_from(IDS), "meta": META},
        optional={
            "status": st.sampled_from(CODES),
            "code": CONCEPT,
            "owner": REFERENCE,
            "for": REFERENCE,
            "authoredOn": DATE,
            "executionPeriod": optional(start=DATE, end=DATE).filter(bool),
        },
    ),
)
PRACTITIONER = st.builds(
    lambda names: {"resourceType": "Practitioner", "id": "1", "name": names},
    st.lists(optional(family=st.sampled_from(NAMES), given=st.lists(st.sampled_from(NAMES), max_size=2)), max_size=2),
)

Check = Callable[[Json], bool]


def literals(resource: Json, field: str) -> Iterator[str]:
    if field in resource:
        yield resource[field]["reference"].removeprefix(f"{BASE}/")


def token(resource: Json, system: str | None, code: str) -> bool:
    codings = resource.get("code", {}).get("coding", [])
    return any(one["code"] == code and (system is None or one.get("system", "") == system) for one in codings)


def ranges(resource: Json, field: str) -> Iterator[tuple[float, float]]:
    if field == "authoredOn" and field in resource:
        yield span(resource[field])
    if field == "executionPeriod" and field in resource:
        period = resource[field]
        start = span(period["start"]).low if "start" in period else float("-inf")
        yield start, span(period["end"]).high if "end" in period else float("inf")


def compared(prefix: str, query: tuple[int, int], value: tuple[float, float]) -> bool:
    """The words of the specification, one after another."""
    (low, high), (start, end) = query, value
    equal = start >= low and end <= high
    above, below = end > high, start < low
    return {
        "": equal, "eq": equal, "ne": not equal, "gt": above, "lt": below, "ge": above or equal, "le": below or equal,
        "sa": start >= high, "eb": end <= low,
    }[prefix]  # fmt: skip


FIELDS = {"status": "status", "code": "code", "owner": "owner", "authored-on": "authoredOn"}


@st.composite
def task_conditions(draw: st.DrawFn) -> tuple[tuple[str, str], Check]:
    kind = draw(st.sampled_from(("status", "code", "missing", "owner", "patient", "authored-on", "period", "_lastUpdated", "_id")))
    if kind == "status":
        wanted = draw(st.lists(st.sampled_from(CODES), min_size=1, max_size=2))
        if draw(st.booleans()):
            return ("status:not", ",".join(wanted)), lambda resource: resource.get("status") not in wanted
        return ("status", ",".join(wanted)), lambda resource: resource.get("status") in wanted
    if kind == "code":
        system, code = draw(st.none() | st.sampled_from(SYSTEMS)), draw(st.sampled_from(CODES))
        return ("code", code if system is None else f"{system}|{code}"), lambda resource: token(resource, system, code)
    if kind == "missing":
        param = draw(st.sampled_from(tuple(FIELDS)))
        missing = draw(st.booleans())
        return (f"{param}:missing", str(missing).lower()), lambda resource: (FIELDS[param] not in resource) is missing
    if kind == "owner":
        literal = draw(st.sampled_from(LITERALS))
        return ("owner", literal), lambda resource: literal.removeprefix(f"{BASE}/") in literals(resource, "owner")
    if kind == "patient":
        id_ = draw(st.sampled_from(IDS))
        return ("patient", id_), lambda resource: f"Patient/{id_}" in literals(resource, "for")
    if kind == "_id":
        ids = draw(st.lists(st.sampled_from(("1", "2", "3")), min_size=1, max_size=2))
        return ("_id", ",".join(ids)), lambda resource: resource["id"] in ids
    prefix, date = draw(st.sampled_from(("", "eq", "ne", "gt", "ge", "lt", "le", "sa", "eb"))), draw(DATE)
    if kind == "_lastUpdated":
        return (kind, prefix + date), lambda resource: compared(prefix, span(date), span(resource["meta"]["lastUpdated"]))
    field = {"authored-on": "authoredOn", "period": "executionPeriod"}[kind]
    return (kind, prefix + date), lambda resource: any(compared(prefix, span(date), one) for one in ranges(resource, field))


@settings(max_examples=examples(300))
@given(TASK, st.lists(task_conditions(), max_size=3))
def test_a_task_matches_when_all_its_conditions_hold(resource: Json, conditions: list[tuple[tuple[str, str], Check]]) -> None:
    where = parse(TYPES["Task"], [parameter for parameter, _ in conditions], base=BASE).query.where
    assert matches(where, resource, TYPES["Task"], BASE) == all(check(resource) for _, check in conditions)


def practitioner_names(resource: Json) -> Iterator[str]:
    for name in resource["name"]:
        yield from name.get("given", [])
        if "family" in name:
            yield name["family"]


@settings(max_examples=examples(150))
@given(PRACTITIONER, st.sampled_from(("", ":exact", ":contains")), st.sampled_from(("zo", "Zoë", "vries", "de", "Zoe", "x")))
def test_a_name_is_compared_part_by_part(resource: Json, modifier: str, value: str) -> None:
    entry = TYPES["Practitioner"]
    where = parse(entry, [(f"name{modifier}", value)]).query.where
    tests: dict[str, Callable[[str], bool]] = {
        "": lambda part: normalise(part).startswith(normalise(value)),
        ":exact": lambda part: part == value,
        ":contains": lambda part: normalise(value) in normalise(part),
    }
    assert matches(where, resource, entry) == any(tests[modifier](part) for part in practitioner_names(resource))


TASK_1: Json = {
    "resourceType": "Task",
    "id": "1",
    "status": "requested",
    "code": {"coding": [{"system": "https://a.example/s", "code": "x"}]},
    "for": {"reference": "Patient/p1"},
    "owner": {"reference": "Practitioner/d1", "identifier": {"system": "https://a.example/i", "value": "7"}},
}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("code", "https://a.example/s|", True),
        ("code", "https://a.example/t|", False),
        ("code", "|x", False),
        ("owner:identifier", "https://a.example/i|7", True),
        ("owner:identifier", "https://a.example/i|", True),
        ("owner:identifier", "https://a.example/j|7", False),
        ("owner:Practitioner", "d1", True),
        ("owner:Patient", "d1", False),
        ("subject", "Patient/p1", True),
        ("status", "http://hl7.org/fhir/task-status|requested", True),
        ("_profile", "http://a.example/p", False),
        ("_profile:missing", "true", True),
        ("code:not", "https://a.example/s|x", False),
        ("code:not", "https://a.example/t|x", True),
        ("priority:not", "stat", True),
        ("priority:missing", "true", True),
        ("owner:missing", "false", True),
    ],
)
def test_one_parameter(name: str, value: str, *, expected: bool) -> None:
    assert matches(parse(TYPES["Task"], [(name, value)]).query.where, TASK_1, TYPES["Task"]) is expected


def test_and_or_everything_nothing_dossier_and_id() -> None:
    entry = TYPES["Task"]
    yes, no = Everything(), Nothing()
    assert [matches(And(parts), TASK_1, entry) for parts in ((), (yes, yes), (yes, no))] == [True, True, False]
    assert [matches(Or(parts), TASK_1, entry) for parts in ((), (no, no), (yes, no))] == [False, False, True]
    assert [matches(Dossier(ids), TASK_1, entry) for ids in (("Patient/p1",), ("Patient/p2",), ())] == [True, False, False]
    assert [matches(Id(ids), TASK_1, entry) for ids in (("1", "2"), ("2",))] == [True, False]


@pytest.mark.parametrize(
    "node",
    [
        MemberOf(("Practitioner/d1",), 0),
        TeamMate(("Practitioner/d1",), 0),
        Chain("owner", "Practitioner", Everything()),
        Has("Communication", "part-of", Everything()),
    ],
)
def test_membership_and_links_are_questions_for_the_store(node: Node) -> None:
    with pytest.raises(ValueError, match="can only be answered by the store"):
        matches(And((Token("status", "requested"), node)), TASK_1, TYPES["Task"])


@given(st.integers(0, 6), st.integers(1, 4), st.integers(0, 6), st.integers(1, 4))
def test_the_prefixes_agree_with_each_other(low: int, width: int, start: int, length: int) -> None:
    def holds(prefix: Any) -> bool:
        return compares(prefix, low, low + width, start, start + length)

    assert holds("ne") != holds("eq")
    assert holds("ge") == (holds("gt") or holds("eq"))
    assert holds("le") == (holds("lt") or holds("eq"))
    assert not holds("sa") or holds("gt")
    assert not holds("eb") or holds("lt")
    assert holds("eq") or holds("gt") or holds("lt")


def task(id_: str, updated: str, authored: str = "") -> Json:
    status = {"a": "requested", "b": "completed", "d": "Requested"}.get(id_)
    found = {"authoredOn": authored, "status": status}
    return {"resourceType": "Task", "id": id_, "meta": {"lastUpdated": updated}} | {k: v for k, v in found.items() if v}


TASKS = [
    task("a", "2026-05-03T00:00:00Z", "2026-01-02"),
    task("b", "2026-05-01T00:00:00Z", "2026-01-03"),
    task("c", "2026-05-02T00:00:00Z"),
    task("d", "2026-05-04T00:00:00Z", "2026-01-02"),
]


def test_what_a_source_gives_without_a_date_comes_last() -> None:
    found: list[Json] = [{"resourceType": "Task", "id": "x"}, {"resourceType": "Task", "id": "y", "authoredOn": "2026"}]
    for descending in (True, False):
        assert [each["id"] for each in order(found, Sort("main", descending), TYPES["Task"])] == ["y", "x"]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort("main", descending=True), "cbda"),
        (Sort("main", descending=False), "adbc"),
        (Sort("_lastUpdated", descending=True), "dacb"),
        (Sort("_lastUpdated", descending=False), "bcad"),
        (Sort("date", descending=False, param="authored-on"), "adbc"),
        (Sort("date", descending=True, param="authored-on"), "bdac"),
        (Sort("date", descending=True, param="period"), "dcba"),
        (Sort("_id", descending=True), "dcba"),
        (Sort("token", descending=False, param="status", then=(Sort("_id", descending=True),)), "bdac"),
        (Sort("token", descending=True, param="status", then=(Sort("_lastUpdated", descending=False),)), "adbc"),
        (Sort("token", descending=True, param="priority", then=(Sort("main", descending=False),)), "adbc"),
    ],
)
def test_order(sort: Sort, expected: str) -> None:
    assert "".join(resource["id"] for resource in order(TASKS, sort, TYPES["Task"])) == expected
