import pytest

from fhir_server.catalog.catalog import Catalog, load
from fhir_server.errors import BadRequest, NotAllowed, NotFound
from fhir_server.interactions.route import Route, route
from fhir_server.model.bsn import is_bsn


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "metadata", Route("capabilities")),
        ("HEAD", "metadata", Route("capabilities")),
        ("GET", "Patient", Route("search-type", "Patient")),
        ("POST", "Patient", Route("create", "Patient")),
        ("POST", "Patient/_search", Route("search-type", "Patient")),
        ("GET", "Patient/a-1.b", Route("read", "Patient", "a-1.b")),
        ("HEAD", "Patient/a", Route("read", "Patient", "a")),
        ("PUT", "Patient/a", Route("update", "Patient", "a")),
        ("DELETE", "Patient/a", Route("delete", "Patient", "a")),
        ("GET", "Patient/a/_history/12", Route("vread", "Patient", "a", 12)),
        ("GET", "Patient/a/_history", Route("history-instance", "Patient", "a")),
        ("HEAD", "Patient/_history", Route("history-type", "Patient")),
        ("PUT", "Patient", Route("update", "Patient")),
        ("PATCH", "Patient", Route("patch", "Patient")),
        ("DELETE", "Patient", Route("delete", "Patient")),
        ("GET", "Patient/a/CareTeam", Route("search-type", "CareTeam", within="Patient/a")),
        ("HEAD", "Practitioner/a/MedicationDispense", Route("search-type", "MedicationDispense", within="Practitioner/a")),
        ("POST", "Patient/a/CareTeam/_search", Route("search-type", "CareTeam", within="Patient/a")),
        ("GET", "MedicationDispense", Route("search-type", "MedicationDispense")),
        ("POST", "_search", Route("search-system")),
        ("GET", "_history", Route("history-system")),
        ("HEAD", "_history", Route("history-system")),
        ("GET", "Patient/a/*", Route("search-system", within="Patient/a")),
        ("HEAD", "Practitioner/a/*", Route("search-system", within="Practitioner/a")),
        ("POST", "Patient/a/_search", Route("search-system", within="Patient/a")),
        ("POST", "Patient/a/*/_search", Route("search-system", within="Patient/a")),
    ],
)
def test_paths_and_what_they_mean(catalog: Catalog, method: str, path: str, expected: Route) -> None:
    assert route(catalog, method, tuple(path.split("/"))) == expected


@pytest.mark.parametrize(
    "path",
    [
        *(
            "Nonsense",
            "patient",
            "Patient/a/b/c",
            "Patient/$nonsense",
            "Patient/a/_history/x",
            "Patient/a/_history/0",
            "Patient/a/_history/01",
            "Patient/_nonsense",
            "*",
            "_nonsense",
        ),
        *("_history/1", "Nonsense/a/*", "Patient/*/x", "Patient/a/*/x", "_search/x", "Patient/a/*/_history"),
    ],
)
def test_unknown_paths(catalog: Catalog, path: str) -> None:
    with pytest.raises(NotFound):
        route(catalog, "GET", tuple(path.split("/")))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "AuditEvent"),
        ("PUT", "MedicationDispense"),
        ("POST", "Patient/_history"),
        ("DELETE", "Patient/a/_history"),
        ("GET", "MedicationDispense/_history"),
        ("POST", "metadata"),
        ("POST", "MedicationDispense"),
        ("PUT", "MedicationDispense/x"),
        ("DELETE", "AuditEvent/x"),
        ("PUT", "AuditEvent/x"),
        ("GET", "Patient/_search"),
        ("GET", "_search"),
        ("POST", "_history"),
        ("DELETE", "_history"),
        ("POST", "Patient/a/*"),
        ("GET", "Patient/a/_search"),
    ],
)
def test_interactions_that_a_type_does_not_have(catalog: Catalog, method: str, path: str) -> None:
    with pytest.raises(NotAllowed):
        route(catalog, method, tuple(path.split("/")))


def test_the_base_itself_takes_bundles_and_searches(catalog: Catalog) -> None:
    assert route(catalog, "POST", ()) == Route("batch")
    assert route(catalog, "GET", ()) == route(catalog, "HEAD", ()) == Route("search-system")
    for method in ("PUT", "PATCH", "DELETE"):
        with pytest.raises(NotAllowed) as refused:
            route(catalog, method, ())
        assert refused.value.headers == ((b"allow", b"POST, GET, HEAD"),)


def test_types_make_a_read_a_search_of_the_compartment(catalog: Catalog) -> None:
    found = route(catalog, "GET", ("Patient", "a"), [("_type", "Task")])
    assert found == Route("search-system", within="Patient/a")
    assert route(catalog, "GET", ("Patient", "a"), [("_format", "json")]) == Route("read", "Patient", "a")
    assert route(catalog, "PUT", ("Patient", "a"), [("_type", "Task")]) == Route("update", "Patient", "a")


@pytest.mark.parametrize("id_", ["a_b", "é", "a" * 65, "a b", ".", ".."])
def test_ids_that_cannot_be(catalog: Catalog, id_: str) -> None:
    with pytest.raises(BadRequest):
        route(catalog, "GET", ("Patient", id_))


@pytest.mark.parametrize(
    "path",
    [
        "Patient/{}",
        "{}",
        "{}/Patient",
        "Patient/1/{}",
        "Patient/1/_history/{}",
        "Patient/{}/*",
        "Patient/1/_history/1/{}",
        "clients/{}",
    ],
)
def test_a_bsn_is_refused_anywhere_in_the_path(catalog: Catalog, path: str) -> None:
    with pytest.raises(BadRequest) as refused:
        route(catalog, "GET", tuple(path.format("999990019").split("/")))
    assert "999990019" not in refused.value.text
    assert refused.value.issues[0].detail == "bsn-in-url"


@pytest.mark.parametrize(
    ("text", "expected"), [("999990019", True), ("999990018", False), ("99999001", False), ("99999001x", False)]
)
def test_the_eleven_test(text: str, expected: bool) -> None:  # noqa: FBT001
    assert is_bsn(text) is expected
