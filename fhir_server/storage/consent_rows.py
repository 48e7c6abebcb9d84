"""How the rules of consent are kept: a row each, its lists as texts in which every item stands between two delimiters."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from fhir_server.search.rows import US, key, storable
from fhir_server.storage.consent_rule import FUNCTION, LABELS, Rule, in_function, specificity

SPECIFICITY: Final = ("spec_recipient", "spec_holder", "spec_data", "spec_context", "spec_time")
LISTS: Final = ("holders", "purposes", "categories", "actions", "labels", "instances", "authors")
_NUMBERS: Final = ("number", "data_low", "data_high", "starts", "ends")
_WORDS: Final = ("choice", "effect", "consent", "recipient")
TEXTS: Final = frozenset({*_WORDS, *LISTS})
COLUMNS: Final = ("dossier", "version", "place", "made", "who", "seat", "mask", *_NUMBERS, *SPECIFICITY, *_WORDS, *LISTS)
"""All columns but ``row``, which is known when the Consent is written."""
EVERYONE: Final = 0

RuleRow = tuple[Any, ...]


def rows(rules: Sequence[Rule], made: int, version: int) -> list[RuleRow]:
    """Return the rows (COLUMNS) of ``rules``, which the change at the instant ``made`` to ``version`` makes."""
    return [_row(rule, made, version, place) for place, rule in enumerate(rules)]


def rule(row: RuleRow, dossier: str) -> Rule:
    """Return the rule about ``dossier`` that a row (COLUMNS) keeps."""
    found = dict(zip(COLUMNS, row, strict=True))
    more: dict[str, Any] = {name: tuple(found[name].strip(US).split(US)) if found[name] else () for name in LISTS}
    more |= {name: found[name] for name in ("version", "made", *_NUMBERS, *_WORDS)}
    return Rule(dossier, **more)


def items(values: Sequence[str]) -> str:
    """Return ``values`` as one text, "" for none."""
    return f"{US}{US.join(_clean(value) for value in values)}{US}" if values else ""


def item(value: str) -> str:
    """Return the part of such a text that stands for ``value``."""
    return f"{US}{_clean(value)}{US}"


def mask(labels: Iterable[str]) -> int:
    """Return ``labels`` as a bit for each of LABELS."""
    return sum(1 << LABELS.index(label) for label in set(labels) & set(LABELS))


def _row(rule: Rule, made: int, version: int, place: int) -> RuleRow:
    who = key(rule.recipient) if rule.recipient else EVERYONE
    seat = key(in_function(rule.dossier, rule.recipient)) if rule.recipient.startswith(FUNCTION) else EVERYONE
    numbers = (getattr(rule, name) for name in _NUMBERS)
    words = (storable(getattr(rule, name)) for name in _WORDS)
    return (
        *(key(rule.dossier), version, place, made, who, seat, mask(rule.labels)),
        *(*numbers, *specificity(rule), *words),
        *(items(getattr(rule, name)) for name in LISTS),
    )


def _clean(value: str) -> str:
    return storable(value).replace(US, "\ufffd")
