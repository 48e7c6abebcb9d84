"""What a PGO collects: how its searches are narrowed, how much comes on a page, and which total is told."""

from pathlib import Path

import pytest

from fhir_server import bootstrap
from fhir_server.access.actor import local_system
from fhir_server.interactions.call import Call
from fhir_server.interactions.collected import Collected, total_of
from fhir_server.interactions.parameters import asked
from fhir_server.interactions.services import Services
from fhir_server.search.tree import And, Token
from fhir_server.settings import Settings

PAIRS = (("category", "http://snomed.info/sct|422037009"),)
TA = Token("category", "422037009", "http://snomed.info/sct")
URA = "http://fhir.nl/fhir/NamingSystem/ura"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    folder: Path = tmp_path_factory.mktemp("collected")
    return bootstrap.preparing_services(Settings(data_dir=folder), ())


def call(services: Services, collected: Collected | None, *parameters: tuple[str, str]) -> Call:
    entry = services.catalog.types["MedicationDispense"]
    return Call(services, local_system(), "search-type", entry, parameters=parameters, collected=collected)


def test_each_search_is_narrowed(services: Services) -> None:
    narrowed, _ = asked(call(services, Collected("Patient/x", fixed=PAIRS), ("status", "completed")))
    plain, _ = asked(call(services, Collected("Patient/x"), ("status", "completed")))
    other, _ = asked(call(services, None, ("status", "completed")))
    assert plain.query.where == other.query.where
    assert isinstance(narrowed.query.where, And)
    assert TA in _parts(narrowed.query.where)
    assert TA not in _parts(plain.query.where)
    assert narrowed.parameters == plain.parameters == (("status", "completed"),)


def _parts(node: object) -> list[object]:
    return [node, *(each for part in node.parts for each in _parts(part))] if isinstance(node, And) else [node]


def test_all_of_it_is_on_one_page_unless_less_is_wanted(services: Services) -> None:
    collected = Collected("Patient/x")
    assert asked(call(services, collected))[0].query.count == 1_000
    assert asked(call(services, collected, ("_count", "3")))[0].query.count == 3


@pytest.mark.parametrize(
    ("collected", "whole", "told"), [(None, False, 9), (None, True, 9), (Collected("p"), True, 9), (Collected("p"), False, None)]
)
def test_a_total_is_told_of_a_whole_page(collected: Collected | None, whole: bool, told: int | None) -> None:  # noqa: FBT001 - a column
    assert total_of(9, collected, whole=whole) == told


def test_only_the_holder_is_asked() -> None:
    collected = Collected("p", frozenset({(URA, "1")}))
    assert collected.asks(((URA, "1"), ("other", "2")))
    assert not collected.asks(((URA, "2"),))
    assert not collected.asks(())
    assert not Collected("p").asks(((URA, "1"),))  # the network itself asks nobody
