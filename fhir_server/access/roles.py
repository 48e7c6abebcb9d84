"""The role matrix of ``profiles/roles.toml``: what each role may do with each type. What is not written there is closed."""

import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any

from fhir_server.access.actor import ROLES
from fhir_server.access.bsn import BsnRules

_LETTERS = "cruds"
_TABLES = {"every", "own", "sources", "supporting", "reach", "author", "record", "bsn", "operations"}


class RolesError(ValueError):
    """The role matrix names a type, a role or an interaction that does not exist; the text says which."""


@dataclass(frozen=True, slots=True)
class Roles:
    """The matrix: interactions as letters of "cruds".

    ``every`` gives a role letters on all types, ``own`` gives letters by type and role, ``sources`` the roles for which the
    source systems may be asked for a type, ``supporting`` the types that only come along with the answers about those.
    ``directory`` types belong to no dossier and are seen by team mates, ``common`` types by everybody, ``personal`` types by their
    author only, ``private`` types by their maker as long as they name no dossier. Of ``circle`` types a member of the network sees
    those in whose circle the member stands, of ``assigned`` types the member's own, of ``origin`` types
    those about what the member sees (``access/circle``). ``author`` is the search
    parameter by which a new resource must name its maker. ``representatives`` are the relationships ("system|code") by which a
    RelatedPerson represents the client. ``operations`` ("Type/$code") say which roles may call what changes a dossier.
    ``inspectors`` are the roles that read the record of everybody. ``bsn`` says who sees citizen service numbers.
    """

    every: Mapping[str, str]
    own: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, frozenset[str]]
    supporting: frozenset[str]
    directory: frozenset[str]
    personal: frozenset[str]
    author: Mapping[str, str]
    private: frozenset[str] = frozenset()
    common: frozenset[str] = frozenset()
    circle: frozenset[str] = frozenset()
    assigned: frozenset[str] = frozenset()
    origin: frozenset[str] = frozenset()
    bsn: BsnRules = field(default_factory=BsnRules)
    representatives: frozenset[str] = frozenset()
    inspectors: frozenset[str] = frozenset()
    operations: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def letters(self, role: str, type_: str) -> str:
        """Return what ``role`` may do with ``type_`` in the own store."""
        return self.every.get(role, "") + self.own.get(type_, {}).get(role, "")

    def with_letters(self, letters: Mapping[str, Mapping[str, str]]) -> "Roles":
        """Return the matrix with ``letters``, by type and role, instead of its own."""
        own = {type_: {**self.own.get(type_, {}), **row} for type_, row in letters.items()}
        return replace(self, own={**self.own, **own})

    def narrowed(self, types: Collection[str]) -> "Roles":
        """Return the matrix without types but ``types`` (none: all) for whoever has no letters on every type."""
        if not types:
            return self
        own = {type_: row for type_, row in self.own.items() if type_ in types}
        kept = {type_: roles if type_ in types else roles & self.every.keys() for type_, roles in self.sources.items()}
        return replace(self, own=own, sources=kept)

    def asks_sources(self, role: str, type_: str) -> bool:
        """Tell whether sources may be asked for ``type_`` in the name of ``role``."""
        if type_ in self.supporting:
            return any(role in roles for roles in self.sources.values())
        return role in self.sources.get(type_, frozenset())


def load_roles(types: Iterable[str], text: str | None = None) -> Roles:
    """Read the matrix (``text``, or the project's own) and check it against ``types``; raises RolesError."""
    return _loaded(frozenset(types), files("profiles").joinpath("roles.toml").read_text(encoding="utf-8") if text is None else text)


@cache
def _loaded(types: frozenset[str], text: str) -> Roles:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RolesError(f"roles.toml: {error}") from error
    if tables.keys() - _TABLES:
        raise RolesError(f"roles.toml: unknown table {', '.join(sorted(tables.keys() - _TABLES))}")
    _check(tables, types)
    reach = tables.get("reach", {})
    return Roles(
        every=tables.get("every", {}),
        own=tables.get("own", {}),
        sources={type_: frozenset(roles) for type_, roles in tables.get("sources", {}).items()},
        supporting=frozenset(tables.get("supporting", {}).get("types", ())),
        directory=frozenset(reach.get("directory", ())),
        personal=frozenset(reach.get("personal", ())),
        author=tables.get("author", {}),
        private=frozenset(reach.get("private", ())),
        common=frozenset(reach.get("common", ())),
        circle=frozenset(reach.get("circle", ())),
        assigned=frozenset(reach.get("assigned", ())),
        origin=frozenset(reach.get("origin", ())),
        bsn=BsnRules(**{name: frozenset(listed) for name, listed in tables.get("bsn", {}).items()}),
        representatives=frozenset(tables.get("record", {}).get("representatives", ())),
        inspectors=frozenset(tables.get("record", {}).get("inspectors", ())),
        operations={name: frozenset(listed) for name, listed in tables.get("operations", {}).items()},
    )


def _check(tables: Mapping[str, Any], types: frozenset[str]) -> None:
    reach, own, sources = (tables.get(name, {}) for name in ("reach", "own", "sources"))
    _known("reach", reach, {"directory", "personal", "private", "common", "circle", "assigned", "origin"}, "kind of reach")
    for name, listed in (*reach.items(), *_types(tables)):
        _known(name, listed, types, "resource type")
    for type_, roles in sources.items():
        _known(f"sources.{type_}", roles, ROLES, "role")
    for where, row in (("every", tables.get("every", {})), *((f"own.{type_}", row) for type_, row in own.items())):
        _known(where, row, ROLES, "role")
        for role, letters in row.items():
            _known(f"{where}.{role}", letters, _LETTERS, "interaction")
    for name, listed in tables.get("bsn", {}).items():
        _known("bsn", [name], {"all", "care", "own", "kinds"}, "kind of sight")
        _known(f"bsn.{name}", () if name == "kinds" else listed, ROLES, "role")
    _known("record.inspectors", tables.get("record", {}).get("inspectors", ()), ROLES, "role")
    for name, listed in tables.get("operations", {}).items():
        _known(f"operations.{name}", [name.partition("/$")[0]], types, "resource type")
        _known(f"operations.{name}", listed, ROLES, "role")
    unsigned = [type_ for type_ in reach.get("personal", ()) if type_ not in tables.get("author", {})]
    _known("author", unsigned, (), "author parameter of a personal type")


def _types(tables: Mapping[str, Any]) -> Iterator[tuple[str, Iterable[str]]]:
    yield "supporting", tables.get("supporting", {}).get("types", ())
    yield from ((name, tables.get(name, {})) for name in ("own", "sources", "author"))


def _known(where: str, names: Iterable[str], known: Iterable[str], what: str) -> None:
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise RolesError(f"roles.toml: {where}: unknown {what} {', '.join(unknown)}")
