import pytest

from fhir_server.errors import BadRequest, NotAcceptable, UnsupportedMedia
from fhir_server.http.negotiate import Wanted, accepted, format_of_body, wanted


@pytest.mark.parametrize(
    ("accept", "parameters", "expected"),
    [
        ("", [], Wanted("json")),
        ("*/*", [], Wanted("json")),
        ("application/fhir+json", [], Wanted("json")),
        ("application/fhir+xml", [], Wanted("xml")),
        ("text/html, application/xml;q=0.9, */*;q=0.8", [], Wanted("xml")),
        ("application/fhir+json;q=0.5, application/fhir+xml", [], Wanted("xml")),
        ("application/fhir+json; fhirVersion=4.0", [], Wanted("json")),
        ("application/fhir+xml;q=0, */*;q=0.1", [], Wanted("json")),
        ("text/html", [("_format", "xml")], Wanted("xml")),
        ("application/fhir+xml", [("_format", "json")], Wanted("json")),
        ("", [("_format", "application/fhir xml")], Wanted("xml")),
        ("", [("_pretty", "true")], Wanted("json", pretty=True)),
        ("", [("_pretty", "false")], Wanted("json")),
        ("application/fhir+json;q=0, */*", [], Wanted("xml")),
        ("*/*, application/fhir+xml", [], Wanted("xml")),
        ("application/fhir+json; fhirVersion=5.0, application/fhir+xml; fhirVersion=4.0", [], Wanted("xml")),
        ('application/fhir+xml; fhirVersion="4.0.1"', [], Wanted("xml")),
        ("application/fhir+xml; FHIRVersion=3.0, */*;q=0.1", [], Wanted("json")),
        ("TEXT/XML", [], Wanted("xml")),
        (" , ", [], Wanted("json")),
        ("", [("_format", "text/json")], Wanted("json")),
        ("", [("_format", "application/xml")], Wanted("xml")),
        ("", [("_format", "application/fhir+xml; fhirVersion=4.0")], Wanted("xml")),
    ],
)
def test_the_format_of_the_answer(accept: str, parameters: list[tuple[str, str]], expected: Wanted) -> None:
    assert wanted(accept, parameters) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "text/turtle",
        "application/fhir+json;q=0",
        "application/fhir+json; fhirVersion=5.0",
        "text/html",
        "*/*;q=0",
        "application/fhir+json;q=7",
    ],
)
def test_a_format_that_is_not_spoken_is_not_acceptable(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        wanted(accept, [])


@pytest.mark.parametrize("named", ["turtle", "text/html", "html", "", "application/fhir+json; fhirVersion=3.0"])
def test_a_parameter_that_names_none_is_wrong(named: str) -> None:
    with pytest.raises(BadRequest) as refused:
        wanted("application/fhir+json", [("_format", named)])
    assert refused.value.issues[0].detail == "format-not-supported"


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/fhir+json", "json"),
        ("application/json; charset=UTF-8", "json"),
        ("application/fhir+xml; charset=utf-8", "xml"),
        ("text/xml", "xml"),
    ],
)
def test_the_format_of_a_body(content_type: str, expected: str) -> None:
    assert format_of_body(content_type) == expected


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/fhir+json; charset=latin-1", "application/fhir+xml; fhirVersion=3.0", "multipart/form-data"],
)
def test_a_body_in_another_format_is_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        format_of_body(content_type)


def test_pretty_or_not() -> None:
    with pytest.raises(BadRequest):
        wanted("", [("_pretty", "nicely")])


@pytest.mark.parametrize(
    ("accept", "expected"), [("application/fhir+xml", Wanted("xml")), ("", Wanted()), ("text/turtle", Wanted()), (";;;", Wanted())]
)
def test_what_fails_early_is_told_in_the_accepted_format(accept: str, expected: Wanted) -> None:
    assert accepted(accept) == expected
