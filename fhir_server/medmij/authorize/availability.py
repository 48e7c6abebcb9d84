"""Whether a provider has something for a client: the availability test (Beschikbaarheidstoets), run before consent is asked.

There is, or was, a relation of treatment; the provider gives data of this client; the client is 16 or older.
https://afsprakenstelsel.medmij.nl/asverplicht/mmverplicht/verantwoordelijkheden-zorg
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal

from fhir_server.interactions.care import care_of
from fhir_server.interactions.hub_call import hub_call
from fhir_server.interactions.services import Services
from fhir_server.medmij.registry import Provider
from fhir_server.model.body import OWN
from fhir_server.model.json import read

Reason = Literal["", "not-client", "too-young", "nothing"]
AGE: Final = 16
_MICROSECONDS: Final = 1_000_000
_MONTHS: Final = 12


@dataclass(frozen=True, slots=True)
class Availability:
    """The ids of the ``services`` of a provider that have something for a client, in order; none: ``reason`` says why."""

    services: tuple[str, ...] = ()
    reason: Reason = ""


async def available(services: Services, provider: Provider, person: str, now: int) -> Availability:
    """Return what ``provider`` has for who logged in as ``person`` ("Type/id") at the instant ``now`` (microseconds)."""
    if not person.startswith("Patient/"):
        return Availability(reason="not-client")
    grant = services.gate.locating("Patient")
    found = await services.repository.fetch([grant], [person])
    if not found:
        return Availability(reason="not-client")
    patient = read(found[0].body, OWN).resource
    if patient.get("active") is False:
        return Availability(reason="not-client")
    if not is_old_enough(patient, datetime.fromtimestamp(now // _MICROSECONDS, UTC).date()):
        return Availability(reason="too-young")
    held = await _held(services, provider, person, now)
    return Availability(held, "" if held else "nothing")


def is_old_enough(patient: dict[str, Any], today: date) -> bool:
    """Tell whether it is certain that a Patient is 16: of a date that is not whole the last day counts, of none nothing is."""
    parts = str(patient.get("birthDate", "")).split("-")
    if not parts[0]:
        return False
    year, month = int(parts[0]), int(parts[1]) if len(parts) > 1 else _MONTHS
    day = int(parts[2]) if len(parts) > 2 else 31  # noqa: PLR2004 - year, month, day
    return (year + AGE, month, day) <= (today.year, today.month, today.day)


async def _held(services: Services, provider: Provider, patient: str, now: int) -> tuple[str, ...]:
    if not provider.organisation:
        return tuple(provider.services)
    call = hub_call(services, "search-type", "Patient", "", now)
    care = await care_of(call, patient)
    if care is None:
        return ()
    organisations = care.organisations & provider.organisation
    plan = services.federation.plan
    return tuple(id_ for id_, each in provider.services.items() if any(plan(type_, organisations) for type_ in each.searched))
