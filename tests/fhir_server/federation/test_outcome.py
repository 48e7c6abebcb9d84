"""What an answer says about what is missing in it."""

from typing import Any, cast

import pytest
from fake_sources import declared

from adapters.contract import Fault, Translation
from fhir_server.errors import SourcesFailed, SourcesTimedOut
from fhir_server.federation.answer import Answer, SourceAnswer, SourceFault
from fhir_server.federation.outcome import FAULTS, completeness, entry, failure, outcome


def answers(*words: str) -> tuple[Answer, ...]:
    """Return an answer for each word: "ok", or a fault."""
    sources = [declared(f"source-{number}", display=f"Apotheek {number}") for number, _ in enumerate(words, 1)]
    return tuple(
        SourceAnswer(source, "r", Translation(())) if word == "ok" else SourceFault(source, cast("Fault", word))
        for source, word in zip(sources, words, strict=True)
    )


def issues(*words: str, own: int = 0) -> list[dict[str, Any]]:
    """Return the issues of the outcome of ``answers``."""
    told = outcome(answers(*words), own)
    assert told is not None
    return cast("list[dict[str, Any]]", told["issue"])


@pytest.mark.parametrize(
    ("words", "own", "expected"),
    [
        ((), 0, "complete"),
        (("ok",), 0, "complete"),
        (("ok", "ok"), 0, "complete"),
        (("ok", "timeout"), 0, "partial"),
        (("timeout",), 0, "none"),
        (("timeout",), 1, "partial"),
        (("timeout", "refused"), 0, "none"),
        ((), 1, "complete"),
    ],
)
def test_completeness(words: tuple[str, ...], own: int, expected: str) -> None:
    assert completeness(answers(*words), own) == expected


def test_nothing_missing_says_nothing() -> None:
    assert outcome(answers("ok", "ok")) is None
    assert entry(answers()) is None
    assert failure(answers()) is None
    assert failure(answers("ok", "timeout")) is None


def test_the_first_issue_counts_the_sources() -> None:
    assert issues("ok", "timeout", "ok", "ok")[0] == {
        "severity": "warning",
        "code": "incomplete",
        "details": {"text": "3 of 4 sources answered; what the others hold is missing here."},
    }


def test_the_own_store_counts_as_a_source() -> None:
    assert issues("timeout", own=1)[0]["details"]["text"].startswith("1 of 2 sources answered")


@pytest.mark.parametrize(
    ("fault", "code", "detail"),
    [
        ("timeout", "timeout", "source-timeout"),
        ("unreachable", "exception", "source-unreachable"),
        ("refused", "forbidden", "source-refused"),
        ("throttled", "throttled", "source-throttled"),
        ("not-supported", "not-supported", "source-not-supported"),
        ("structure", "structure", "mapping-failed"),
        ("wrong-patient", "processing", "wrong-patient"),
    ],
)
def test_each_missing_source_has_an_issue(fault: Fault, code: str, detail: str) -> None:
    _, issue = issues("ok", fault)
    assert issue["severity"] == "warning"
    assert issue["code"] == code
    assert issue["details"]["coding"] == [
        {"system": "https://netwerkdossier.example/fhir/CodeSystem/federation-outcome", "code": detail}
    ]
    assert issue["details"]["text"] == f"Apotheek 2 {FAULTS[fault].text}."
    assert issue["extension"] == [
        {
            "url": "https://netwerkdossier.example/fhir/StructureDefinition/source",
            "valueReference": {
                "type": "Organization",
                "display": "Apotheek 2",
                "identifier": {"system": "http://fhir.nl/fhir/NamingSystem/ura", "value": "90000383"},
            },
        }
    ]


def test_the_entry_is_an_outcome() -> None:
    found = answers("ok", "timeout")
    assert entry(found) == {"resource": outcome(found), "search": {"mode": "outcome"}}


def test_nobody_in_time_is_a_gateway_timeout() -> None:
    error = failure(answers("timeout", "timeout"))
    assert isinstance(error, SourcesTimedOut)
    assert error.status == 504
    assert [issue.code for issue in error.issues] == ["timeout", "timeout"]
    assert {issue.severity for issue in error.issues} == {"error"}


def test_nobody_at_all_is_a_bad_gateway() -> None:
    error = failure(answers("timeout", "wrong-patient"))
    assert isinstance(error, SourcesFailed)
    assert error.status == 502
    assert [issue.detail for issue in error.issues] == ["source-timeout", "wrong-patient"]


def test_own_data_keeps_the_answer_alive() -> None:
    assert failure(answers("timeout"), own=1) is None


def test_no_outcome_tells_an_address() -> None:
    assert "linde.example" not in str(outcome(answers("ok", *FAULTS)))
