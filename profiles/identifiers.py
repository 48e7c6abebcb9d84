"""What ``identifiers.toml`` says: the rules of identifiers by system, and the systems that mean the same."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from profiles.conformance import identifier_systems


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values of one kind of identifier are written, and on which ``types`` it belongs (none: on all)."""

    name: str
    pattern: re.Pattern[str] | None
    eleven: bool
    form: str
    types: tuple[str, ...]


@cache
def rules() -> Mapping[str, Rule]:
    """Return the rules by the system of the identifier, other names included."""
    return {system: _rule(each) for each in _tables()["system"] for names in _names(each) for system in names}


@cache
def equivalents() -> Mapping[str, tuple[str, ...]]:
    """Return for a system of identifiers or codes all that a search by it finds, itself too; only where there are several."""
    tables = _tables()
    found: dict[str, tuple[str, ...]] = {}
    for each in tables["system"] if tables["also"] else ():
        same, older = _names(each)
        found |= dict.fromkeys(same, (*same, *older))
    for codes in tables["codes"] if tables["also"] else ():
        found |= dict.fromkeys(codes, tuple(codes))
    return {system: names for system, names in found.items() if len(names) > 1}


def _tables() -> dict[str, Any]:
    return tomllib.loads((files("profiles") / "identifiers.toml").read_text(encoding="utf-8"))


def _names(table: Mapping[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that are good now, and the older ones."""
    same = (table["system"], *table.get("same", ()))
    return same, tuple(dict.fromkeys((*table.get("older", ()), *_of_naming_systems(table["system"]))))


def _of_naming_systems(system: str) -> Iterator[str]:
    for preferred, *older in identifier_systems():
        if preferred == system:
            yield from older


def _rule(table: Mapping[str, Any]) -> Rule:
    pattern = re.compile(table["pattern"]) if "pattern" in table else None
    return Rule(table["name"], pattern, table.get("eleven", False), table.get("form", ""), tuple(table.get("types", ())))
