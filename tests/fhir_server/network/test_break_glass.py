"""What must follow on a broken glass."""

from datetime import UTC, datetime

import pytest

from fhir_server.access.break_glass import break_glass
from fhir_server.model.json import read, write
from fhir_server.network.break_glass import Breaking, due, id_of, notice, review
from fhir_server.validation import check


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


BROKEN = Breaking("btg-1", "Patient/p", "Practitioner/d", "Sam Vliet", "Organization/o", "De Post", at("2026-06-05T22:30"))


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-06-01T10:00", "2026-06-04"),
        ("2026-06-04T10:00", "2026-06-09"),
        ("2026-06-05T23:30", "2026-06-10"),  # it is Saturday where people live
        ("2026-06-07T12:00", "2026-06-10"),
    ],
)
def test_three_working_days(moment: str, day: str) -> None:
    assert due(at(moment), 3).isoformat() == day


def test_the_id_is_that_of_holder_and_token() -> None:
    ids = {id_of(holder, token) for holder in ("Practitioner/a", "Practitioner/b") for token in ("1", "2")}
    assert len(ids) == 4
    assert id_of("Practitioner/a", "1") in ids
    assert all(len(each) <= 64 for each in ids)


def test_the_notice_says_who_where_and_when() -> None:
    told = notice(BROKEN, ["RelatedPerson/r"], break_glass())
    assert [each["reference"] for each in told["recipient"]] == ["Patient/p", "RelatedPerson/r"]
    dutch, english = (each["contentString"] for each in told["payload"])
    assert "Door: Sam Vliet (De Post). Op: 06-06-2026 om 00:30." in dutch
    assert "By: Sam Vliet (De Post). On: 06-06-2026 at 00:30." in english
    check(read(write(told)).resource)


def test_the_review_is_for_the_officer_if_there_is_one() -> None:
    task = review(BROKEN, "Organization/privacy", break_glass())
    assert (task["owner"]["reference"], task["restriction"]["period"]["end"]) == ("Organization/privacy", "2026-06-10")
    assert "owner" not in review(BROKEN, "", break_glass())
    check(read(write(task)).resource)


def test_somebody_without_a_name_is_told_by_the_reference() -> None:
    told = notice(BROKEN._replace(who="", organisation="", where=""), [], break_glass())
    assert "Practitioner/d (-)" in told["payload"][0]["contentString"]
    assert told["about"] == [{"reference": "Practitioner/d"}]
