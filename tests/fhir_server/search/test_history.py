"""The parameters of a history."""

import pytest

from fhir_server.errors import BadRequest
from fhir_server.search.history import Wanted, read
from fhir_server.search.values import span
from fhir_server.search.versions import Versions

START = Versions("Task", "x")


def asked(*parameters: tuple[str, str], strict: bool = True) -> Wanted:
    return read(START, parameters, limit=100, strict=strict)


def test_without_parameters_it_is_everything_in_pages() -> None:
    assert asked() == Wanted(Versions("Task", "x", count=20))
    assert read(Versions("Task"), (), limit=5).versions == Versions("Task", count=5)


def test_since_is_where_the_given_time_begins() -> None:
    assert asked(("_since", "2026-03-01T10:00:00Z")).versions.since == span("2026-03-01T10:00:00Z").low
    assert asked(("_since", "2026-03")).versions.since == span("2026-03-01T00:00:00+01:00").low


def test_at_is_all_of_the_given_time() -> None:
    assert asked(("_at", "2026-03-01")).versions.at == tuple(span("2026-03-01"))


@pytest.mark.parametrize(("value", "count", "only"), [("7", 7, False), ("0", 0, True), ("1000", 100, False)])
def test_count(value: str, count: int, only: bool) -> None:  # noqa: FBT001
    wanted = asked(("_count", value))
    assert (wanted.versions.count, wanted.count_only) == (count, only)


def test_the_number_alone() -> None:
    assert asked(("_summary", "count")).count_only
    assert not asked(("_summary", "text")).count_only
    assert asked(("_summary", "count"), ("_count", "5")).count_only


def test_what_chose_the_versions_is_kept_and_nothing_else() -> None:
    wanted = asked(("_count", "3"), ("_format", "xml"), ("_unknown", "x"), ("_since", "2026"), ("_page", "token"))
    assert wanted.parameters == (("_count", "3"), ("_since", "2026"))
    assert wanted.page == "token"


@pytest.mark.parametrize(
    "given",
    [
        [("_since", "")],
        [("_since", "gt2026")],
        [("_at", "soon")],
        [("_count", "x")],
        [("_sort", "_lastUpdated")],
        [("_list", "x")],
        [("_since", "2026"), ("_since", "2027")],
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_cannot_be_asked(given: list[tuple[str, str]], strict: bool) -> None:  # noqa: FBT001
    with pytest.raises(BadRequest):
        asked(*given, strict=strict)


def test_an_unknown_parameter_is_refused_unless_leniently() -> None:
    with pytest.raises(BadRequest, match="_since"):
        asked(("status", "x"))
    assert asked(("status", "x"), strict=False).parameters == ()
