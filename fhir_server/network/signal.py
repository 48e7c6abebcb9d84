"""Signals, "many eyes": anybody in a network tells what they are concerned about, and a coordinator looks into it.

A signal is a conversation (CommunicationRequest) among who posts it and the coordinators, unverified until one of them says what it
is. Topics, roles and words are data: ``profiles/signals``. https://hl7.org/fhir/R4/communicationrequest.html
"""

import json
import tomllib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.authority import SIGNAL_STATE
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.json_parts import listed, mapped, text
from fhir_server.network.message_thread import literal
from fhir_server.network.network_roles import holders
from fhir_server.network.participation import current, reference, stands_in_for
from fhir_server.search.values import span

CATEGORY: Final = {"system": f"{CANONICAL}/CodeSystem/conversation-category", "code": "signal"}
TOPICS: Final = f"{CANONICAL}/CodeSystem/signal-topic"
UNVERIFIED, REFUTED = "unverified", "refuted"
OUTCOMES: Final = ("verified", "refuted", "duplicate")
_DAY: Final = 86_400_000_000
_OWNERS: Final = frozenset({"Practitioner", "PractitionerRole", "RelatedPerson", "CareTeam"})

Resource = Mapping[str, Any]
Coding = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Signals:
    """All of ``signals.toml``, with the topics of our own by code (what they are called)."""

    roles: Sequence[str]
    days: int
    priority: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    topics: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Posted:
    """What somebody (``poster``, "Type/id") posts about ``patient`` at the moment ``at`` (microseconds)."""

    id: str
    patient: str
    poster: str
    words: str
    topic: Coding
    severity: str
    at: int


@cache
def signals() -> Signals:
    """Read the files; raises ValueError or KeyError when they are not as they must be."""
    folder = files("profiles") / "signals"
    given = tomllib.loads((folder / "signals.toml").read_text(encoding="utf-8"))
    concepts = json.loads((folder / "CodeSystem-signal-topic.json").read_text(encoding="utf-8"))["concept"]
    topics = {each["code"]: each["display"] for each in concepts}
    return Signals(tuple(given["roles"]), given["days"], given["priority"], given["words"], topics)


def recipients(teams: Iterable[Resource], poster: Collection[str], at: int, base: str = "") -> tuple[str, ...]:
    """Return who looks into signals of ``poster`` (all references of one person): who has the first role that somebody else has.

    Who stands in for one of them does so too.
    """
    active = [each for each in teams if text(each, "status") == "active"]
    for role in signals().roles:
        found = dict.fromkeys(who for each in active for who in _with_cover(each, role, at, base))
        others = tuple(who for who in found if who not in poster and who.partition("/")[0] in _OWNERS)
        if others:
            return others
    return ()


def addressed(signal: Resource, owner: str, base: str = "") -> dict[str, Any] | None:
    """Return the signal with ``owner`` ("Type/id") among those who look into it, None when that is so already."""
    if owner in (literal(each, base) for each in listed(signal, "recipient")):
        return None
    return {**signal, "recipient": [*listed(signal, "recipient"), reference(owner)]}


def _with_cover(team: Resource, role: str, at: int, base: str) -> tuple[str, ...]:
    """Return who has ``role`` in a team, and who stands in for one of them now."""
    named = holders(team, role, at, base)
    there = current(team, at)
    return (*named, *(literal(mapped(each, "member"), base) for each in there if stands_in_for(each, base) in named))


def request(posted: Posted, to: Sequence[str]) -> dict[str, Any]:
    """Return the conversation that a signal begins; ``to`` are its recipients, the client where nobody looks into it."""
    return {
        "resourceType": "CommunicationRequest",
        "id": posted.id,
        "meta": {"tag": [{"system": SIGNAL_STATE, "code": UNVERIFIED}]},
        "status": "active",
        "category": [{"coding": [dict(CATEGORY)]}],
        "priority": signals().priority[posted.severity],
        "subject": reference(posted.patient),
        "payload": [{"contentString": posted.words}],
        "authoredOn": instant(posted.at),
        "requester": reference(posted.poster),
        "recipient": [reference(each) for each in to or (posted.patient,)],
        "reasonCode": [{"coding": [dict(posted.topic)]}],
    }


def with_state(signal: Resource, state: str) -> dict[str, Any]:
    """Return the signal with what was found of it."""
    meta = mapped(signal, "meta")
    others = [each for each in listed(meta, "tag") if each.get("system") != SIGNAL_STATE]
    return {**signal, "meta": {**meta, "tag": [*others, {"system": SIGNAL_STATE, "code": state}]}}


def state_of(signal: Resource) -> str:
    """Return what was found of a signal so far, "" for what is none: only the server gives these tags."""
    tags = listed(mapped(signal, "meta"), "tag")
    return next((text(each, "code") for each in tags if each.get("system") == SIGNAL_STATE), "")


def topic_of(signal: Resource) -> tuple[str, str]:
    """Return system and code of what a signal is about."""
    coding = next((one for each in listed(signal, "reasonCode") for one in listed(each, "coding")), {})
    return text(coding, "system"), text(coding, "code")


def posters(found: Iterable[Resource], topic: Coding, people: Collection[str], at: int, base: str = "") -> int:
    """Return how many people posted a signal on ``topic`` in the days before ``at``, who posts now (``people``) among them.

    What turned out not to be so does not count.
    """
    about = (topic.get("system", ""), topic["code"])
    same = [each for each in found if state_of(each) not in {"", REFUTED} and topic_of(each) == about]
    recent = (
        literal(mapped(each, "requester"), base) for each in same if span(text(each, "authoredOn")).low > at - signals().days * _DAY
    )
    return 1 + len({each for each in recent if each not in people})
