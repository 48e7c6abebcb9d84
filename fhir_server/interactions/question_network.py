"""The network of a question, as the store knows it: its team, its ladder, and who there could answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.interactions.able_to_see import able_to_see
from fhir_server.interactions.call import Call
from fhir_server.interactions.thread_store import ThreadStore
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from fhir_server.network import escalation
from fhir_server.network.escalation import Available
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.ladder import Ladder, default_ladder, is_ladder, ladder_of, named_ladder
from fhir_server.network.message_thread import literal
from fhir_server.network.question import Question
from fhir_server.search.tree import And, Query, ReferenceTo, Token, Uri

_MOST: Final = 50
Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Network:
    """The CareTeam of a question's client, and its ladder."""

    careteam: Resource
    ladder: Ladder

    @property
    def reference(self) -> str:
        """The team, "CareTeam/id"."""
        return f"CareTeam/{self.careteam['id']}"


async def network_asked(call: Call, store: ThreadStore, request: Resource) -> Network | None:
    """Return the network to which a new question goes: the client's team among its recipients, else the client's first one."""
    base = call.services.base
    patient = literal(mapped(request, "subject"), base)
    named = [literal(each, base) for each in listed(request, "recipient")]
    teams = list((await store.after([each for each in named if each.startswith("CareTeam/")])).values())
    teams = [each for each in teams if _is_of(each, patient, base)] or await _teams(call, patient)
    return await _network(call, teams[0]) if patient and teams else None


async def network_of_question(call: Call, store: ThreadStore, question: Question) -> Network | None:
    """Return the network of a question that is on its way, None when the team is not there any more."""
    found = (await store.after([question.network])).get(question.network)
    return await _network(call, found) if found else None


async def who_could(call: Call, network: Network, patient: str, asker: Iterable[str]) -> list[Available]:
    """Return who is at each level of the network's ladder, apart from ``asker``, and which levels are passed over."""
    base, now = call.services.base, call.now
    everybody = [each for each in escalation.available(network.ladder, network.careteam, asker, None, now, base) if each.people]
    able = await able_to_see(call, patient, {one for each in everybody for one in each.people})
    return escalation.available(network.ladder, network.careteam, asker, able, now, base)


async def _network(call: Call, careteam: Resource) -> Network:
    return Network(careteam, await _ladder(call, named_ladder(careteam)))


async def _ladder(call: Call, canonical: str) -> Ladder:
    """Return the ladder ``canonical``; the default one where there is none of that name, since no question may get stuck."""
    url, _, version = canonical.partition("|")
    if not url or url == default_ladder().canonical.partition("|")[0]:
        return default_ladder()
    where = And((Uri("url", url), Token("status", "active")))
    grant = call.services.gate.locating("PlanDefinition")
    page = await call.services.repository.search(grant, Query("PlanDefinition", where, count=_MOST))
    plans = [read(each.body, OWN).resource for each in page.resources]
    fitting = [each for each in plans if is_ladder(each) and (not version or text(each, "version") == version)]
    newest = max(fitting, key=lambda each: str(each["meta"]["lastUpdated"]), default=None)
    return ladder_of(newest) if newest else default_ladder()


async def _teams(call: Call, patient: str) -> list[dict[str, Any]]:
    where = And((ReferenceTo("subject", patient), Token("status", "active")))
    grant = call.services.gate.locating("CareTeam")
    page = await call.services.repository.search(grant, Query("CareTeam", where, count=_MOST))
    return sorted((read(each.body, OWN).resource for each in page.resources), key=lambda each: str(each["id"]))


def _is_of(team: Resource, patient: str, base: str) -> bool:
    return bool(patient) and literal(mapped(team, "subject"), base) == patient
