"""Dossiers in which nobody takes part any more are announced to be erased; the system erases them with ``$expunge``.

Personal data are kept no longer than they are needed (AVG article 5.1e). Nothing is erased here, and what is announced can stay.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fhir_server.interactions import consequences
from fhir_server.interactions.call import Answer
from fhir_server.interactions.each_stored import each_stored
from fhir_server.interactions.hub_call import hub_call
from fhir_server.interactions.hub_change import hub_change
from fhir_server.interactions.recorded import line
from fhir_server.interactions.services import Services
from fhir_server.model.json import own
from fhir_server.network import access_notices
from fhir_server.network.message_thread import literal
from fhir_server.network.retention import CODES, PENDING, WAITING, Announced, task, used_again
from fhir_server.search.tree import And, Dossier, Everything, Node, Not, Query, Sort, Token
from fhir_server.storage.repository import Change, Stored, VersionConflict

_INTERACTION: Final = "$retention-round"
_DAY: Final = 86_400_000_000
_RECORD: Final = "AuditEvent"
_OWN: Final = Token("code", PENDING, CODES)
_NO_USE: Final[Mapping[str, Sequence[Node]]] = {
    "Task": (_OWN, Token("code", access_notices.CHOICE, access_notices.CODES)),
    "Communication": (Token("category", access_notices.NOTICE, access_notices.CODES),),
}
"""What the hub writes by itself, by type: it tells of a dossier, and is no use of it."""


class Unused:
    """The duty to announce, once a day, what was not used for ``days``; who wants to keep it has ``grace`` days to say so."""

    def __init__(self, days: int, grace: int) -> None:
        """Look for the first time in the first round; with 0 ``days`` nothing is announced."""
        self._days, self._grace = days, grace
        self._next = 0

    async def __call__(self, services: Services, now: int) -> None:
        """Announce what is due at the moment ``now`` (microseconds), and withdraw what is used again."""
        if not self._days or now < self._next:
            return
        self._next = now + _DAY
        before = now - self._days * _DAY
        async for stored in each_stored(services, "Task", And((_OWN, Token("status", WAITING)))):
            await self._withdraw(services, stored, before, now)
        async for stored in each_stored(services, "Patient", Everything()):
            if stored.updated < before:
                await self._announce(services, f"Patient/{stored.id}", before, now)

    async def _announce(self, services: Services, client: str, before: int, now: int) -> None:
        last = await last_use(services, client, before)
        if not last:
            return
        grant = services.gate.locating("Task")
        announced = Announced(client, last, now + self._grace * _DAY, await _officer(services))
        if await services.repository.read(grant, "Task", announced.id) is None:
            await _commit(services, hub_change(services, task(announced, now), None, now), client)

    async def _withdraw(self, services: Services, stored: Stored, before: int, now: int) -> None:
        known = own(stored.body)
        client = literal(known["for"], services.base)
        if not await last_use(services, client, before):
            await _commit(services, hub_change(services, used_again(known, now), stored, now), client)


async def last_use(services: Services, client: str, before: int) -> int:
    """Return when something in the dossier of ``client`` ("Patient/id") last changed, 0 for one that is in use.

    It is in use while a network of the client is active, and when something changed after ``before`` (microseconds).
    """
    if await _newest(services, "CareTeam", And((Dossier((client,)), Token("status", "active")))):
        return 0
    last = 0
    for name, entry in services.catalog.types.items():
        if entry.is_stored and (entry.patient or entry.own_dossier) and name != _RECORD:
            where = And((Dossier((client,)), *(Not(each) for each in _NO_USE.get(name, ()))))
            last = max(last, await _newest(services, name, where))
            if last >= before:
                return 0
    return last


async def _newest(services: Services, type_: str, where: Node) -> int:
    grant = services.gate.locating(type_)
    page = await services.repository.search(grant, Query(type_, where, Sort("_lastUpdated"), count=1))
    return max((each.updated for each in page.resources), default=0)


async def _officer(services: Services) -> str:
    officer = services.privacy_officer
    grant = services.gate.naming(officer.partition("/")[0]) if officer else None
    return officer if grant and await services.repository.fetch([grant], [officer]) else ""


async def _commit(services: Services, change: Change, client: str) -> None:
    call = hub_call(services, _INTERACTION, "Task", change.id, change.updated)
    try:
        await consequences.commit(call, [], [change], [line(call, Answer(200, dossier=client))])
    except VersionConflict:
        return  # somebody said something about it at the same moment: the next round sees
