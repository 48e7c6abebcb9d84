"""What a data service takes, and by what it narrows a search."""

import pytest

from fhir_server.errors import BadRequest, FhirError, Forbidden, NotAllowed
from fhir_server.interactions.route import Route
from fhir_server.medmij.catalogue import services
from fhir_server.medmij.service.asked import asked_of

SERVICE = services()["9000000012"]
TA = ("category", "http://snomed.info/sct|422037009")
MVE = ("category", "http://snomed.info/sct|373784005")
SEARCH = Route("search-type", "MedicationDispense")


@pytest.mark.parametrize("given", [[], [TA], [TA, MVE], [("_format", "xml")], [("_page", "token")], [("_count", "5"), TA]])
def test_every_search_is_narrowed(given: list[tuple[str, str]]) -> None:
    assert asked_of(SERVICE, "GET", SEARCH, given) == (TA,)


def test_a_read_is_not() -> None:
    assert asked_of(SERVICE, "HEAD", Route("read", "Medication", "x"), [("_format", "json")]) == ()


@pytest.mark.parametrize(
    ("method", "route", "given", "error"),
    [
        ("GET", SEARCH, [MVE], Forbidden),
        ("GET", SEARCH, [("category", f"{TA[1]},{MVE[1]}")], Forbidden),
        ("GET", SEARCH, [("category:not", TA[1])], BadRequest),
        ("GET", SEARCH._replace(within="Patient/x"), [TA], Forbidden),
        ("GET", SEARCH._replace(type="MedicationRequest"), [], Forbidden),
        ("GET", Route("read", "Location", "x"), [], Forbidden),
        ("GET", Route("read", "Medication", "x"), [("_elements", "id")], BadRequest),
        ("GET", Route("vread", "Medication", "x", 1), [], Forbidden),
        ("GET", Route("history-instance", "Medication", "x"), [], Forbidden),
        ("POST", SEARCH, [TA], NotAllowed),
        ("DELETE", Route("delete", "Medication", "x"), [], NotAllowed),
        ("GET", SEARCH, [("_count", "00")], BadRequest),
        ("GET", SEARCH, [("_include:recurse", "PractitionerRole:organization")], BadRequest),
        ("GET", SEARCH, [("patient", "Patient/x")], BadRequest),
        ("GET", SEARCH, [("subject.name", "x")], BadRequest),
        ("GET", SEARCH, [("identifier", "x|999990019")], BadRequest),
    ],
)
def test_the_rest_is_refused(method: str, route: Route, given: list[tuple[str, str]], error: type[FhirError]) -> None:
    with pytest.raises(error):
        asked_of(SERVICE, method, route, given)
