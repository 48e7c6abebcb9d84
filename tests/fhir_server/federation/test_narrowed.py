"""What of a search is asked of a source: never less than the hub looks for."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.simulators import fhir_search
from fhir_server.catalog import catalog
from fhir_server.federation.narrowed import Parameters, narrowed
from fhir_server.search.match import matches
from fhir_server.search.parse import parse
from fhir_server.search.tree import Node

Json = dict[str, Any]
CATALOG = catalog.load()
ENTRY = CATALOG.types["Observation"]
LOINC = "http://loinc.org"


def where(*parameters: tuple[str, str], type_: str = "Observation") -> Node:
    return parse(CATALOG.types[type_], parameters, catalog=CATALOG).query.where


def asked(*parameters: tuple[str, str], type_: str = "Observation") -> Parameters:
    return narrowed(where(*parameters, type_=type_), CATALOG.types[type_].search)


@pytest.mark.parametrize(
    ("name", "value", "sent"),
    [
        ("code", f"{LOINC}|29463-7", [("code", f"{LOINC}|29463-7")]),
        ("code", f"{LOINC}|29463-7,85354-9", [("code", f"{LOINC}|29463-7,85354-9")]),
        ("status", "final", [("status", "final")]),
        ("category", "vital-signs", [("category", "vital-signs")]),
        ("date", "2026-05-10", [("date", "ge2026-05-08"), ("date", "le2026-05-11")]),
        ("date", "ge2026-05-10", [("date", "ge2026-05-08")]),
        ("date", "lt2026-05-10T12:00:00Z", [("date", "le2026-05-11")]),
        ("date", "ge0001-01-01", []),
        ("date", "ne2026-05-10", []),
        ("status:not", "final", []),
        ("code:text", "weight", []),
        ("code:missing", "true", []),
        ("identifier", "urn:x|1", []),
        ("performer", "Practitioner/1", []),
        ("value-quantity", "gt5", []),
        ("_id", "x", []),
        ("_lastUpdated", "ge2026", []),
        ("_tag", "x", []),
    ],
)
def test_what_is_sent(name: str, value: str, sent: list[tuple[str, str]]) -> None:
    assert list(asked(("patient", "Patient/1"), (name, value))) == sent


def test_several_conditions() -> None:
    found = asked(("patient", "Patient/1"), ("clinical-status", "active"), ("code", "K77"), type_="Condition")
    assert found == (("clinical-status", "active"), ("code", "K77"))


DAYS = st.dates().map(lambda day: f"2026-0{1 + day.month % 3}-{1 + day.day % 28:02}")
MOMENTS = st.one_of(DAYS, DAYS.flatmap(lambda day: st.sampled_from([f"{day}T23:30:00+02:00", f"{day}T00:10:00-05:00", day[:7]])))
CODES = st.sampled_from(["29463-7", "85354-9"])
WANTED = st.lists(
    st.one_of(
        st.tuples(st.just("code"), st.sampled_from([f"{LOINC}|29463-7", "29463-7,85354-9", "|29463-7", "urn:x|29463-7"])),
        st.tuples(st.just("status"), st.sampled_from(["final", "final,amended", "amended"])),
        st.tuples(
            st.just("date"), st.tuples(st.sampled_from(["", "ge", "gt", "le", "lt", "sa", "eb", "ne"]), MOMENTS).map("".join)
        ),
    ),
    max_size=3,
)


@given(st.lists(st.tuples(CODES, MOMENTS, st.sampled_from(["final", "amended"]))), WANTED)
@settings(max_examples=60, deadline=None)
def test_all_that_matches_is_among_what_the_source_finds(held: list[tuple[str, str, str]], wanted: list[tuple[str, str]]) -> None:
    """The source is the simulated one, which compares moments by their letters: in whatever time zone they are written."""
    resources: list[Json] = [
        {
            "resourceType": "Observation",
            "id": str(number),
            "status": status,
            "code": {"coding": [{"system": LOINC, "code": code}]},
            "effectiveDateTime": at,
        }
        for number, (code, at, status) in enumerate(held)
        if len(at) > 7
    ]
    tree = where(*wanted)
    found = fhir_search.found(resources, "Observation", narrowed(tree, ENTRY.search))
    for each in resources:
        assert not matches(tree, each, ENTRY) or each in found
