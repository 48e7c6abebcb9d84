"""Break-glass: what a professional may see in an emergency although nobody permits it, and what must then follow.

Who may is data: ``profiles/break-glass.toml``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Final

from fhir_server.access.consent import Decision, decide, newest
from fhir_server.access.consent_match import ACCESS, Request, limits_items, matches
from fhir_server.storage.consent_rule import UNKNOWN, Rule

PURPOSE: Final = "BTG"
VERY_RESTRICTED: Final = "V"
_MINUTE: Final = 60_000_000


class BreakGlassError(ValueError):
    """The file of break-glass is not as it must be; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """Who may break the glass, and what it costs.

    ``functions`` ("system|code") are qualified for it; ``minutes`` is how long it lasts, ``reason_length`` how many characters the
    reason has at least, and ``obligations`` are what must follow: ``notice`` is what the client is told, in each language
    ({who}, {organisation}, {date}, {time}), ``review`` the task that is due in ``working_days``.
    """

    functions: frozenset[str]
    minutes: int
    reason_length: int
    obligations: tuple[str, ...]
    notice: Mapping[str, str] = field(default_factory=dict)
    review: str = ""
    working_days: int = 3


@cache
def break_glass() -> BreakGlass:
    """Return the project's own settings; raises BreakGlassError."""
    return read(files("profiles").joinpath("break-glass.toml").read_text(encoding="utf-8"))


def read(text: str) -> BreakGlass:
    """Read the settings; raises BreakGlassError."""
    try:
        table = tomllib.loads(text)
        found = BreakGlass(
            functions=frozenset(f"{each['system']}|{code}" for each in table["qualified"] for code in each["codes"]),
            minutes=int(table["minutes"]),
            reason_length=int(table["reason_length"]),
            obligations=tuple(table["obligations"]),
            notice=dict(table["notice"]),
            review=str(table["review"]["text"]),
            working_days=int(table["review"]["working_days"]),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise BreakGlassError(f"break-glass.toml: {error}") from error
    if not found.functions or found.minutes < 1 or found.reason_length < 1:
        raise BreakGlassError("break-glass.toml: it needs qualified functions, and minutes and reason_length above 0")
    return found


def decide_in_emergency(request: Request, rules: tuple[Rule, ...], reason: str, settings: BreakGlass | None = None) -> Decision:
    """Decide on ``request``, whose purpose is BTG, by the ``rules`` of one dossier; ``reason`` is what the professional says.

    Refused are who is not qualified or gives no reason, every action but access, what is labelled very restricted, and whatever the
    client denied for this purpose by name. Everything else is permitted, for as long and on the obligations that the settings say,
    whatever consent or holder say to it. Because of the labels every item has to be decided by itself. The caller asks about one
    client, and has stopped before what no emergency opens: a closed dossier, a token or an organisation that is no longer valid.
    """
    settings = settings or break_glass()
    if request.purpose != PURPOSE:
        return decide(request, rules)
    if not may_break(request, reason, settings):
        return Decision(False, ("btg-not-qualified",))
    found = tuple(rule for rule in newest(rules) if _refuses(rule) and matches(rule, request))
    residual = () if request.item is not None else tuple(rule for rule in found if limits_items(rule))
    if len(found) > len(residual):
        return Decision(False, ("btg-refused",), found)
    if request.item is not None and VERY_RESTRICTED in request.item.labels:
        return Decision(False, ("btg-label",))
    until = min(request.at + settings.minutes * _MINUTE, request.standing_ends)
    return Decision(True, ("btg",), (), residual, settings.obligations, until)


def may_break(request: Request, reason: str, settings: BreakGlass) -> bool:
    """Tell whether who asks is a professional in a qualified function who reads, and says why."""
    qualified = request.functions is not None and not settings.functions.isdisjoint(request.functions)
    said = len("".join(reason.split())) >= settings.reason_length
    return request.role == "practitioner" and request.action == ACCESS and qualified and said


def _refuses(rule: Rule) -> bool:
    """Tell whether the client denies emergencies by name: a denial for every purpose does not speak of them."""
    return rule.effect == "deny" and not {PURPOSE, UNKNOWN}.isdisjoint(rule.purposes)
