"""The topics that can be subscribed to (``profiles/topics.toml``)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple


class Topic(NamedTuple):
    """What happens to the resources of one type; ``filters`` are the search parameters by which they can be narrowed down.

    ``interactions`` are those on which it fires: create and update, and with delete also when a resource is deleted.
    """

    url: str
    title: str
    resource: str
    filters: frozenset[str]
    interactions: frozenset[str]


@cache
def topics() -> Mapping[str, Topic]:
    """Return every topic by its canonical URL."""
    tables = tomllib.loads(files("profiles").joinpath("topics.toml").read_text(encoding="utf-8"))
    base: str = tables["base"]
    made = (
        Topic(base + name, each["title"], each["resource"], frozenset(each["filters"]), frozenset(tables["interactions"]))
        for name, each in tables["topics"].items()
    )
    return {each.url: each for each in made}
