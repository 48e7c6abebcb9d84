"""From the entries of a Bundle to requests."""

from dataclasses import dataclass
from typing import Any

import pytest

from fhir_server.access.actor import local_system
from fhir_server.catalog.catalog import Catalog, load
from fhir_server.errors import BadRequest, FhirError, Malformed, NotAllowed, NotFound, TooLarge, Unprocessable
from fhir_server.interactions.bundle_entries import Item, call_of, items, placed
from fhir_server.interactions.call import WHOLE_SYSTEM, Call
from fhir_server.network.ozo import DEFAULT_MODE, Mode

BASE = "https://hub.example/fhir"
CATALOG = load()


@dataclass
class Parts:
    base: str = BASE
    catalog: Catalog = CATALOG
    ozo: Mode = DEFAULT_MODE


class Prefer:
    def get(self, name: str, /) -> str:
        return "return=minimal" if name == "prefer" else "other"

    def __contains__(self, name: str, /) -> bool:
        return True


def made(method: str, url: str, resource: dict[str, Any] | None = None, **request: str) -> Call:
    outer = Call(Parts(), local_system(), "batch", WHOLE_SYSTEM, headers=Prefer())  # type: ignore[arg-type] # what is used of it
    return call_of(outer, Item(0, "", {"method": method, "url": url, **request}, resource))


def bundle(*entries: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "batch", "entry": list(entries)}


@pytest.mark.parametrize("url", ["Patient/a", "/Patient/a", "Patient/%61", f"{BASE}/Patient/a", "Patient/a?_pretty=true"])
def test_a_url_is_relative_or_below_the_base(url: str) -> None:
    for method, interaction in (("GET", "read"), ("DELETE", "delete")):
        call = made(method, url)
        assert (call.interaction, call.type, call.id) == (interaction, "Patient", "a")


@pytest.mark.parametrize(
    ("method", "url", "error"),
    [
        ("GET", "https://hub.example/fhirx/Patient/a", BadRequest),
        ("GET", "https://elsewhere.example/fhir/Patient/a", BadRequest),
        ("GET", "Nonsense/a", NotFound),
        ("GET", "Patient/%ff", BadRequest),
        ("GET", "Patient/999990019", BadRequest),
        ("GET", "Patient?name=%zz", BadRequest),
        ("GET", "metadata", NotAllowed),
        ("POST", "/", NotAllowed),
        ("POST", "Patient", BadRequest),
        ("PUT", "Patient/a", BadRequest),
        ("PUT", "Patient?name=x", BadRequest),
    ],
)
def test_requests_that_are_refused(method: str, url: str, error: type[FhirError]) -> None:
    with pytest.raises(error):
        made(method, url)


def test_the_query_may_hold_an_address() -> None:
    assert made("GET", "Patient?identifier=https://x.example/a|b%2Bc").parameters == [("identifier", "https://x.example/a|b+c")]


def test_the_conditions_of_an_entry_are_its_headers() -> None:
    headers = made("GET", "Patient/a", ifNoneMatch='W/"1"', ifModifiedSince="2026-11-22T03:00:00.123+01:00").headers
    assert headers.get("if-none-match") == 'W/"1"'
    assert headers.get("if-modified-since") == "Sun, 22 Nov 2026 02:00:00 GMT"
    assert headers.get("prefer") == "return=minimal"
    assert "if-match" not in headers, "what else came with the whole request is not that of the entry"


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "2026-06-30T23:59:60Z"])
def test_a_moment_that_no_calendar_has_is_no_condition(moment: str) -> None:
    assert made("GET", "Patient/a", ifModifiedSince=moment).headers.get("if-modified-since") == ""


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({"request": {"_method": {"extension": [{"url": "x:y", "valueCode": "a"}]}, "url": "a"}}, "Bundle.entry[1].request.method"),
        ({"request": 1}, "Bundle.entry[1].request"),
        ({"fullUrl": 1, "request": {"method": "GET", "url": "a"}}, "Bundle.entry[1].fullUrl"),
        ({"resource": [1], "request": {"method": "GET", "url": "a"}}, "Bundle.entry[1].resource"),
        ({"request": {"method": "GET", "url": "a", "ifModifiedSince": "x"}}, "Bundle.entry[1].request.ifModifiedSince"),
    ],
)
def test_an_entry_that_is_none(entry: dict[str, Any], place: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        items(bundle({"request": {"method": "GET", "url": "Patient/a"}}, entry), 2)
    assert refused.value.issues[0].expression == place


def test_as_many_as_may_be() -> None:
    three = bundle(*[{"request": {"method": "GET", "url": "Patient/a"}}] * 3)
    assert len(items(three, 3)) == 3
    with pytest.raises(TooLarge, match="3 entries; at most 2"):
        items(three, 2)


@pytest.mark.parametrize(
    ("expression", "place"),
    [
        ("", "Bundle.entry[3]"),
        ("Patient", "Bundle.entry[3].resource"),
        ("Patient.name[0].family", "Bundle.entry[3].resource.name[0].family"),
        ("resourceType", "Bundle.entry[3].resource.resourceType"),
        ("Bundle.entry.request.url", "Bundle.entry[3].request.url"),
    ],
)
def test_an_error_says_in_which_entry_it_is(expression: str, place: str) -> None:
    with pytest.raises(Malformed) as refused, placed(Item(3, "", {}, None)):
        raise Malformed("x", expression=expression)
    assert refused.value.issues[0].expression == place
