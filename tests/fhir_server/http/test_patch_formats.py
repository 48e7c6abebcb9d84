import pytest

from fhir_server.errors import UnsupportedMedia
from fhir_server.http.negotiate import format_of_patch


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json-patch+json", "json-patch"),
        ("application/JSON-patch+json; charset=utf-8", "json-patch"),
        ("application/merge-patch+json", "merge-patch"),
        ("application/json", "json"),
        ("application/fhir+json; fhirVersion=4.0", "json"),
        ("application/fhir+xml; charset=UTF-8", "parameters"),
    ],
)
def test_the_language_of_a_patch(content_type: str, expected: str) -> None:
    assert format_of_patch(content_type) == expected


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/xml-patch+xml", "application/json-patch+json; charset=latin-1"]
)
def test_another_language_is_refused_with_those_that_are_known(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia) as refused:
        format_of_patch(content_type)
    assert dict(refused.value.headers)[b"accept-patch"].startswith(b"application/json-patch+json, ")
