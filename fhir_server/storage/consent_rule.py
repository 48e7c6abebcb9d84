"""One rule of a client's consent, as the store keeps it beside the Consent that it comes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from fhir_server.search.rows import EARLIEST, LATEST, US

Effect = Literal["permit", "deny", "none"]

HUB: Final = "hub"
"""The holder of what the server itself keeps: the dossier of the network."""

UNKNOWN: Final = "?"
"""In the place of a recipient, or among the values of a limit: what the Consent says there is not understood."""
FUNCTION: Final = "function:"
"""How a recipient begins that is a role of people."""
TEAM: Final = 2
"""How specific a recipient is that is a CareTeam."""
LABELS: Final = ("U", "L", "M", "N", "R", "V", "third-party")
"""The labels of an item that count: https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html, and our own."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one provision of a NetworkConsent says to one recipient about the dossier ``dossier`` ("Patient/id").

    A provision gives a recipient several rules when it names holders both by type and by themselves, or data in several ways
    (instance, dependents, author), since one is more specific than the other.

    ``choice`` ("system|value" of the Consent's identifier) tells which choices replace each other: of the rules with one choice
    only those count that were ``made`` last (microseconds, server order). ``effect`` "none" says nothing about access: it stands
    for a choice that was withdrawn or refused, so that it still replaces earlier ones and keeps consent in charge. ``consent`` and
    ``version`` are the Consent and its version, ``number`` counts its provisions, 0 for the root.

    ``recipient`` is "" (everyone), "Type/id" of a person, an Organization or a CareTeam, "kind:system|code" (organisations of that
    type) or "function:system|code" (people in that role). ``holders`` are HUB, "system|value" of an organisation's identifier, or
    "kind:system|code". ``purposes`` are codes of v3-ActReason or our own, ``categories`` are "system|code", ``actions`` codes of
    consentaction. An empty tuple limits nothing. ``labels`` (all codes of confidentiality that are meant, not just the ceiling),
    ``instances``, ``dependents`` (these and what refers to them), ``authors`` ("Type/id") and ``data_low``/``data_high``
    (microseconds, the date of the data, exclusive) limit which items are meant. ``starts`` and ``ends`` (exclusive) are the
    time in which the rule holds, in microseconds.

    UNKNOWN as recipient or among the values of a tuple fits no request where the rule permits, and every request where it denies.
    """

    dossier: str
    choice: str
    made: int
    effect: Effect
    consent: str
    version: int = 0
    number: int = 0
    recipient: str = ""
    holders: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    dependents: tuple[str, ...] = ()
    data_low: int = EARLIEST
    data_high: int = LATEST
    starts: int = EARLIEST
    ends: int = LATEST


class Specificity(NamedTuple):
    """How specific a rule is, in each dimension apart (0: not at all)."""

    recipient: int
    holder: int
    data: int
    context: int
    time: int


def specificity(rule: Rule) -> Specificity:
    """Return how specific ``rule`` is: its recipient (kind or function 1, team 2, organisation 3, person 4), holders and so on.

    The dimensions have no order among themselves: two rules of which each is the more specific one somewhere are not comparable.
    """
    data = 3 if rule.instances or rule.dependents else 2 if rule.labels or rule.authors else 1 if rule.categories else 0
    holder = 0 if not rule.holders else 1 if all(each.startswith("kind:") for each in rule.holders) else 2
    dated = (rule.data_low, rule.data_high) != (EARLIEST, LATEST)
    return Specificity(_recipient(rule.recipient), holder, data, int(bool(rule.purposes)), int(dated))


def _recipient(recipient: str) -> int:
    if not recipient:
        return 0
    prefixes = (("kind:", 1), ("function:", 1), ("CareTeam/", TEAM), ("Organization/", 3))
    return next((level for prefix, level in prefixes if recipient.startswith(prefix)), 4)


def in_function(dossier: str, function: str) -> str:
    """Return the dossier whose members are those who have ``function`` ("function:system|code") in the network of ``dossier``."""
    return f"{dossier}{US}{function}"


def function_of(dossier: str) -> str:
    """Return the function ("system|code") that the members of such a dossier have, "" for a dossier of another kind."""
    return dossier.partition(f"{US}{FUNCTION}")[2]


def withdrawn(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return what is left of ``rules`` when their Consent is deleted: each choice as withdrawn, so that none before it revives."""
    left: dict[tuple[str, str], Rule] = {}
    for rule in rules:
        left[rule.dossier, rule.choice] = Rule(rule.dossier, rule.choice, rule.made, "none", rule.consent, rule.version)
    return tuple(left.values())
