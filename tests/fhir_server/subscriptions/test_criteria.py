"""What criteria mean."""

from typing import Any

import pytest

from fhir_server.catalog import catalog
from fhir_server.catalog.announced import announced
from fhir_server.errors import BadRequest, FhirError, Forbidden
from fhir_server.subscriptions.criteria import Reading, read

CATALOGUE = catalog.load()
TASK: dict[str, Any] = {
    "resourceType": "Task",
    "id": "t",
    "meta": {"lastUpdated": "2026-01-05T10:00:00Z"},
    "status": "requested",
    "intent": "order",
    "owner": {"reference": "Practitioner/p"},
    "authoredOn": "2026-01-05",
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("Task?id", True),
        ("Task?id=", True),
        ("Task?_id", True),
        ("Task", True),
        ("Task?", True),
        ("Task?status=requested", True),
        ("Task?status=completed,requested", True),
        ("Task?status=completed", False),
        ("Task?status:not=completed", True),
        ("Task?status=requested&owner=Practitioner/p", True),
        ("Task?status=requested&owner=Practitioner/q", False),
        ("Task?_id=t", True),
        ("Task?_id=u", False),
        ("Task?authored-on=ge2026", True),
        ("Task?authored-on=lt2026", False),
        ("Task?focus:missing=true", True),
    ],
)
def test_criteria_are_evaluated_on_the_version(text: str, *, matches: bool) -> None:
    assert read(text, CATALOGUE).matches(TASK, "") == matches


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("Observation?code=x", Forbidden),
        ("", Forbidden),
        ("task?id", Forbidden),
        ("/Task?id", Forbidden),
        ("Practitioner?id", Forbidden),
        ("Task?colour=blue", BadRequest),
        ("Task?_colour=blue", BadRequest),
        ("Task?id=t", BadRequest),
        ("Task?status", BadRequest),
        ("Task?_sort=status", BadRequest),
        ("Task?_include=Task:owner", BadRequest),
        ("Task?_count=3", BadRequest),
        ("Task?owner.name=x", BadRequest),
        ("Task?_has:Provenance:target:agent=x", BadRequest),
        ("Task?identifier=999911144", BadRequest),
        ("Task?status=%zz", BadRequest),
        ("Task?_filter=x", BadRequest),
    ],
)
def test_what_is_no_criteria_says_so(text: str, error: type[FhirError]) -> None:
    with pytest.raises(error) as refused:
        read(text, CATALOGUE)
    assert refused.value.issues[0].expression == "Subscription.criteria"
    assert "999911144" not in refused.value.text


def test_stored_criteria_that_mean_nothing_any_more_match_nothing() -> None:
    reading = Reading(CATALOGUE, "")
    lost = reading("Task?own-parameter=x")
    assert lost is not None
    assert not lost.matches(TASK, "")
    assert reading("Unknown?id") is None
    assert reading("Task?id") is reading("Task?id")


def test_what_can_be_subscribed_to_is_kept_here() -> None:
    assert all(CATALOGUE.types[each].home == "owned" for each in announced().all)
