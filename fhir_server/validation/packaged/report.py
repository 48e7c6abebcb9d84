"""What was found, and what it was found in: the state of one validation against profiles."""

from collections.abc import Mapping
from typing import Any, Final

from fhir_server.errors import Issue
from fhir_server.validation.location import Location, render

MOST_ISSUES: Final = 50
Resource = Mapping[str, Any]


class Look:
    """One validation. ``resource`` is what references are seen from, ``whole`` what was sent: itself, or a Bundle around it.

    ``stack`` has the profiles that are being looked at, each with the identity of the value: what is met again conforms.
    """

    __slots__ = ("_entries", "_kept", "found", "issues", "resource", "stack", "whole")

    def __init__(self, whole: Resource, resource: Resource | None = None) -> None:
        self.whole = whole
        self.resource = resource if resource is not None else whole
        self.issues: dict[tuple[str, str], Issue] = {}
        self.found = 0
        self._kept = {"error": 0, "warning": 0}
        self._entries: dict[str, Resource] | None = None
        self.stack: set[tuple[int, str]] = set()

    def error(self, code: str, detail: str, text: str, at: Location) -> None:
        """Note an error."""
        self.found += 1
        self._note(Issue(code, text, render(at), detail=detail))

    def warn(self, code: str, detail: str, text: str, at: Location) -> None:
        """Note a warning."""
        self._note(Issue(code, text, render(at), "warning", detail))

    def unchecked(self, text: str, at: Location) -> None:
        """Note that something could not be checked, which is neither right nor wrong."""
        self.warn("informational", "profile-unchecked", text, at)

    def aside(self) -> "Look":
        """Return a look at the same that keeps its findings to itself."""
        beside = Look(self.whole, self.resource)
        beside.stack, beside._entries = self.stack, self._entries
        return beside

    def pointed(self, literal: str) -> Resource | None:
        """Return the resource that a literal reference points to: a contained one, or an entry of the Bundle around it."""
        if literal.startswith("#"):
            return next((each for each in self.resource.get("contained", ()) if each.get("id") == literal[1:]), None)
        if not literal or self.whole.get("resourceType") != "Bundle":
            return None
        if self._entries is None:
            self._entries = _entries(self.whole)
        return self._entries.get(literal)

    def _note(self, issue: Issue) -> None:
        if self._kept[issue.severity] < MOST_ISSUES and (issue.expression, issue.text) not in self.issues:
            self._kept[issue.severity] += 1
            self.issues[issue.expression, issue.text] = issue


def _entries(bundle: Resource) -> dict[str, Resource]:
    """Return the entries of a Bundle by fullUrl, and by type and id where that is how it ends."""
    found: dict[str, Resource] = {}
    for entry in bundle.get("entry", ()):
        url, resource = entry.get("fullUrl"), entry.get("resource")
        if isinstance(url, str) and isinstance(resource, dict):
            found[url] = resource
            found.setdefault("/".join(url.split("/")[-2:]), resource)
    return found
