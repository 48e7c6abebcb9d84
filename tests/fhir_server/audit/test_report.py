"""The figures of a month: counted right, and none that is small can be worked out."""

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.audit.report import FEW, Figure, measure_report, measured, suppressed
from fhir_server.model.json import read, write
from fhir_server.validation import validate

WOLD, LINDE = "Organization/wold", "Organization/linde"


def figures(organisation: str, *kinds: tuple[str, str, int, int], people: int = 6) -> list[Figure]:
    return [
        Figure(organisation, f"Practitioner/{organisation[-4:]}{person}", "practitioner", interaction, type_, status, number)
        for interaction, type_, status, number in kinds
        for person in range(people)
    ]


def test_what_is_counted() -> None:
    found = measured(
        [
            *figures(WOLD, ("create", "Communication", 201, 2), ("read", "Patient", 200, 5), ("read", "Patient", 403, 1)),
            *figures(WOLD, ("login", "", 200, 3), ("create", "Task", 201, 9), people=5),
            Figure("", "Device/platform", "system", "search-type", "Patient", 200, 50),
        ]
    )
    assert {name: cells.organisations[WOLD] for name, cells in found.items()} == {
        "messages": 12,
        "views": 30,
        "errors": 6,
        "active-users": 6,
        "log-ins": 15,
    }
    assert found["views"].total == 80


def test_small_figures_are_suppressed_and_so_is_what_betrays_them() -> None:
    assert suppressed({"a": 3, "b": 20, "c": 7}, 30).organisations == {"a": None, "b": 20, "c": None}
    assert suppressed({"a": 3}, 3) == ({"a": None}, None)
    assert suppressed({"a": 3, "b": 0}, 3).total is None
    assert suppressed({"a": 5, "b": 9}, 14) == ({"a": 5, "b": 9}, 14)


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 30), min_size=1))
def test_no_small_figure_follows_from_what_is_shown(cells: dict[str, int]) -> None:
    found = suppressed(cells, sum(cells.values()))
    shown = {name: count for name, count in found.organisations.items() if count is not None}
    assert all(count == 0 or count >= FEW for count in shown.values())
    hidden = cells.keys() - shown.keys()
    if hidden and found.total is not None:
        assert found.total - sum(shown.values()) >= FEW
        assert len(hidden) > 1


def test_the_report_is_valid_fhir() -> None:
    report = measure_report(figures(WOLD, ("read", "Patient", 200, 1), people=3), 0, 2_678_400_000_000, 5, {WOLD: "Het Wold"})
    assert [issue for issue in validate(read(write(report)).resource) if issue.severity == "error"] == []
    assert b"Practitioner" not in write(report)
    assert b'"masked"' in write(report)
    assert measure_report([], 0, 2_678_400_000_000, 5)["group"][0]["measureScore"] == {"value": 0}
