"""Which data services this server can offer, and what each of them answers: ``profiles/medmij/services.toml``, checked."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from profiles.medmij import services_text

Home = Literal["network", "source"]
ID = re.compile(r"[0-9]{1,30}")
_KEYS = frozenset({"name", "role", "home", "read", "search"})
_SEARCH = frozenset({"type", "fixed", "parameters", "include", "iterate"})


class InvalidServices(ValueError):
    """``services.toml`` cannot be used; the text names the service and what is wrong."""


@dataclass(frozen=True, slots=True)
class Query:
    """One search that a service answers: of ``type``, narrowed by all of ``fixed`` (name, value), with the others named."""

    type: str
    fixed: tuple[tuple[str, str], ...] = ()
    parameters: frozenset[str] = frozenset()
    include: frozenset[str] = frozenset()
    iterate: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Service:
    """One data service: its ``id`` in the lists, the ``name`` that people read, the system ``role``, and what may be asked."""

    id: str
    name: str
    role: str
    home: Home
    read: frozenset[str]
    searches: tuple[Query, ...]

    @property
    def types(self) -> tuple[str, ...]:
        """Every resource type that may be asked for."""
        return tuple(sorted({*self.read, *(each.type for each in self.searches)}))

    @property
    def searched(self) -> frozenset[str]:
        """The types that may be searched: what the service is about."""
        return frozenset(each.type for each in self.searches)


@cache
def services() -> Mapping[str, Service]:
    """Return the services of the project, by their ids; raises InvalidServices."""
    return read_services(services_text())


def read_services(text: str, types: Collection[str] = ()) -> Mapping[str, Service]:
    """Return the services that ``text`` (TOML) declares; ``types`` are those that there are (none: not checked).

    Raises InvalidServices.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidServices(f"services.toml: {error}") from error
    found = {id_: _service(id_, table) for id_, table in tables.items()}
    for each in found.values():
        if types and (unknown := [type_ for type_ in each.types if type_ not in types]):
            raise InvalidServices(f"services.toml: [{each.id}] names unknown types: {', '.join(unknown)}")
    return found


def _service(id_: str, table: Any) -> Service:  # noqa: ANN401 - TOML
    if not ID.fullmatch(id_) or not isinstance(table, dict) or table.keys() != _KEYS:
        raise InvalidServices(f"services.toml: [{id_}] must be a number, with the keys {', '.join(sorted(_KEYS))}")
    if table["home"] not in get_args(Home):
        raise InvalidServices(f"services.toml: [{id_}] home must be one of {', '.join(get_args(Home))}")
    searches = tuple(_query(id_, each) for each in table["search"])
    return Service(id_, table["name"], table["role"], table["home"], frozenset(table["read"]), searches)


def _query(id_: str, table: dict[str, Any]) -> Query:
    if unknown := table.keys() - _SEARCH:
        raise InvalidServices(f"services.toml: [{id_}] search has an unknown key: {', '.join(sorted(unknown))}")
    return Query(
        type=table["type"],
        fixed=tuple(table.get("fixed", {}).items()),
        parameters=frozenset(table.get("parameters", ())),
        include=frozenset(table.get("include", ())),
        iterate=frozenset(table.get("iterate", ())),
    )
