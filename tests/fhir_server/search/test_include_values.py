"""The values of _include and _revinclude."""

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.errors import BadRequest
from fhir_server.search.include import sources
from fhir_server.search.include_values import reversible
from fhir_server.search.parse import parse
from fhir_server.search.search import Include, Search
from fhir_server.search.tree import Or, ReferenceTo

CATALOG = load()


def search(type_: str, name: str, value: str) -> Search:
    return parse(CATALOG.types[type_], [(name, value)], catalog=CATALOG)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("CareTeam:patient", Include("CareTeam", "patient")),
        ("CareTeam:subject:Patient", Include("CareTeam", "subject", "Patient")),
        ("CareTeam:*", Include("CareTeam", "*")),
        ("*", Include("*", "*")),
    ],
)
def test_a_reverse_include(value: str, expected: Include) -> None:
    found = search("Patient", "_revinclude", value)
    assert (found.reverse, found.includes) == ((expected,), ())
    assert found.parameters == (("_revinclude", value),)


def test_iterate_may_start_at_any_type() -> None:
    assert search("Patient", "_include:iterate", "CareTeam:participant").includes == (
        Include("CareTeam", "participant", iterate=True),
    )
    assert search("Patient", "_include:iterate", "*").includes == (Include("*", "*", iterate=True),)
    assert search("Patient", "_revinclude:iterate", "Task:focus").reverse == (Include("Task", "focus", iterate=True),)


@pytest.mark.parametrize(
    ("type_", "name", "value", "says"),
    [
        ("Patient", "_revinclude", "CareTeam:participant:Practitioner", "leads from Patient"),
        (
            "Patient",
            "_revinclude",
            "CareTeam:managing-organization",
            "'_revinclude' of Patient can be Patient:link, RelatedPerson:patient",
        ),
        ("Patient", "_revinclude", "CareTeam:status", "'_revinclude' of Patient can be"),
        ("Patient", "_revinclude", "Condition:patient", "'_revinclude' of Patient can be"),
        ("Patient", "_revinclude", "Nothing:patient", "'_revinclude' of Patient can be"),
        ("Patient", "_revinclude:iterate", "Condition:patient", "'_revinclude:iterate' is Type:parameter"),
        ("Patient", "_include:iterate", "CareTeam:status", "'_include:iterate' is Type:parameter"),
        ("Patient", "_include", "CareTeam:participant", "from what was included, use :iterate"),
        ("Patient", "_include:iterate", "CareTeam:participant:Task", "CareTeam:participant points to"),
        ("Patient", "_revinclude:recurse", "CareTeam:patient", "takes no modifier but :iterate"),
    ],
)
def test_what_cannot_be_included_is_refused_with_what_can(type_: str, name: str, value: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        search(type_, name, value)


def test_the_ways_back_are_those_of_the_catalogue() -> None:
    found = list(reversible(CATALOG, "CommunicationRequest"))
    assert "Communication:part-of" in found
    assert "Task:based-on" in found
    assert not [each for each in found if CATALOG.types[each.partition(":")[0]].home == "federated"]


def test_a_search_per_type_finds_what_points_back() -> None:
    includes = [Include("CareTeam", "patient"), Include("CareTeam", "subject"), Include("RelatedPerson", "*", "Patient")]
    found = dict(sources(["Patient/1", "Practitioner/2"], includes, CATALOG))
    assert found == {
        "RelatedPerson": Or((ReferenceTo("patient", "Patient/1"),)),
        "CareTeam": Or((ReferenceTo("patient", "Patient/1"), ReferenceTo("subject", "Patient/1"))),
    }


def test_a_star_leads_back_to_no_federated_type() -> None:
    found = dict(sources(["Patient/1"], [Include("*", "*")], CATALOG))
    assert found
    assert not [name for name in found if CATALOG.types[name].home == "federated"]
