"""OperationOutcome (https://hl7.org/fhir/R4/operationoutcome.html)."""

from collections.abc import Iterable
from typing import Any

from fhir_server.errors import Issue

ERROR_CODES = "https://netwerkdossier.example/fhir/CodeSystem/error-code"


def operation_outcome(issues: Iterable[Issue]) -> dict[str, Any]:
    """Return an OperationOutcome with one issue for each of ``issues``."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _issue(issue: Issue) -> dict[str, Any]:
    details: dict[str, Any] = {"text": issue.text}
    if issue.detail:
        details = {"coding": [{"system": ERROR_CODES, "code": issue.detail}], **details}
    result: dict[str, Any] = {"severity": issue.severity, "code": issue.code, "details": details}
    if issue.expression:
        result["expression"] = [issue.expression]
    return result
