"""A search for a system alone finds the same, in the same order, whether or not the index has rows for it: in memory and stored."""

from typing import Any

import pytest
from invented import Run
from spoken_search import is_token

from fhir_server.catalog import usual_codes as catalogued
from fhir_server.catalog.catalog import load
from fhir_server.catalog.usual_codes import MOST, usual_codes
from fhir_server.search.extract import extract
from fhir_server.search.match import matches
from fhir_server.search.parse import parse
from fhir_server.search.rows import key, system_key
from fhir_server.search.tree import Everything
from fhir_server.storage.driver import choose, is_ordered
from fhir_server.storage.repository import Change, Grant, Repository
from fhir_server.storage.shape import MERGED, shape_of
from profiles.identifiers import equivalents

USUAL = "http://terminology.hl7.org/CodeSystem/communication-category"
OTHER = "https://example.org/category"
ENTRY = load().types["Communication"]
CODINGS: dict[str, list[dict[str, str]]] = {
    "usual": [{"system": USUAL, "code": "alert"}],
    "unusual": [{"system": USUAL, "code": "telegram"}],
    "both": [{"system": USUAL, "code": "reminder"}, {"system": OTHER, "code": "x"}],
    "two": [{"system": USUAL, "code": "reminder"}, {"system": USUAL, "code": "alert"}],
    "bare": [{"system": USUAL}],
    "elsewhere": [{"system": OTHER, "code": "alert"}],
    "nowhere": [{"code": "alert"}],
}


def communication(name: str) -> dict[str, Any]:
    day = 10 + [*CODINGS].index(name)
    return {
        "resourceType": "Communication",
        "id": name,
        "status": "completed",
        "category": [{"coding": CODINGS[name]}],
        "sent": f"2026-05-{day}T10:00:00Z",
    }


def spoken(name: str, modifier: str, *systems: str) -> bool:
    found = any(is_token(one, system, "") for one in communication(name)["category"] for system in systems)
    return found is not (modifier == ":not")


@pytest.mark.parametrize("modifier", ["", ":not"])
@pytest.mark.parametrize("systems", [(USUAL,), (OTHER,), (USUAL, OTHER), ("https://example.org/none",)])
def test_a_system_alone_finds_what_has_it(run: Run, modifier: str, systems: tuple[str, ...]) -> None:
    query = parse(ENTRY, [(f"category{modifier}", ",".join(f"{system}|" for system in systems))]).query
    wanted = {name for name in CODINGS if spoken(name, modifier, *systems)}

    async def body(repository: Repository) -> None:
        grant = Grant("Practitioner/p", "Communication", Everything())
        changes = [Change("Communication", name, 0, 1, b"{}", extract(communication(name), ENTRY)) for name in CODINGS]
        await repository.commit([grant], changes, ())
        found = [each.id for each in (await repository.search(grant, query)).resources]
        assert found == [name for name in reversed(CODINGS) if name in wanted]
        assert await repository.count(grant, query) == len(wanted)

    run(body)
    assert {name for name in CODINGS if matches(query.where, communication(name), ENTRY)} == wanted


def test_a_usual_code_has_no_row_for_its_system() -> None:
    at = key("Communication", "category", "")
    with_row = {name for name in CODINGS if any(row.key == at for row in extract(communication(name), ENTRY).rows)}
    assert with_row == {"unusual", "both", "bare", "elsewhere"}
    rows = extract(communication("both"), ENTRY).rows
    assert [row.high for row in rows if row.key == at] == [system_key(OTHER)]


def test_it_is_read_in_order_as_one_key_is() -> None:
    where = parse(ENTRY, [("category", f"{USUAL}|")]).query.where
    best, rest = choose(shape_of(where, "Communication", []))
    assert best is not None
    assert is_ordered(best)
    assert not rest


def test_the_file_names_parameters_that_are_and_systems_with_one_name() -> None:
    types = load().types
    assert MOST < MERGED
    for type_, parameter, system in usual_codes():
        assert types[type_].search[parameter].type == "token"
        assert system not in equivalents(), "the rows of its other names would be looked for under the usual codes of this one only"


def test_more_codes_than_can_be_read_side_by_side_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogued, "MOST", 3)
    with pytest.raises(ValueError, match=r"Communication category .* has 4 codes, it may have 1 to 3"):
        usual_codes.__wrapped__()
