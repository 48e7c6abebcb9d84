"""The lines of the record as stored resources of the type AuditEvent: read, named, and matched against a search."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from fhir_server.audit.fhir_event import Named, event
from fhir_server.interactions.call import Call
from fhir_server.interactions.record_reader import Reader
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write
from fhir_server.network.display_name import name_of
from fhir_server.search.lines import LinePlace, Lines
from fhir_server.search.match import matches
from fhir_server.search.tree import Everything, Node
from fhir_server.storage.repository import AuditRow, Logged, Stored

_NAMED: Final = ("Practitioner", "PractitionerRole", "RelatedPerson", "Patient", "Device", "Organization")
_URA: Final = "http://fhir.nl/fhir/NamingSystem/ura"
MOST: Final = 2_000
"""Lines that are looked at for one page."""
_AT_ONCE: Final = 100


@dataclass(slots=True)
class Events:
    """What one page found: ``resources`` in order, ``end`` where the lines were left, ``more`` whether others may follow.

    ``bounded``: so many lines were looked at that the page was ended before it was full.
    """

    resources: list[Stored] = field(default_factory=list)
    end: LinePlace | None = None
    more: bool = False
    bounded: bool = False


class Lister:
    """Makes events of lines for one call, and remembers the names that it looked up for them."""

    def __init__(self, call: Call, reader: Reader) -> None:
        """List what ``reader`` may see."""
        self._call, self._reader = call, reader
        self._names: dict[str, Named] = {}
        self._seen: dict[str, bool] = {}

    def clients(self, line: AuditRow) -> Sequence[str]:
        """Return the clients in a line whom the reader may know of.

        A line tells whose a resource was that the reader was refused: so it has only whom the reader may see, or named.
        """
        asked = f"{line.type}/{line.id}"
        return [each for each in self._reader.clients(line) if each == asked or self._is_seen(each)]

    def _is_seen(self, client: str) -> bool:
        known = self._reader.known
        return known is None or client in known or self._seen.get(client, False)

    async def page(self, asked: Lines, most: int = MOST) -> Events:
        """Return ``asked.count`` events at most for which ``asked.where`` holds, looking at ``most`` lines."""
        found = Events(end=asked.after)
        seen = 0
        while True:
            size = min(max(asked.count + 1 - len(found.resources), 1) if _all(asked.where) else _AT_ONCE, most - seen + 1)
            batch = await self.lines(Lines(asked.where, size, asked.descending, found.end))
            for each, stored in zip(batch, await self.events(batch), strict=True):
                if seen == most:
                    found.more = found.bounded = True
                    return found
                if self._holds(asked.where, stored):
                    if len(found.resources) == asked.count:
                        found.more = True
                        return found
                    found.resources.append(stored)
                    self.read_of(each.line)
                seen += 1
                found.end = LinePlace(each.line.recorded, each.row)
            if len(batch) < size:
                return found

    def read_of(self, line: AuditRow) -> None:
        """Note whose data the line is about that an inspector gets: that is told to them too."""
        if self._reader.inspecting:
            for each in self.clients(line):
                self._call.touched.ask(each)

    async def lines(self, asked: Lines) -> Sequence[Logged]:
        """Return the lines that may be those that are ``asked`` for."""
        found = await self._call.services.repository.lines(self._reader.grant, asked)
        await self._see({each for one in found for each in self._reader.clients(one.line)})
        return found

    async def _see(self, clients: Iterable[str]) -> None:
        known, services = self._reader.known, self._call.services
        new = [each for each in clients if known is not None and each not in known and each not in self._seen]
        if new:
            grants = services.gate.permitted(self._call.actor, "read", {each.partition("/")[0] for each in new})
            seen = {f"{each.type}/{each.id}" for each in await services.repository.fetch(grants, new)}
            self._seen |= {each: each in seen for each in new}

    async def events(self, found: Sequence[Logged]) -> list[Stored]:
        """Return the AuditEvents of lines."""
        people = [each for one in found for each in (one.line.actor, one.line.organisation)]
        await self._look_up([*people, *(each for one in found for each in self.clients(one.line) if self._is_seen(each))])
        return [self._event(await self.opened(each)) for each in found]

    async def opened(self, logged: Logged) -> Logged:
        """Return the line with its free text in clear, or without it once that was erased."""
        line = logged.line
        if not line.reason:
            return logged
        reason = await self._call.services.repository.reason(line.dossier, line.reason)
        return logged._replace(line=line._replace(reason=reason or ""))

    async def names(self, references: Iterable[str]) -> dict[str, Named]:
        """Return what is known of the names of ``references``."""
        await self._look_up(references)
        return self._names

    def _event(self, logged: Logged) -> Stored:
        line = logged.line
        resource = event(logged, self._call.services.observer, self._names, self.clients(line))
        return Stored(logged.row, "AuditEvent", resource["id"], 1, line.recorded, False, True, write(resource), line.recorded)

    def _holds(self, where: Node, stored: Stored) -> bool:
        if _all(where):
            return True
        return matches(where, read(stored.body, OWN).resource, self._call.entry, self._call.services.base)

    async def _look_up(self, references: Iterable[str]) -> None:
        wanted = [each for each in dict.fromkeys(references) if each and each not in self._names]
        types = dict.fromkeys(each.partition("/")[0] for each in wanted)
        grants = [self._call.services.gate.naming(each) for each in types if each in _NAMED]
        self._names |= dict.fromkeys(wanted, Named())
        if grants:
            for stored in await self._call.services.repository.fetch(grants, wanted):
                self._names[f"{stored.type}/{stored.id}"] = named(read(stored.body, OWN).resource)


def _all(where: Node) -> bool:
    return isinstance(where, Everything)


def named(resource: dict[str, Any]) -> Named:
    """Return how a person or organisation is called, and the URA number of an organisation."""
    return Named(name_of(resource), _identifier(resource))


def _identifier(resource: dict[str, Any]) -> tuple[str, str] | None:
    if resource.get("resourceType") != "Organization":
        return None
    known = [each["value"] for each in resource.get("identifier", ()) if each.get("system") == _URA and "value" in each]
    return (_URA, known[0]) if known else None
