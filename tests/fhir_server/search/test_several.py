"""The parameters of a search over several types."""

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.errors import BadRequest
from fhir_server.search.parse import parse
from fhir_server.search.search import Include
from fhir_server.search.several import Several, elsewhere, kept, named, parse_several
from fhir_server.search.tree import Sort

CATALOG = load()


def read(types: str, *parameters: tuple[str, str], strict: bool = True) -> Several:
    asked = named([("_type", types)], CATALOG) if types else kept(CATALOG)
    return parse_several(list(asked), parameters, CATALOG, strict=strict, base="http://x/fhir", limit=100, in_url=True)


def test_each_type_is_searched_as_if_it_was_alone() -> None:
    found = read("Task,Communication,CareTeam", ("patient", "a"), ("status:not", "draft"), ("_count", "7"))
    assert list(found.searches) == ["Task", "Communication", "CareTeam"]
    for name, search in found.searches.items():
        alone = parse(CATALOG.types[name], [("patient", "a"), ("status:not", "draft")], base="http://x/fhir", catalog=CATALOG)
        assert (search.query.where, search.query.type) == (alone.query.where, name)
        assert (search.query.sort, search.query.count) == (Sort("_lastUpdated", descending=True), 7)
    assert found.answer.parameters == (("patient", "a"), ("status:not", "draft"), ("_count", "7"))


def test_all_types_that_are_kept_share_what_every_resource_has() -> None:
    found = read("", ("_tag", "a"), ("_id", "b"), ("_lastUpdated", "ge2024"), ("_profile", "http://x"), ("_security", "c"))
    assert set(found.searches) == {
        name for name, entry in CATALOG.types.items() if entry.is_stored and "search-type" in entry.interactions
    }


@pytest.mark.parametrize(
    ("types", "name", "value"),
    [
        ("", "name", "x"),
        ("", "patient", "x"),
        ("", "identifier", "x"),
        ("Task,Location", "patient", "x"),
        ("Task,Location", "patient.name", "x"),
        ("Task,CareTeam", "_sort", "date"),
        ("Task,CareTeam", "_sort", "-_id"),
        ("Task,CareTeam", "_sort", "_lastUpdated,_id"),
        ("Task", "_sort:x", "_lastUpdated"),
        ("Task,CareTeam", "_has:CareTeam:patient:status", "active"),
        ("", "_has:Provenance:target:agent", "x"),
        ("Task", "_include", "CareTeam:patient"),
        ("Task", "_include:x", "*"),
        ("Task", "_revinclude", "CareTeam:patient"),
        ("Task", "_contained", "x"),
        ("Task", "_count", "x"),
        ("Task", "_tag", ""),
        ("Patient,RelatedPerson", "identifier", "999990019"),
    ],
)
def test_what_is_refused(types: str, name: str, value: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(types, (name, value))
    assert "999990019" not in refused.value.text


def test_what_is_unknown_is_told() -> None:
    with pytest.raises(BadRequest, match=r"A search of these types together has no search parameter 'patient'; it has .*_tag"):
        read("Task,Location", ("patient", "x"))
    lenient = read("Task,Location", ("patient", "x"), ("_nonsense", "y"), strict=False).answer
    assert [each.severity for each in lenient.warnings] == ["warning", "warning"]
    assert lenient.parameters == ()
    assert len(read("Task", ("_nonsense", "y")).answer.warnings) == 1


def test_what_comes_along_is_that_of_any_of_the_types() -> None:
    found = read("Task,CareTeam", ("_include", "CareTeam:patient"), ("_revinclude", "Task:focus"), ("_include:iterate", "*")).answer
    assert found.includes == (Include("CareTeam", "patient"), Include("*", "*", iterate=True))
    assert found.reverse == (Include("Task", "focus"),)
    assert len(found.parameters) == 3


@pytest.mark.parametrize("sort", ["_lastUpdated", "-_lastUpdated"])
def test_the_one_order_there_is(sort: str) -> None:
    expected = Sort("_lastUpdated", descending=sort.startswith("-"))
    found = read("Task,CareTeam", ("_sort", sort))
    assert {found.answer.query.sort, *(each.query.sort for each in found.searches.values())} == {expected}


def test_what_is_federated_is_told() -> None:
    issue = elsewhere(named([("_type", "Condition,Task,Goal")], CATALOG))
    assert [each.severity for each in issue] == ["warning"]
    assert issue[0].text.startswith("Condition, Goal: ")
    assert elsewhere(named([("_type", "Task")], CATALOG)) == ()
    assert named([("name", "x")], CATALOG) == ()
