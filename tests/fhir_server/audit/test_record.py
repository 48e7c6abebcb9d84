"""What the record says of a request, and what it never says."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.access.actor import Actor
from fhir_server.audit.record import parameter_names, row
from fhir_server.storage.repository import AuditRow

DOCTOR = Actor("Practitioner/vos", "practitioner", (), purpose="TREAT", people=("Practitioner/vos",))


def test_every_column() -> None:
    found = row(
        DOCTOR,
        "read",
        200,
        7,
        "request-1",
        type_="Task",
        id_="t",
        version=3,
        dossier="Patient/bakker",
        parameters=[("_format", "json")],
    )
    assert found == AuditRow(
        recorded=7,
        actor="Practitioner/vos",
        role="practitioner",
        action="R",
        interaction="read",
        status=200,
        type="Task",
        id="t",
        version=3,
        dossier="Patient/bakker",
        query="_format",
        purpose="TREAT",
        request="request-1",
    )


def test_nobody_was_recognised() -> None:
    assert row(None, "unknown", 401, 7) == AuditRow(7, "", "", "E", "unknown", 401)


def test_breaking_the_glass_is_on_the_line() -> None:
    assert row(replace(DOCTOR, purpose="BTG", reason="fell"), "read", 200, 7).purpose == "BTG"


@pytest.mark.parametrize(
    ("interaction", "action"),
    [
        ("create", "C"),
        ("read", "R"),
        ("vread", "R"),
        ("history-instance", "R"),
        ("update", "U"),
        ("patch", "U"),
        ("delete", "D"),
        ("search-type", "E"),
        ("history-type", "E"),
        ("transaction", "E"),
        ("capabilities", "E"),
        ("$validate", "E"),
        ("", "E"),
    ],
)
def test_actions(interaction: str, action: str) -> None:
    assert row(DOCTOR, interaction, 200, 7).action == action


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ([], ""),
        ([("family", "bakker"), ("_count", "5")], "family&_count"),
        (
            [("patient.name:exact", "x"), ("_has:CareTeam:patient:participant", "y")],
            "patient.name:exact&_has:CareTeam:patient:participant",
        ),
        ([("part-of", "x"), ("part-of", "y")], "part-of&part-of"),
        ([("123456789", "")], "?"),
        ([("jan de boer", "")], "?"),
        ([("naïef", ""), ("", "x"), ("a" * 101, ""), ("a\nb", "")], "?&?&?&?"),
    ],
)
def test_names_without_values(parameters: list[tuple[str, str]], names: str) -> None:
    assert parameter_names(parameters) == names


@given(st.lists(st.tuples(st.sampled_from(["family", "identifier", "_id"]), st.text(alphabet="0123456789éX&=", min_size=3))))
def test_no_value_is_ever_kept(parameters: list[tuple[str, str]]) -> None:
    found = row(DOCTOR, "search-type", 200, 7, parameters=parameters)
    assert all(value not in repr(found.query) for _, value in parameters)
    assert found.query.count("&") == max(len(parameters) - 1, 0)
