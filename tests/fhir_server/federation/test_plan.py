"""Which sources are asked, and for which type."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from fake_sources import AGB, URA, FakeAdapter, declared

from fhir_server.federation.locate import locate
from fhir_server.federation.plan import plan

CAPABILITIES = {"pharmacy/hl7v3": SimpleNamespace(resource_types=("MedicationDispense", "Medication"))}


LINDE = replace(declared(), organisation=((URA, "90000383"), (AGB, "02045678")))


def test_a_source_is_located_by_any_of_its_numbers() -> None:
    other = replace(declared("den"), organisation=((URA, "90000384"),))
    assert locate({(AGB, "02045678")}, [LINDE, other]) == (LINDE,)
    assert locate({(URA, "90000384"), (URA, "90000383")}, [LINDE, other]) == (LINDE, other)


def test_a_number_counts_only_in_its_own_register() -> None:
    assert locate({(AGB, "90000383"), (URA, "02045678"), ("", "90000383")}, [LINDE]) == ()


def test_nobody_in_the_team_means_nobody_asked() -> None:
    assert locate(set(), [LINDE]) == ()


@pytest.mark.parametrize("type_", ["MedicationDispense", "Medication"])
def test_a_located_source_that_answers_the_type_is_asked(type_: str) -> None:
    adapter = FakeAdapter()
    (step,) = plan(type_, [LINDE], CAPABILITIES, lambda _: adapter)
    assert (step.source, step.adapter, step.type) == (LINDE, adapter, type_)


def test_a_type_that_no_adapter_answers_is_asked_nowhere() -> None:
    assert plan("Condition", [LINDE], CAPABILITIES, lambda _: FakeAdapter()) == ()


@pytest.mark.parametrize(
    ("offered", "permitted", "asked"),
    [
        (set(), None, True),
        (set(), {"MedicationUse"}, True),
        ({"MedicationUse"}, None, True),
        ({"MedicationUse"}, {"MedicationUse", "Results"}, True),
        ({"MedicationUse"}, {"Results"}, False),
        ({"MedicationUse"}, set(), False),
    ],
)
def test_categories_that_may_not_be_asked_for_are_not(offered: set[str], permitted: set[str] | None, *, asked: bool) -> None:
    source = replace(LINDE, categories=frozenset(offered))
    assert bool(plan("MedicationDispense", [source], CAPABILITIES, lambda _: FakeAdapter(), permitted)) == asked
