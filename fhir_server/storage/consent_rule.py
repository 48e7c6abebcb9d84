"""One rule of a client's consent, as the store keeps it beside the Consent that it comes from."""

from dataclasses import dataclass
from typing import Final, Literal

from fhir_server.search.rows import EARLIEST, LATEST

Effect = Literal["permit", "deny", "none"]

HUB: Final = "hub"
"""The holder of what the server itself keeps: the dossier of the network."""

UNKNOWN: Final = "?"
"""In the place of a recipient, or among the values of a limit: what the Consent says there is not understood."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What one provision of a NetworkConsent says to one recipient about the dossier ``dossier`` ("Patient/id").

    A provision gives a recipient several rules when it names holders both by type and by themselves, or data both by instance and
    by author, since one is more specific than the other.

    ``choice`` ("system|value" of the Consent's identifier) tells which choices replace each other: of the rules with one choice
    only those count that were ``made`` last (microseconds, server order). ``effect`` "none" says nothing about access: it stands
    for a choice that was withdrawn or refused, so that it still replaces earlier ones and keeps consent in charge. ``consent`` and
    ``version`` are the Consent and its version, ``number`` counts its provisions, 0 for the root.

    ``recipient`` is "" (everyone), "Type/id" of a person, an Organization or a CareTeam, "kind:system|code" (organisations of that
    type) or "function:system|code" (people in that role). ``holders`` are HUB, "system|value" of an organisation's identifier, or
    "kind:system|code". ``purposes`` are codes of v3-ActReason or our own, ``categories`` are "system|code", ``actions`` codes of
    consentaction. An empty tuple limits nothing. ``labels`` (all codes of confidentiality that are meant, not just the ceiling),
    ``instances`` and ``authors`` ("Type/id") and ``data_low``/``data_high`` (microseconds, the date of the data, exclusive) limit
    which items are meant. ``starts`` and ``ends`` (exclusive) are the time in which the rule holds, in microseconds.

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
    data_low: int = EARLIEST
    data_high: int = LATEST
    starts: int = EARLIEST
    ends: int = LATEST
