"""Who may see what of one dossier, as the store has it now: the network, the data categories and their holders, the rules."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.access.actor import Role
from fhir_server.access.sight import Held, Member, Sight, sights
from fhir_server.interactions.call import Call
from fhir_server.interactions.care import Care, care_of
from fhir_server.interactions.network_of import network_of
from fhir_server.storage.consent_rule import HUB, Rule

MESSAGE: Final = "message"
_PURPOSES: Final = ("TREAT", "PATRQT")


@dataclass(frozen=True, slots=True)
class Outlook:
    """Everything that decides on the dossier of ``patient`` ("Patient/id"), apart from the rules of consent."""

    patient: str
    members: tuple[Member, ...]
    held: tuple[Held, ...]
    at: int

    def sights(self, rules: Sequence[Rule], purposes: Iterable[str] = ()) -> tuple[Sight, ...]:
        """Return what everybody may see under ``rules``, for the usual purposes, those of the rules, and ``purposes``."""
        asked = dict.fromkeys((*_PURPOSES, *(each for rule in rules for each in rule.purposes), *purposes))
        return sights(self.patient, self.members, self.held, tuple(asked), rules, self.at)


async def outlook(call: Call, patient: str) -> Outlook | None:
    """Return the outlook on the dossier of ``patient``, None when there is no such client. The gate must have decided before."""
    care = await care_of(call, patient)
    if care is None:
        return None
    return Outlook(patient, await network_of(call, patient), (*_own(call), *_of_sources(call, care)), call.now)


def _own(call: Call) -> list[Held]:
    gate = call.services.gate
    found: dict[str, set[Role]] = {}
    for entry in call.services.catalog.types.values():
        if entry.category and entry.home != "federated":
            for each in (entry, *(of for _, of in entry.of_parts)):
                found.setdefault(each.category_coding, set()).update(gate.readers(entry.name))
    message = {each.category_coding for each in call.services.catalog.types.values() if each.category == MESSAGE}
    return [Held(category, HUB, frozenset(roles), open_without=category in message) for category, roles in found.items()]


def _of_sources(call: Call, care: Care) -> list[Held]:
    services = call.services
    found: dict[tuple[str, str], Held] = {}
    for entry in services.catalog.types.values():
        if not entry.category or entry.home == "owned":
            continue
        for step in services.federation.plan(entry.name, care.organisations):
            name = step.source.options.get("display", step.source.name)
            names = tuple(f"{system}|{value}" for system, value in sorted(step.source.organisation))
            roles = services.gate.askers(entry.name) | found.get((entry.category_coding, name), _NOBODY).roles
            found[entry.category_coding, name] = Held(entry.category_coding, name, roles, names)
    return list(found.values())


_NOBODY: Final = Held("", "", frozenset())
