"""Who made a resource, as the index has it."""

from typing import Any

import pytest

from fhir_server.catalog.catalog import IN_ROLE, CatalogError, load
from fhir_server.search.authorship import authors, in_roles, made_by, unknown
from fhir_server.search.extract import extract
from fhir_server.search.rows import key

BASE = "https://hub.test/fhir"
TYPES = load().types
HERE, THERE = {"reference": f"{BASE}/Practitioner/p"}, {"reference": "https://elsewhere.test/Practitioner/p"}
WORDS = {"display": "Dr. Bos"}


@pytest.mark.parametrize(
    ("type_", "element", "value", "named", "is_unknown"),
    [
        ("Communication", "sender", HERE, ("Practitioner/p",), False),
        ("Communication", "sender", THERE, ("",), True),
        ("Communication", "sender", {"reference": "#p"}, ("",), True),
        ("Observation", "performer", [HERE, WORDS, HERE], ("Practitioner/p", ""), True),
        ("Task", "requester", {"reference": "PractitionerRole/r"}, ("PractitionerRole/r",), False),
        ("Task", "owner", HERE, (), False),
        ("Appointment", "requester", HERE, (), False),
    ],
)
def test_authors(type_: str, element: str, value: Any, named: tuple[str, ...], *, is_unknown: bool) -> None:
    entry, resource = TYPES[type_], {"resourceType": type_, "id": "x", element: value}
    assert authors(resource, entry, BASE) == named
    keys = {row.key for row in extract(resource, entry, BASE).rows}
    assert (unknown(type_) in keys) == is_unknown
    assert set(made_by([entry], "Practitioner/p")) <= keys or "Practitioner/p" not in named


def test_a_role_tells_where_what_its_person_wrote_is_found() -> None:
    role = {"resourceType": IN_ROLE, "id": "r", "practitioner": HERE}
    found = {row.high for row in extract(role, TYPES[IN_ROLE], BASE).rows if row.key == in_roles("Practitioner/p")}
    message = {"resourceType": "Communication", "id": "m", "sender": {"reference": "PractitionerRole/r"}}
    assert found & {row.key for row in extract(message, TYPES["Communication"], BASE).rows}
    assert found == {key(name, each.author, "PractitionerRole/r") for name, each in TYPES.items() if each.author}


def test_an_author_is_a_reference_parameter_and_an_element(tmp_path: Any) -> None:
    file = tmp_path / "catalog.toml"
    text = '[Task]\nhome = "owned"\ninteractions = []\nsearch = ["patient", "status"]\npatient = "for"\n'
    for author in ("patient", "status", "nobody"):
        file.write_text(f'{text}main_date = "_lastUpdated"\naudit = "task"\nauthor = "{author}"\n')
        with pytest.raises(CatalogError, match="author"):
            load(file)
