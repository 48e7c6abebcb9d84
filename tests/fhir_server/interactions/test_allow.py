"""What a refused method is told."""

import pytest

from fhir_server.catalog.catalog import load
from fhir_server.errors import NotAllowed, NotFound
from fhir_server.interactions.allow import routed

CATALOG = load()


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("OPTIONS", "metadata", "GET, HEAD"),
        ("POST", "metadata", "GET, HEAD"),
        ("POST", "Patient/1", "GET, HEAD, PUT, PATCH, DELETE"),
        ("OPTIONS", "Patient", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ("PUT", "MedicationDispense/1", "GET, HEAD"),
        ("POST", "MedicationDispense", "GET, HEAD"),
        ("DELETE", "AuditEvent/1", "GET, HEAD"),
        ("PUT", "Patient/1/_history", "GET, HEAD"),
        ("DELETE", "Patient/1/_history/2", "GET, HEAD"),
        ("GET", "Patient/_search", "POST"),
        ("PUT", "Patient/1/CareTeam", "GET, HEAD"),
        ("GET", "Binary", "POST, PUT, PATCH, DELETE"),
        ("GET", "AuditEvent/1/_history", ""),
    ],
)
def test_the_methods_that_are_possible(method: str, path: str, expected: str) -> None:
    with pytest.raises(NotAllowed) as refused:
        routed(CATALOG, method, tuple(path.split("/")))
    assert dict(refused.value.headers)[b"allow"].decode() == expected


def test_where_there_is_nothing_no_method_is_told() -> None:
    with pytest.raises(NotFound):
        routed(CATALOG, "OPTIONS", ("Nonsense",))
