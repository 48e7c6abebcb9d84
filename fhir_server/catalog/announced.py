"""Which types make events when they change (``profiles/subscriptions.toml``)."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Announced(NamedTuple):
    """``types`` can be subscribed to; ``people`` say who subscribers are; ``per_person`` Subscriptions is the most for each."""

    types: frozenset[str]
    people: frozenset[str]
    per_person: int

    @property
    def all(self) -> tuple[str, ...]:
        """Every type that makes events, sorted."""
        return tuple(sorted(self.types | self.people))


@cache
def announced() -> Announced:
    """Return what the file says."""
    tables = tomllib.loads(files("profiles").joinpath("subscriptions.toml").read_text(encoding="utf-8"))
    return Announced(frozenset(tables["types"]), frozenset(tables["people"]), tables["per_person"])
