"""What a batch of events is about: the versions, and whom these can concern, looked up for all of them at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from fhir_server.catalog.announced import announced
from fhir_server.model import reference
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.storage.repository import Stored
from fhir_server.storage.subscriptions.store import Concerned, Event
from fhir_server.subscriptions.access import Access

_THREAD: Final = "CommunicationRequest"


class About(NamedTuple):
    """The version that an event tells of, and whom it can concern."""

    event: Event
    resource: Mapping[str, Any]
    concerned: Concerned


async def about(access: Access, base: str, events: Iterable[Event]) -> Sequence[About]:
    """Return what those of ``events`` are about that somebody can subscribe to and that are not deletions."""
    wanted = [each for each in events if each.type in announced().types]
    current = await _fetched(access, (each.reference for each in wanted))
    found: list[tuple[Event, Stored, Mapping[str, Any], list[str]]] = []
    for event in wanted:
        stored = current.get(event.reference)
        if stored is None or stored.version != event.version:
            stored = await version(access, event)
        if stored is not None:
            resource = read(stored.body, OWN).resource
            found.append((event, stored, resource, references(resource, base)))
    threads = await _in_threads(access, base, {each for *_, named in found for each in named})
    return [
        About(event, resource, Concerned(event.type, _together(event, named, threads), stored.dossier))
        for event, stored, resource, named in found
    ]


async def version(access: Access, event: Event) -> Stored | None:
    """Return the version that ``event`` tells of, None for a deletion."""
    grant = access.gate.locating(event.type)
    stored = await access.repository.vread(grant, event.type, event.id, event.version)
    return None if stored is None or stored.deleted else stored


def references(value: object, base: str) -> list[str]:
    """Return every reference ("Type/id") in a resource to what is stored here."""
    found: dict[str, None] = {}
    left: list[object] = [value]
    while left:
        each = left.pop()
        if isinstance(each, Mapping):
            left += each.values()
            literal = each.get("reference")
            to = reference.parse(literal, base) if isinstance(literal, str) else None
            if to is not None:
                found[f"{to.type}/{to.id}"] = None
        elif isinstance(each, list):
            left += each
    return list(found)


def _together(event: Event, named: Sequence[str], threads: Mapping[str, Sequence[str]]) -> Sequence[str]:
    return [event.reference, *named, *(each for thread in named for each in threads.get(thread, ()))]


async def _in_threads(access: Access, base: str, named: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """Return whom the threads refer to that are ``named``: what belongs to a thread is for those among whom the thread is."""
    found = await _fetched(access, (each for each in named if each.startswith(f"{_THREAD}/")))
    return {thread: references(read(stored.body, OWN).resource, base) for thread, stored in found.items()}


async def _fetched(access: Access, wanted: Iterable[str]) -> Mapping[str, Stored]:
    asked = list(dict.fromkeys(wanted))
    if not asked:
        return {}
    grants = [access.gate.locating(type_) for type_ in sorted({each.partition("/")[0] for each in asked})]
    return {f"{each.type}/{each.id}": each for each in await access.repository.fetch(grants, asked)}
