"""Random rules, requests and items of consent, over a world so small that most of them have something to do with each other.

Each is made from one number, which is much faster than drawing every part; what shrinks is how many there are.
"""

from dataclasses import replace
from random import Random

from hypothesis import strategies as st

from fhir_server.access.consent import Item, Request
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import Range
from fhir_server.storage.consent_rule import HUB, UNKNOWN, Effect, Rule

DOSSIER = "Patient/p"
PEOPLE = ("Practitioner/a", "RelatedPerson/b")
ORGANISATIONS = ("Organization/a", "Organization/b")
TEAMS = ("CareTeam/a", "CareTeam/b")
KINDS, FUNCTIONS = ("types|a", "types|b"), ("roles|a", "roles|b")
RECIPIENTS = (*PEOPLE, *ORGANISATIONS, *TEAMS, *(f"kind:{each}" for each in KINDS), *(f"function:{each}" for each in FUNCTIONS))
HOLDERS = (HUB, "ura|a", "ura|b")
PURPOSES, ACTIONS = ("TREAT", "CAREMGT", "BTG"), ("access", "disclose")
CATEGORIES = ("own|message", "national|Condition")
LABELS = ("N", "R", "V")
REFERRED = ("CareTeam/a", "Communication/2")
INSTANCES, AUTHORS = ("Communication/1", "Communication/2"), ("Practitioner/a", "Practitioner/c")
NOW = 100
ALWAYS = (EARLIEST, LATEST)
PERIODS = (*[ALWAYS] * 8, (EARLIEST, NOW), (NOW, LATEST), (50, 150), (NOW + 1, LATEST))
DATA_PERIODS = ((0, 15), (10, 20), (10, LATEST))
DATES = (*[None] * 2, *(Range(low, low + width) for low in (0, 10, 20) for width in (1, 5, 10)))
EFFECTS: tuple[Effect, ...] = ("permit", "permit", "permit", "permit", "permit", "permit", "deny", "deny", "deny", "deny", "none")
_NUMBERS = st.integers(0, 2**32)


def _some(chance: Random, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return none, one or two; the first is in most."""
    return chance.choice(((), (), values[:1], values[:1], values[:2], values[-1:]))


def _known(chance: Random, values: tuple[str, ...]) -> tuple[str, ...] | None:
    return None if chance.random() < 0.15 else _some(chance, values)


def rule(number: int, *, unknown: bool = True) -> Rule:
    """Make one rule, with UNKNOWN now and then unless ``unknown`` is False."""
    chance = Random(number)
    effect = chance.choice(EFFECTS)
    choice = chance.choice("123456")
    limited = chance.choice(("", "", "", "", "", "labels", "instances", "authors", "dependents", "dates", "labels dates"))
    data_low, data_high = chance.choice(DATA_PERIODS) if "dates" in limited else ALWAYS
    starts, ends = chance.choice(PERIODS)
    made = Rule(
        dossier=DOSSIER,
        choice=f"c|{choice}",
        made=chance.choice((1, 2)),
        effect=effect,
        consent=f"Consent/{choice}",
        version=chance.choice((1, 2)),
        number=chance.choice((0, 1, 2)),
        recipient=chance.choice((*TEAMS, *PEOPLE, *RECIPIENTS) if effect == "permit" else ("", "", *RECIPIENTS)),
        holders=chance.choice((HOLDERS[:1], _some(chance, HOLDERS), _some(chance, tuple(f"kind:{each}" for each in KINDS)))),
        purposes=_some(chance, PURPOSES),
        categories=_some(chance, CATEGORIES),
        actions=chance.choice(((), (), ACTIONS[:1], ACTIONS[1:], ACTIONS)),
        labels=chance.choice((("N",), ("N", "R"), ("R", "V"))) if "labels" in limited else (),
        instances=INSTANCES[:1] if limited == "instances" else (),
        authors=AUTHORS[:1] if limited == "authors" else (),
        dependents=REFERRED if limited == "dependents" else (),
        data_low=data_low,
        data_high=data_high,
        starts=starts,
        ends=ends,
    )
    unreadable = "recipient", "holders", "purposes", "categories", "labels", "authors", "dependents"
    name = chance.choice((*[""] * 10, *unreadable)) if unknown else ""
    return replace(made, **{name: UNKNOWN if name == "recipient" else (UNKNOWN,)}) if name else made  # type: ignore[arg-type]


def item(number: int) -> Item:
    """Make one item."""
    chance = Random(number)
    reference, authors = chance.choice(("", *INSTANCES)), _some(chance, (*AUTHORS, ""))
    return Item(reference, _some(chance, LABELS), authors, chance.choice(DATES), _known(chance, REFERRED[:1]))


def request(number: int) -> Request:
    """Make one request without an item."""
    chance = Random(number)
    own = chance.random() < 0.5
    teams, ended = chance.choice((((), ()), (TEAMS[:1], ()), (TEAMS[:1], ()), (TEAMS, ()), (TEAMS[:1], TEAMS[1:]), ((), TEAMS)))
    return Request(
        people=(chance.choice(PEOPLE),),
        role=chance.choice(("practitioner", "related-person")),
        purpose=chance.choice(("", *["TREAT"] * 6, *PURPOSES)),
        category=chance.choice(("", *CATEGORIES[:1] * 5, *CATEGORIES)),
        at=NOW,
        organisations=_known(chance, ORGANISATIONS),
        kinds=_known(chance, KINDS),
        functions=_known(chance, FUNCTIONS),
        teams=teams,
        team_functions=_some(chance, FUNCTIONS) if teams else (),
        ended_teams=ended,
        action=chance.choice(("access", *ACTIONS)),
        holder=(HUB,) if own else chance.choice((("ura|a",), ("ura|a", "agb|a"), ("ura|b",))),
        holder_kinds=() if own else _known(chance, KINDS),
    )


rules = _NUMBERS.map(rule)
known_rules = _NUMBERS.map(lambda number: rule(number, unknown=False))
rule_sets = st.lists(rules, max_size=8)
items = _NUMBERS.map(item)
requests = _NUMBERS.map(request)
requests_of_items = _NUMBERS.map(lambda number: replace(request(number), item=item(number + 1)))
