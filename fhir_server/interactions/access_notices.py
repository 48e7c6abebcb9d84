"""Telling clients who chose so who saw their data (EHDS article 9): what ``$access-log`` shows, at most once a day.

What was told and until when is stored in one transaction, so that nothing is told twice, whatever is stopped or done at once.
"""

from dataclasses import replace
from datetime import datetime
from typing import Final

from fhir_server.access.actor import PURPOSES, Actor, local_system
from fhir_server.access.scope import parse_scopes
from fhir_server.audit.access_log import Words
from fhir_server.audit.texts import LANGUAGES, texts
from fhir_server.interactions import consequences
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.each_stored import each_stored
from fhir_server.interactions.hub_call import hub_call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.record_events import Lister
from fhir_server.interactions.record_reader import reader_of
from fhir_server.interactions.recorded import line
from fhir_server.interactions.represented import representatives
from fhir_server.interactions.services import Services
from fhir_server.model.json import own
from fhir_server.network.access_notices import CHOICE, CODES, ON, Resource, Told, after, concerns, notice, told_until
from fhir_server.network.message_thread import literal
from fhir_server.search.lines import LinePlace, Lines
from fhir_server.search.tree import And, Date, Dossier, Node, Token
from fhir_server.search.values import ZONE
from fhir_server.storage.repository import Logged, Stored, VersionConflict

_INTERACTION: Final = "$access-notice-round"
_MICROSECONDS: Final = 1_000_000
_SETTLED: Final = 600 * _MICROSECONDS  # by then every line of a day is in the record
_LOOK_BACK: Final = 31 * 86_400 * _MICROSECONDS
_AT_ONCE: Final = 200
_MOST: Final = 10_000  # lines that are looked at for one notice
_CHOICES: Final = And((Token("code", CHOICE, CODES), Token("status", ON)))


class AccessNotices:
    """The duty to tell, once the day is over, who saw whose data."""

    def __init__(self) -> None:
        """Look for the first time in the first round."""
        self._until = self._looking = 0
        self._looked: set[str] = set()

    async def __call__(self, services: Services, now: int) -> None:
        """Tell what was done until the last midnight before the moment ``now`` (microseconds)."""
        until = _midnight(now - _SETTLED)
        if until <= self._until:
            return
        if until > self._looking:
            self._looking, self._looked = until, set()
        if failed := await self._look(services, until, now):
            raise failed[0]
        self._until, self._looked = until, set()

    async def _look(self, services: Services, until: int, now: int) -> list[Exception]:
        """Tell everybody who was not yet told; return what went wrong."""
        failed: list[Exception] = []
        async for stored in each_stored(services, "Task", _CHOICES):
            if stored.id not in self._looked:
                try:
                    await _tell(services, stored, until, now)
                    self._looked.add(stored.id)
                except Exception as error:  # noqa: BLE001 - the others are to be told all the same, this one in the next round
                    failed.append(error)
        return failed


async def _tell(services: Services, stored: Stored, until: int, now: int) -> None:
    choice = own(stored.body)
    client = literal(choice["for"], services.base)
    told = Told(client, max(told_until(choice), until - _LOOK_BACK), until)
    if told.since >= until:
        return
    call = hub_call(services, _INTERACTION, "Task", stored.id, now)
    made = await _notice(call, told)
    if made is None:
        return
    changes = [hub_change(services, after(choice, until, now), stored, now), hub_change(services, made, None, now)]
    try:
        await consequences.commit(call, [], changes, [line(call, Answer(200, dossier=client))])
    except VersionConflict:
        return  # the client chose otherwise at the same moment, or another process told it


async def _notice(call: Call, told: Told) -> Resource | None:
    """Return the notice, None when nobody looked."""
    reading = replace(call, actor=_client(told.client))
    lister = Lister(reading, await reader_of(reading, "search"))
    lines = await _lines(lister, told)
    if not lines:
        return None
    names = await lister.names(each for one in lines for each in (one.line.actor, one.line.organisation))
    labels = {name: entry.audit for name, entry in call.services.catalog.types.items()}
    rows = [each.line for each in lines]
    entries = [(language, Words(language, labels, ZONE).entries(rows, names)) for language in map(texts, LANGUAGES)]
    return notice(told, await representatives(call, told.client), entries, call.now)


async def _lines(lister: Lister, told: Told) -> list[Logged]:
    """Return the lines that the client is told of, the newest first."""
    low, high = told.since, told.until
    parts: tuple[Node, ...] = (Dossier((told.client,)), Date("date", "ge", low, low), Date("date", "lt", high, high))
    found: list[Logged] = []
    asked = Lines(And(parts), _AT_ONCE)
    for _ in range(_MOST // _AT_ONCE):
        batch = await lister.lines(asked)
        found += [each for each in batch if low <= each.line.recorded < high and _is_told(lister, each, told.client)]
        if len(batch) < _AT_ONCE:
            break
        asked = replace(asked, after=LinePlace(batch[-1].line.recorded, batch[-1].row))
    return found


def _is_told(lister: Lister, logged: Logged, client: str) -> bool:
    return client in lister.clients(logged.line) and concerns(logged.line, client, local_system().reference)


def _client(client: str) -> Actor:
    """Return the client as the reader of their own access log."""
    return Actor(client, "patient", parse_scopes("patient/*.rs"), client, PURPOSES["patient"], people=(client,))


def _midnight(at: int) -> int:
    """Return when the day of the moment ``at`` (microseconds) began, where people live."""
    day = datetime.fromtimestamp(at // _MICROSECONDS, ZONE).replace(hour=0, minute=0, second=0)
    return round(day.timestamp()) * _MICROSECONDS
