"""Which requests count as the same words, and for whom what they mean is kept."""

from typing import Any

import pytest

from fhir_server.access.actor import Actor
from fhir_server.http.negotiate import Wanted
from fhir_server.http.request import Headers
from fhir_server.http.usual import Usual, UsualRequests, Words

NURSE = Actor("Practitioner/n", "practitioner", (), purpose="TREAT")
DAUGHTER = Actor("RelatedPerson/d", "related-person", (), purpose="PATRQT")
EMERGENCY = Actor("Practitioner/n", "practitioner", (), purpose="BTG")
READ = Usual("read", "Task", (), Wanted(), compress=False, unstored=False)


def words(path: str, query: str = "", method: str = "GET", **headers: str) -> Words | None:
    scope: dict[str, Any] = {"method": method, "raw_path": path.encode(), "query_string": query.encode()}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return UsualRequests("/fhir", ["Task", "Patient"]).words(scope, Headers(raw))


def test_reads_of_a_type_differ_in_the_id_alone() -> None:
    one, other = words("/fhir/Task/one"), words("/fhir/Task/two-2.b")
    assert one is not None
    assert other is not None
    assert (one[0], one[1], other[1]) == (other[0], "one", "two-2.b")
    assert words("/fhir/Patient/one") != one


def test_searches_differ_in_their_query() -> None:
    some, more = words("/fhir/Task", "status=requested"), words("/fhir/Task", "status=completed")
    assert some is not None
    assert some[1] == ""
    assert some == words("/fhir/Task", "status=requested", host="elsewhere", authorization="Bearer x", if_none_match='W/"1"')
    assert len({some, more, words("/fhir/Task"), words("/fhir/Patient", "status=requested")}) == 4


@pytest.mark.parametrize("header", ["accept", "accept_encoding", "cache_control"])
def test_what_says_how_to_answer_is_among_the_words(header: str) -> None:
    assert words("/fhir/Task/one", **{header: "application/fhir+xml"}) not in {words("/fhir/Task/one"), None}


@pytest.mark.parametrize(
    ("path", "query", "method"),
    [
        ("/fhir/Task/one", "", "HEAD"),
        ("/fhir/Task", "", "POST"),
        ("/fhir/Task/one", "", "DELETE"),
        ("/fhir/Task/one", "_summary=true", "GET"),
        ("/fhir/Task/one/", "", "GET"),
        ("/fhir/Task/one/_history", "", "GET"),
        ("/fhir/Task/_history", "", "GET"),
        ("/fhir/Task/$status", "", "GET"),
        ("/fhir/Task/o%6Ee", "", "GET"),
        ("/fhir/Task/" + "a" * 65, "", "GET"),
        ("/fhir/Task/999911120", "", "GET"),
        ("/fhir/Task", "_page=abc", "GET"),
        ("/fhir/Task", "a" * 2001, "GET"),
        ("/fhir/Unknown/one", "", "GET"),
        ("/fhir/metadata", "", "GET"),
        ("/fhir", "", "GET"),
        ("/elsewhere/Task/one", "", "GET"),
    ],
)
def test_anything_else_is_looked_at_each_time(path: str, query: str, method: str) -> None:
    assert words(path, query, method) is None


def test_what_was_admitted_is_known_for_the_role_and_never_in_an_emergency() -> None:
    requests, asked = UsualRequests("/fhir", ["Task"]), words("/fhir/Task/one")
    assert asked is not None
    assert requests.meant(asked, NURSE) is None
    requests.keep(asked, EMERGENCY, READ)
    assert requests.meant(asked, NURSE) is None
    requests.keep(asked, NURSE, READ)
    assert requests.meant(asked, NURSE) is READ
    assert requests.meant(asked, EMERGENCY) is None
    assert requests.meant(asked, DAUGHTER) is None


def test_only_reads_and_searches_of_a_type_are_kept_and_not_without_end() -> None:
    requests, asked = UsualRequests("/fhir", ["Task"]), words("/fhir/Task/one")
    assert asked is not None
    requests.keep(asked, NURSE, READ._replace(interaction="search-system"))
    assert requests.meant(asked, NURSE) is None
    for number in range(5_000):
        requests.keep((("/fhir/Task", number), ""), NURSE, READ)
    assert len(requests._known) <= 2048
