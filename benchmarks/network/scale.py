"""How many there are of what, and when things happened."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

BEGIN = datetime(2019, 1, 1, tzinfo=UTC)
END = datetime(2026, 10, 1, tzinfo=UTC)
_CLIENTS, _CARERS, _PROFESSIONALS, _ORGANIZATIONS = 11_000, 9_500, 11_000, 1_550
MAXIMUM = 90_000  # clients: so many BSNs nobody has


@dataclass(frozen=True, slots=True)
class Scale:
    """The size of a region: ``clients``, and the others in proportion."""

    clients: int
    seed: int = 0

    @property
    def professionals(self) -> int:
        """Return how many Practitioners there are, each with one PractitionerRole."""
        return max(4, self.clients * _PROFESSIONALS // _CLIENTS)

    @property
    def organizations(self) -> int:
        """Return how many Organizations there are."""
        return max(4, self.clients * _ORGANIZATIONS // _CLIENTS)

    def carers(self, client: int) -> range:
        """Return the numbers of the carers of a client: most have one, some two or none."""
        return range(self._carers_before(client), self._carers_before(client + 1))

    def _carers_before(self, client: int) -> int:
        whole, part = divmod(client, 10)
        return (whole * 10 + (0, 1, 1, 3, 4, 4, 5, 7, 8, 9)[part]) * _CARERS // _CLIENTS


def of_scale(scale: float, seed: int = 0) -> Scale:
    """Return the region that is ``scale`` times 11,000 clients; about a million resources at 1."""
    return Scale(round(_CLIENTS * scale), seed)


def first_day(pick: Random) -> datetime:
    """Return the moment a client's network began: more of them in later years."""
    return BEGIN + (END - timedelta(days=60) - BEGIN) * pick.random() ** 0.6


def working_moment(pick: Random, day: datetime) -> datetime:
    """Return a moment of ``day`` at which people write messages: mornings more than evenings, Sundays less."""
    if day.weekday() == 6 and pick.random() < 0.8:
        day += timedelta(days=1)
    seconds = int(min(max(pick.gauss(11.5, 3.2), 6.0), 23.5) * 3600)
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(seconds=seconds)


def instant(moment: datetime) -> str:
    """Return a FHIR instant in Dutch winter or (roughly) summer time."""
    hours = 2 if 4 <= moment.month <= 10 else 1
    return f"{(moment + timedelta(hours=hours)).isoformat()[:19]}+0{hours}:00"


def date(moment: datetime) -> str:
    """Return a FHIR date."""
    return moment.date().isoformat()
