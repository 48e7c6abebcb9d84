"""Whatever went wrong becomes one answer, and the log tells the operator without telling what was in it."""

import json
import logging

import pytest

from fhir_server.errors import NotFound
from fhir_server.interactions.failure import failed
from fhir_server.storage.repository import SearchTooSlow, StorageFull, Unavailable


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (NotFound("There is none."), 404, "unknown-resource"),
        (SearchTooSlow("Ansje"), 503, "too-costly"),
        (Unavailable("Ansje"), 503, "database-unavailable"),
        (StorageFull("Ansje"), 507, "storage-full"),
        (ValueError("Ansje"), 500, "internal"),
    ],
)
def test_the_answer_to_a_failure(error: Exception, status: int, detail: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = failed(error, "r1")
    assert (answer.status, json.loads(answer.body)["issue"][0]["details"]["coding"][0]["code"]) == (status, detail)
    assert b"Ansje" not in answer.body
    assert "Ansje" not in caplog.text
    assert all(record.__dict__["request"] == "r1" for record in caplog.records)


def test_a_database_that_does_not_answer_says_when_to_come_back() -> None:
    assert dict(failed(Unavailable("x"), "r1").headers)["retry-after"] == "5"
    assert "retry-after" not in dict(failed(StorageFull("x"), "r1").headers)
