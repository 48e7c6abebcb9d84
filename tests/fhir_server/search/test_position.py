"""The search parameter ``near``: what a distance is, and that whole numbers find what lies within it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spoken_search import distance

from fhir_server.catalog.catalog import load
from fhir_server.search import filters
from fhir_server.search.match import matches
from fhir_server.search.position import NEARBY, heights, holds, node, position
from fhir_server.search.rows import IndexRow

LOCATION = load().types["Location"]
latitudes = st.floats(-90, 90) | st.sampled_from([-90.0, 0.0, 90.0])
longitudes = st.floats(-180, 180) | st.sampled_from([-180.0, 0.0, 180.0])
metres = st.floats(0, 21_000_000) | st.floats(0, 1_000)


def indexed(latitude: float, longitude: float) -> IndexRow:
    rows: list[IndexRow] = []
    position(rows, "Location\x1fnear\x1f", {"latitude": latitude, "longitude": longitude})
    return rows[0]


@given(latitudes, longitudes, latitudes, longitudes, metres)
def test_what_lies_within_the_haversine_is_found(one: float, other: float, north: float, east: float, far: float) -> None:
    """To within centimetres; towards the antipodes a straight line grows so slowly that it is metres."""
    row = indexed(north, east)
    near = node("near", f"{one!r}|{other!r}|{far!r}|m")
    between = distance(one, other, north, east)
    blur = 0.05 if far < 19_000_000 else 5_000
    if abs(between - far) > blur:
        assert holds(near, row.sort, row.high) is (between < far)
    low, high = heights(near)
    assert not holds(near, row.sort, row.high) or low <= row.sort <= high


@given(latitudes, longitudes)
def test_a_place_is_near_itself_and_a_row_fits_the_database(latitude: float, longitude: float) -> None:
    row = indexed(latitude, longitude)
    assert holds(node("near", f"{latitude!r}|{longitude!r}|0"), row.sort, row.high)
    assert 0 <= row.high < 2**62
    assert abs(row.sort) <= 10**9


UTRECHT = {"resourceType": "Location", "id": "u", "position": {"latitude": 52.0907, "longitude": 5.1214}}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("52.3702|4.8952|34", False),  # from Amsterdam it is 34.7 km
        ("52.3702|4.8952|36", True),
        ("52.3702|4.8952|36|km", True),
        ("52.3702|4.8952|36|m", False),
        ("52.3702|4.8952|36000|m", True),
        ("52.3702|4.8952|22.5|[mi_i]", True),
        ("52.3702|4.8952|21|[mi_us]", False),
        ("52.3702|4.8952", False),
        ("52.1|5.2", True),
        ("52.1|5.2||m", True),
        ("52.3702|4.8952|34,52.1|5.2|10", True),
        ("-52|-174|1e9", True),
    ],
)
def test_the_words_of_r4(value: str, expected: bool) -> None:  # noqa: FBT001
    assert matches(filters.node(LOCATION, LOCATION.search["near"], "", value), UTRECHT, LOCATION) is expected


def test_without_a_distance_near_is_what_the_documentation_says() -> None:
    assert node("near", "52|5") == node("near", f"52|5|{NEARBY / 1000}|km")


def test_what_is_no_position_is_near_nothing() -> None:
    for wrong in ({"latitude": 91, "longitude": 5}, {"latitude": 52}, {}):
        rows: list[IndexRow] = []
        position(rows, "Location\x1fnear\x1f", wrong)
        assert rows == []
