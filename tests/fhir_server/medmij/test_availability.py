"""From which age a client may collect."""

from datetime import date
from typing import Any

import pytest

from fhir_server.medmij.authorize.availability import is_old_enough

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("born", "enough"),
    [
        ("2010-11-23", True), ("2010-11-24", False), ("2010-10", True), ("2010-11", False), ("2010", False), ("2009", True),
        ("1941-03-05", True), ("2020-01-01", False), ("2008-02-29", True),
    ],
)  # fmt: skip
def test_sixteen(born: str, enough: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_old_enough({"birthDate": born}, TODAY) is enough


@pytest.mark.parametrize("patient", [{}, {"_birthDate": {"extension": []}}])
def test_of_whom_nothing_is_known(patient: dict[str, Any]) -> None:
    assert not is_old_enough(patient, TODAY)
