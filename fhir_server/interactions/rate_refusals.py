"""What the record says of requests that are refused because there were too many: each caller once, and then how many in a minute.

A line for each of them would let who is refused fill the disk. Nothing of anybody was shown, so a number that is lost with the
process hides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.access.rates import DETAIL, network_of
from fhir_server.audit.record import Origin, row, times
from fhir_server.errors import TooMany
from fhir_server.storage.repository import AuditRow

PERIOD: Final = 60.0
"""Seconds between two lines about one caller."""


@dataclass(slots=True)
class _Tally:
    actor: Actor | None
    address: str
    number: int = 0


class RateRefusals:
    """The callers of whom the record knows that they are refused, and how many requests it does not know of yet."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._tallies: dict[str, _Tally] = {}

    def is_new(self, actor: Actor | None, origin: Origin) -> bool:
        """Tell whether a refused request gets a line of its own; else it is counted. ``actor`` is None for nobody known."""
        key = actor.reference if actor else network_of(origin.address)
        tally = self._tallies.get(key)
        if tally is None:
            self._tallies[key] = _Tally(actor, origin.address)
            return True
        tally.number += 1
        return False

    def due(self, now: int) -> Sequence[AuditRow]:
        """Return the lines about what was counted since the last time, at the instant ``now``; who was quiet is forgotten."""
        told = [each for each in self._tallies.values() if each.number]
        lines = [_line(each, now) for each in told]
        self._tallies = {key: _Tally(each.actor, each.address) for key, each in self._tallies.items() if each.number}
        return lines


def _line(tally: _Tally, now: int) -> AuditRow:
    origin = Origin(address=tally.address)
    return row(tally.actor, "unknown", TooMany.status, now, origin=origin, basis=DETAIL, detail=times(tally.number))
