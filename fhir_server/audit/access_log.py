"""Who saw what, for people: the lines of the record in plain words, equal ones of a day in one (NEN 7513 chapter 9)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from fhir_server.audit.codes import outcome
from fhir_server.audit.fhir_event import Named
from fhir_server.audit.record import types_in
from fhir_server.audit.texts import Texts
from fhir_server.storage.repository import AuditRow

_MICROSECONDS: Final = 1_000_000
_DONE: Final = "0"
_INSPECTING: Final = "privacy-officer"
_OWN: Final = frozenset({"patient", "pgo"})
"""The roles in which clients see what is their own."""
_RUNNING = frozenset({"system", "operator", "source"})
"""The roles of those who keep the network going, and take no part in it."""


class Entry(NamedTuple):
    """What one actor did with one kind of data on one day, ``times`` times; instants in microseconds, the rest in words.

    ``actor`` is the reference ("Type/id") of ``who``, "" where nobody was recognised. ``reason`` is what was
    said in an emergency.
    """

    date: str
    first: int
    last: int
    times: int
    actor: str
    who: str
    role: str
    organisation: str
    action: str
    data: str
    purpose: str
    basis: str
    emergency: bool
    outcome: str
    sources: str
    reason: str = ""


class Words:
    """Says lines in the words of ``texts``, with the ``labels`` of types (by type), local times of ``zone``."""

    def __init__(self, texts: Texts, labels: Mapping[str, str], zone: ZoneInfo) -> None:
        """Take the words."""
        self._texts, self._labels, self._zone = texts, labels, zone

    def entries(self, lines: Iterable[AuditRow], names: Mapping[str, Named]) -> list[Entry]:
        """Return ``lines`` (in order) as entries, in the order in which each is first met."""
        found: dict[tuple[object, ...], Entry] = {}
        for line in lines:
            entry = self._entry(line, names)
            key = (*entry[:1], *entry[4:])
            known = found.get(key)
            if known is not None:
                first, last = min(known.first, entry.first), max(known.last, entry.last)
                entry = known._replace(first=first, last=last, times=known.times + 1)
            found[key] = entry
        return list(found.values())

    def day(self, line: AuditRow) -> str:
        """Return the date of a line, where people live."""
        return self.local(line.recorded).date().isoformat()

    def local(self, instant: int) -> datetime:
        """Return an instant as local time."""
        return datetime.fromtimestamp(instant // _MICROSECONDS, self._zone)

    def _entry(self, line: AuditRow, names: Mapping[str, Named]) -> Entry:
        say: Callable[..., str] = self._texts.of
        called = names.get(line.actor, Named()).name
        return Entry(
            date=self.day(line),
            first=line.recorded,
            last=line.recorded,
            times=1,
            actor=line.actor,
            who=called or line.actor or say("words", "nobody"),
            role=say("roles", line.role),
            organisation=line.client if line.role == "pgo" else names.get(line.organisation, Named()).name or line.organisation,
            action=say("actions", line.interaction),
            data=", ".join(
                dict.fromkeys(say("data", each, self._labels.get(each, "")) for each in types_in(line.detail) or [line.type])
            ),
            purpose=say("purposes", line.purpose),
            basis=self._basis(line),
            emergency=line.purpose == "BTG",
            outcome=say("outcomes", outcome(line.status)),
            sources=", ".join(line.source.split()),
            reason=line.reason,
        )

    def _basis(self, line: AuditRow) -> str:
        codes = _reasons(line.basis)
        refused = outcome(line.status) != _DONE
        if not codes:
            codes = [_usual(line)]
        otherwise = self._texts.of("bases", "refused") if refused else ""
        return ", ".join(dict.fromkeys(self._texts.of("bases", code, otherwise) for code in codes))


def _usual(line: AuditRow) -> str:
    """Return by what somebody sees what no decision is told of."""
    if line.role in _RUNNING:
        return "platform"
    if line.role == _INSPECTING:
        return "inspection"
    return "permit-self" if line.role in _OWN and line.actor in line.dossier.split() else ""


def _reasons(basis: str) -> Sequence[str]:
    """Return the codes of reasons in a basis; what has a slash is the rule that was used."""
    return [each for each in basis.split() if "/" not in each]
