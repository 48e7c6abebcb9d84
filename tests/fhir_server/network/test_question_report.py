"""At which level questions close, without anybody's data."""

from typing import Any

import pytest

from fhir_server.network.question_report import Closed, measure_report, region_of
from fhir_server.validation import validate

NOON = 1_767_268_800_000_000
Json = dict[str, Any]


def questions(level: str, number: int, **more: str) -> list[Closed]:
    return [
        Closed(**{"ladder": "urn:l", "state": "answered", "level": level, "region": "97", "priority": "routine", **more})
    ] * number


def strata(report: Json, group: int, name: str) -> dict[str, int | None]:
    found = next(each for each in report["group"][group]["stratifier"] if each["code"][0]["coding"][0]["code"] == name)
    return {each["value"]["text"]: each["measureScore"].get("value") for each in found.get("stratum", ())}


def test_figures_by_level() -> None:
    known = questions("informal", 7) + questions("gp", 12) + questions("gp", 6, state="withdrawn")
    report = measure_report(known, NOON - 1_000_000, NOON, NOON)
    assert [issue for issue in validate(report) if issue.severity == "error"] == []
    assert [each["code"]["text"] for each in report["group"]] == ["urn:l", "97"]
    for group in (0, 1):
        assert report["group"][group]["measureScore"] == {"value": 19}
        assert strata(report, group, "level") == {"informal": 7, "gp": 12}
        assert strata(report, group, "state") == {"answered": 19, "withdrawn": 6}


def test_small_numbers_are_suppressed_and_cannot_be_worked_out() -> None:
    report = measure_report(questions("informal", 3) + questions("gp", 12), NOON - 1_000_000, NOON, NOON)
    assert strata(report, 0, "level") == {"informal": None, "gp": None}
    assert "value" not in measure_report(questions("gp", 4), 0, NOON, NOON)["group"][0]["measureScore"]


def test_without_questions_there_are_no_groups() -> None:
    report = measure_report([], NOON - 1_000_000, NOON, NOON)
    assert "group" not in report
    assert validate(report) == []


@pytest.mark.parametrize(
    ("address", "region"),
    [
        ([], ""),
        ([{"postalCode": "9712 AB"}], "97"),
        ([{"city": "x"}, {"postalCode": "1011"}], "10"),
        ([{"postalCode": "AB12"}], ""),
    ],
)
def test_the_region_of_a_client(address: list[Json], region: str) -> None:
    assert region_of({"address": address}) == region
