"""By what resources are counted: the row that a resource has, and the searches that ask for such rows."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhir_server.catalog.catalog import load
from fhir_server.network.circle import circle
from fhir_server.search.extract import extract
from fhir_server.search.parse import parse
from fhir_server.search.rows import key
from fhir_server.search.tally import ONE_BY_ONE, tally

CATALOG = load()
TASK = CATALOG.types["Task"]
BASE = "https://hub.example/fhir"
Json = dict[str, Any]


def indexed(resource: Json) -> tuple[tuple[int, int, int], ...]:
    return extract({"resourceType": "Task", "id": "t", "intent": "order", **resource}, TASK, BASE).tallies


def test_a_task_is_counted_under_its_owner_and_status_by_dossier() -> None:
    made = {"status": "requested", "owner": {"reference": "Practitioner/p"}, "for": {"reference": f"{BASE}/Patient/1"}}
    (row,) = indexed(made)
    assert row == (key("Task", "owner$status", "Practitioner/p", "requested"), key("Patient/1"), 0)
    asked = parse(TASK, [("owner", "Practitioner/p"), ("status", "requested")]).query
    assert tally(asked, TASK.tally) == ((row[0],), ("Practitioner/p",))
    for missing in ("status", "owner"):
        assert indexed({name: value for name, value in made.items() if name != missing}) == ()
    assert indexed(made | {"owner": {"reference": "#p"}}) == indexed(made | {"owner": {"display": "somebody"}}) == ()
    assert indexed({name: value for name, value in made.items() if name != "for"}) == ((row[0], ONE_BY_ONE, 0),)


literals = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(("", "", f"{BASE}/", "https://else.example/fhir/", "#")),
        st.sampled_from(("Patient/1", "Practitioner/p", "Practitioner", "urn:uuid:1", "Patient/%", "CareTeam/t")),
        st.sampled_from(("", "", "/_history/2", "/_history/?", "#part", "|1", "/")),
    ),
)


@given(literals, literals)
@example("Practitioner/p", "Practitioner/_history/2")
def test_who_is_counted_in_a_dossier_stands_in_the_circle(owner: str, patient: str) -> None:
    """Otherwise a membership would not be enough for seeing them all (``storage/tally``)."""
    made = {"status": "requested", "owner": {"reference": owner}, "for": {"reference": patient}}
    task = {"resourceType": "Task", "id": "t", "intent": "order", **made}
    found = extract(task, TASK, BASE)
    for at, dossier, _ in found.tallies:
        assert dossier in {ONE_BY_ONE, key(found.dossier)}
        if dossier != ONE_BY_ONE:
            assert at in {key("Task", "owner$status", member, "requested") for member in circle(task, BASE).members}
    target = {row.key for row in found.rows}
    people = ("Patient/1", "Practitioner/p", "CareTeam/t")
    counted = {each for each in people if key("Task", "owner$status", each, "requested") in {row.key for row in found.tallies}}
    assert counted == {each for each in people if key("Task", "owner", each) in target}, "what a search finds is counted"


def test_only_tasks_are_counted_so() -> None:
    """Whoever adds a type sees to it that its circle has whom the reference names."""
    assert {name: each.tally for name, each in CATALOG.types.items() if each.tally} == {"Task": ("owner", "status")}


@pytest.mark.parametrize(
    ("parameters", "number"),
    [
        ([("owner", "Practitioner/p"), ("status", "requested")], 1),
        ([("status", "requested"), ("owner", "Practitioner/p")], 1),
        ([("owner:Practitioner", "p"), ("status", "|requested")], 1),
        ([("owner", "Practitioner/p,CareTeam/t"), ("status", "requested,accepted")], 4),
        ([("owner", "p"), ("status", "requested")], 8),
        ([("owner", "p"), ("status", "requested,accepted")], 0),
        ([("owner", "Practitioner/p")], 0),
        ([("owner", "Practitioner/p"), ("owner", "CareTeam/t")], 0),
        ([("status", "requested"), ("status", "accepted")], 0),
        ([("owner", "Practitioner/p"), ("status:not", "requested")], 0),
        ([("owner", "Practitioner/p"), ("intent", "order")], 0),
        ([("owner:identifier", "s|p"), ("status", "requested")], 0),
        ([("requester", "Practitioner/p"), ("status", "requested")], 0),
        ([("owner", "Practitioner/p"), ("status", "requested"), ("intent", "order")], 0),
        ([("owner", "Practitioner/p"), ("status", "requested"), ("_id", "1")], 0),
        ([], 0),
    ],
)
def test_which_searches_are_counted_so(parameters: list[tuple[str, str]], number: int) -> None:
    query = parse(TASK, parameters).query
    found = tally(query, TASK.tally)
    assert (len(found.keys) if found else 0) == number
    assert tally(query, ()) is None
