"""Catalogue, routes and CapabilityStatement say the same; what is federated cannot be written."""

import itertools

import pytest

from fhir_server.catalog.catalog import Entry, load
from fhir_server.errors import NotAllowed
from fhir_server.interactions.capabilities import statement
from fhir_server.interactions.handlers import HANDLERS
from fhir_server.interactions.route import route
from fhir_server.validation import validate

CATALOG = load()
REQUESTS = {
    "read": ("GET", ("x",)),
    "vread": ("GET", ("x", "_history", "1")),
    "history-instance": ("GET", ("x", "_history")),
    "history-type": ("GET", ("_history",)),
    "search-type": ("GET", ()),
    "create": ("POST", ()),
    "update": ("PUT", ("x",)),
    "patch": ("PATCH", ("x",)),
    "delete": ("DELETE", ("x",)),
}

OF_THE_SYSTEM = {"search-system", "history-system"}


def routed(entry: Entry) -> set[str]:
    found = set()
    for interaction, (method, rest) in REQUESTS.items():
        try:
            found.add(route(CATALOG, method, (entry.name, *rest)).interaction)
        except NotAllowed:
            assert interaction not in entry.interactions
    return found


@pytest.mark.parametrize("name", CATALOG.types)
def test_the_catalogue_is_what_is_routed_and_what_is_declared(name: str) -> None:
    declared = next(each for each in statement(CATALOG, "http://x/fhir")["rest"][0]["resource"] if each["type"] == name)
    assert {each["code"] for each in declared["interaction"]} == CATALOG.types[name].interactions == routed(CATALOG.types[name])
    searched = "search-type" in CATALOG.types[name].interactions
    assert [each["name"] for each in declared.get("searchParam", [])] == (list(CATALOG.types[name].search) if searched else [])
    assert declared.get("searchInclude", []) == [f"{name}:{code}" for code in CATALOG.types[name].includes if searched]
    assert set(declared.get("searchRevInclude", [])) == {
        f"{each.name}:{code}"
        for each in CATALOG.types.values()
        if each.is_stored and "search-type" in each.interactions
        for code in each.includes
        if name in each.search[code].targets and searched and CATALOG.types[name].is_stored
    }


def test_every_routed_interaction_has_a_handler() -> None:
    assert (
        HANDLERS.keys() - OF_THE_SYSTEM
        == REQUESTS.keys()
        == set(itertools.chain.from_iterable(each.interactions for each in CATALOG.types.values()))
    )


def test_what_is_asked_of_the_whole_system_is_declared() -> None:
    declared = {each["code"] for each in statement(CATALOG, "http://x/fhir")["rest"][0]["interaction"]}
    assert declared - {"batch", "transaction"} == OF_THE_SYSTEM == HANDLERS.keys() - REQUESTS.keys()
    assert {route(CATALOG, "GET", path).interaction for path in ((), ("_history",), ("Patient", "x", "*"))} == OF_THE_SYSTEM


def test_the_capability_statement_is_valid() -> None:
    assert [issue for issue in validate(statement(CATALOG, "http://x/fhir")) if issue.severity == "error"] == []


@pytest.mark.parametrize("name", [name for name, entry in CATALOG.types.items() if not entry.is_stored])
def test_what_is_not_stored_is_never_written(name: str) -> None:
    assert routed(CATALOG.types[name]) <= {"read", "search-type"}
