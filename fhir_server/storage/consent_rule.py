"""One rule of a client's consent, as the store keeps it beside the Consent that it comes from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from fhir_server.search.rows import EARLIEST, LATEST

Effect = Literal["permit", "deny", "none"]

HUB: Final = "hub"
"""The holder of what the server itself keeps: the dossier of the network."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one provision of a NetworkConsent says to one recipient about the dossier ``dossier`` ("Patient/id").

    ``choice`` ("system|value" of the Consent's identifier) tells which choices replace each other: of the rules with one choice
    only those count that were ``made`` last (microseconds, server order). ``effect`` "none" says nothing about access: it stands
    for a choice that was withdrawn or refused, so that it still replaces earlier ones and keeps consent in charge. ``consent`` and
    ``version`` are the Consent and its version, ``number`` counts its provisions, 0 for the root.

    ``recipient`` is "" (everyone), "Type/id" of a person, an Organization or a CareTeam, "kind:system|code" (organisations of that
    type) or "function:system|code" (people in that role). ``holders`` are HUB, "system|value" of an organisation's identifier, or
    "kind:system|code". ``purposes`` are codes of v3-ActReason or our own, ``categories`` are "system|code", ``actions`` codes of
    consentaction. An empty tuple limits nothing. ``labels`` (codes of confidentiality), ``instances`` and ``authors`` ("Type/id")
    and ``data_low``/``data_high`` (microseconds, the date of the data) limit which items are meant. ``starts`` and ``ends``
    (exclusive) are the time in which the rule holds, in microseconds.
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
    data_low: int = EARLIEST
    data_high: int = LATEST
    starts: int = EARLIEST
    ends: int = LATEST


def specificity(rule: Rule) -> tuple[int, int, int, int, int]:
    """Return how specific ``rule`` is: recipient, holder, data, context and time, each 0 when it says nothing about that."""
    data = 3 if rule.instances else 2 if rule.labels or rule.authors else 1 if rule.categories else 0
    bounded = rule.data_low > EARLIEST or rule.data_high < LATEST
    holder = 0 if not rule.holders else 1 if any(each.startswith("kind:") for each in rule.holders) else 2
    return _recipient(rule.recipient), holder, data, int(bool(rule.purposes)), int(bounded)


def _recipient(recipient: str) -> int:
    if not recipient:
        return 0
    if recipient.startswith(("kind:", "function:")):
        return 1
    return {"CareTeam": 2, "Organization": 3}.get(recipient.partition("/")[0], 4)


def withdrawn(rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return what is left of ``rules`` when their Consent is deleted: that each choice was withdrawn, so that none before it revives."""
    left = {(rule.dossier, rule.choice): Rule(rule.dossier, rule.choice, rule.made, "none", rule.consent, rule.version) for rule in rules}
    return tuple(left.values())
