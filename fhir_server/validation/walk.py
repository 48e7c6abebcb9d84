"""The state of one validation: what was found so far, and what the resource at hand points to inside itself."""

from typing import NamedTuple

from fhir_server.errors import Issue
from fhir_server.validation.location import Location, render

MOST_ISSUES = 50


class Finding(NamedTuple):
    """What is wrong with a value, apart from where: an issue-type code, our own ``detail`` code, and what to do."""

    code: str
    detail: str
    text: str
    severity: str = "error"


class Pointer(NamedTuple):
    """A value that begins with "#": the ``id`` after it, and the types that may be there (none: it need not resolve)."""

    id: str
    targets: tuple[str, ...]
    location: Location


class Walk:
    """Gathers the findings of one validation; keeps the first ``MOST_ISSUES`` of each severity and counts all.

    ``pointers`` are those of the resource at hand; ``conditional`` says whether it may have conditional references.
    """

    __slots__ = ("_kept", "conditional", "found", "issues", "pointers")

    def __init__(self) -> None:
        self.issues: list[Issue] = []
        self.found = 0
        self.pointers: list[Pointer] = []
        self.conditional = False
        self._kept = {"error": 0, "warning": 0}

    def add(self, finding: Finding, location: Location) -> None:
        """Note a finding at ``location``."""
        self.found += 1
        kept = self._kept[finding.severity]
        if kept >= MOST_ISSUES:
            return
        self._kept[finding.severity] = kept + 1
        self.issues.append(Issue(finding.code, finding.text, render(location), finding.severity, finding.detail))

    def outcome(self) -> list[Issue]:
        """Return the issues, errors first, and a last one that says how many more there are."""
        issues = sorted(self.issues, key=lambda issue: issue.severity != "error")
        more = self.found - len(issues)
        if more:
            text = f"{more} more issues were found and left out. Correct these first."
            issues.append(Issue("informational", text, severity="information", detail="more-issues"))
        return issues
