"""How the rules of consent are kept: a row each, its lists as texts in which every item stands between two delimiters."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, Final

from fhir_server.catalog.catalog import Entry, load
from fhir_server.search.authorship import in_roles, made_by
from fhir_server.search.links import referrers
from fhir_server.search.rows import US, key, storable
from fhir_server.storage.consent_rule import FUNCTION, LABELS, UNKNOWN, Rule, in_function, specificity

SPECIFICITY: Final = ("spec_recipient", "spec_holder", "spec_data", "spec_context", "spec_time")
LISTS: Final = ("holders", "purposes", "categories", "actions", "labels", "instances", "authors", "dependents")
KEYS: Final = ("author_keys", "role_keys", "dependent_keys")
"""Under which keys of the index are found what the authors made, their roles, and what refers to the dependents' resources."""
_NUMBERS: Final = ("number", "data_low", "data_high", "starts", "ends")
_WORDS: Final = ("choice", "effect", "consent", "recipient")
TEXTS: Final = frozenset({*_WORDS, *LISTS, *KEYS})
COLUMNS: Final = ("dossier", "version", "place", "made", "who", "seat", "mask", *_NUMBERS, *SPECIFICITY, *_WORDS, *LISTS, *KEYS)
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
        *(",".join(map(str, keys)) for keys in _keys(rule)),
    )


def _keys(rule: Rule) -> Iterator[Iterable[int]]:
    """Yield what KEYS are; a name that is no reference has no key."""
    authors, dependents = ([each for each in names if each != UNKNOWN] for names in (rule.authors, rule.dependents))
    yield (found for each in authors for found in made_by(_types(), each))
    yield map(in_roles, authors)
    yield (found for each in dependents for found in referrers(_types(), each))


@cache
def _types() -> tuple[Entry, ...]:
    return tuple(load().types.values())


def _clean(value: str) -> str:
    return storable(value).replace(US, "\ufffd")
