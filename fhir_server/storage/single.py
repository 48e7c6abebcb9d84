"""The statements on resources known by reference: read, vread, fetch, and the checks of a commit."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from fhir_server.search.tree import MemberOf
from fhir_server.storage import consent_rows
from fhir_server.storage.compile import COLUMNS, TEXTS
from fhir_server.storage.conditions import condition, dossiers_of, lasting
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.repository import Change, Grant
from fhir_server.storage.shape import EVERYTHING, Shape, Value, shape_of
from fhir_server.storage.writer import Statement, Writer

SELF, VERSION = range(2)
_BY_HUB = ""


def members_values(members: MemberOf, dossier: int) -> tuple[Shape, list[Value]]:
    """Return the shape of ``members``, and values for ``member`` and ``teams`` with the dossier's key."""
    values: list[Value] = [dossier]
    return shape_of(members, "", values), values


def grant_values(grant: Grant, self_: Value, version: int = 0) -> tuple[Shape, list[Value]]:
    """Return the shape of the grant, and values for the statements on one resource or, as a tuple, several."""
    made: tuple[Shape, list[Value]] | None = grant.made.get("single")
    if made is None:
        values: list[Value] = [0, 0]
        made = grant.made["single"] = shape_of(grant.where, grant.type, values), values
    return made[0], [self_, version, *made[1][2:]]


def kind(change: Change) -> str:
    """Return under which name ``checks_of`` has the check of a change: its type, or "" for what the hub makes itself."""
    return _BY_HUB if change.by_hub else change.type


def checks_of(grants: Sequence[Grant], self_: Value) -> dict[str, tuple[Shape, list[Value]]]:
    """Return, per kind of change, what it must lie within, as ``grant_values`` does."""
    return {_BY_HUB: (EVERYTHING, [self_, 0])} | {grant.type: grant_values(grant, self_) for grant in grants}


class OfOne(NamedTuple):
    """A read within one grant: its parameters, bound, are ``before``, the key of the resource, and ``after``."""

    sql: str
    before: tuple[Any, ...]
    after: tuple[Any, ...]


def of_one(dialect: Dialect, grant: Grant, bind: Callable[[Sequence[Value]], Sequence[Any]]) -> OfOne:
    """Return the read of one resource within ``grant``, bound by ``bind``: it is made once, and carried out for many."""
    shape, values = grant_values(grant, 0)
    statement = read(dialect, shape)
    at = statement.pick(range(len(values))).index(SELF)
    bound = tuple(bind(statement.pick(values)))
    return OfOne(statement.sql, bound[:at], bound[at + 1 :])


@lru_cache(maxsize=TEXTS)
def read(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement for the current version.

    Its columns are row, type, id, version, updated, body (NULL: not visible), sort, deleted, dossier.
    """
    writer = Writer(dialect)
    where = f"WHERE r.self = {writer.at(SELF)}"
    return writer.statement(f"SELECT {_version('r', _body(writer, shape, 'r'))} FROM resource r {where}")


@lru_cache(maxsize=TEXTS)
def vread(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement for one version, current or replaced; the same columns as ``read``."""
    writer = Writer(dialect)
    where = f"WHERE r.self = {writer.at(SELF)} AND {{0}}.version = {writer.at(VERSION)}"
    now = f"SELECT {_version('r', _body(writer, shape, 'r'))} FROM resource r {where.format('r')}"
    kept = f"SELECT {_version('h', _body(writer, shape, 'h'))} FROM resource r JOIN history h ON h.row = r.row {where.format('h')}"
    return writer.statement(f"{now} UNION ALL {kept}")


@lru_cache(maxsize=TEXTS)
def fetch(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement for the visible ones among several resources: COLUMNS and sort."""
    writer = Writer(dialect)
    where = f"r.self {writer.among((SELF, 0))} AND r.deleted = {dialect.false}"
    if shape is not EVERYTHING:
        where += f" AND {condition(writer, shape, 'r')}"
    return writer.statement(f"SELECT {COLUMNS}, r.sort FROM resource r WHERE {where}")


@lru_cache(maxsize=TEXTS)
def check(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement that tells type, id, version, row and visible of one resource."""
    writer = Writer(dialect)
    return writer.statement(f"SELECT {_state(writer, shape)} FROM resource r WHERE r.self = {writer.at(SELF)}")


@lru_cache(maxsize=TEXTS)
def checks(dialect: Dialect, shape: Shape, lock: str) -> Statement:
    """Return the statement that tells the same of several, and self; ``lock`` is "FOR UPDATE" or ""."""
    writer = Writer(dialect)
    where = f"r.self {writer.among((SELF, 0))} ORDER BY r.self {lock}"
    return writer.statement(f"SELECT {_state(writer, shape)}, r.self FROM resource r WHERE {where}")


@lru_cache(maxsize=TEXTS)
def member(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement that finds a row when the memberships of ``shape`` are some of the dossier SELF."""
    writer = Writer(dialect)
    return writer.statement(f"{dossiers_of(writer, *shape[1:])} AND a.dossier = {writer.at(SELF)} LIMIT 1")


@lru_cache(maxsize=TEXTS)
def members(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement for the keys of those people of ``shape`` whose memberships are some of the dossier SELF."""
    writer = Writer(dialect)
    where = f"a.dossier = {writer.at(SELF)} AND {lasting(writer, *shape[1:])}"
    return writer.statement(f"SELECT DISTINCT a.member FROM membership a WHERE {where}")


@lru_cache(maxsize=TEXTS)
def teams(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement for the ids of the CareTeams that give the memberships of ``shape`` in the dossier SELF."""
    writer = Writer(dialect)
    rows = f"SELECT a.row FROM membership a WHERE a.dossier = {writer.at(SELF)} AND {lasting(writer, *shape[1:])}"
    return writer.statement(f"SELECT r.id FROM resource r WHERE r.row IN ({rows}) ORDER BY r.id")


@lru_cache
def rules(dialect: Dialect) -> Statement:
    """Return the statement for the rules of consent of one dossier, whose key is the only value: ``consent_rows.COLUMNS``."""
    writer = Writer(dialect)
    columns = ", ".join(consent_rows.COLUMNS)
    return writer.statement(f"SELECT {columns} FROM consent_rule WHERE dossier = {writer.at(SELF)} ORDER BY row, place")


@lru_cache
def seats(dialect: Dialect) -> Statement:
    """Return the statement for places in teams: reference, starts, ends.

    The values are the keys of the people, of the organisations that they left, of the teams, and of the dossier.
    """
    writer = Writer(dialect)
    people, left, teams, dossier = writer.among((0, 0)), writer.among((1, 0)), writer.among((2, 0)), writer.at(3)
    member = f"a.row = t.row AND a.member {people} AND NOT a.through {left} AND a.dossier IN ({dossier}, t.self)"
    return writer.statement(
        f"SELECT t.type || '/' || t.id, a.starts, a.ends FROM resource t JOIN membership a ON {member} WHERE t.self {teams}"
    )


@lru_cache(maxsize=TEXTS)
def employers(dialect: Dialect, shape: Shape) -> Statement:
    """Return the statement for the ids of the Organizations on whose behalf the memberships of ``shape`` are."""
    writer = Writer(dialect)
    keys = f"SELECT DISTINCT a.through FROM membership a WHERE a.through <> 0 AND {lasting(writer, *shape[1:])}"
    return writer.statement(f"SELECT r.id FROM resource r WHERE r.self IN ({keys}) AND r.type = 'Organization' ORDER BY r.id")


def _version(alias: str, body: str) -> str:
    return f"r.row, r.type, r.id, {alias}.version, {alias}.updated, {body}, r.sort, {alias}.deleted, r.dossier"


def _body(writer: Writer, shape: Shape, alias: str) -> str:
    return f"{alias}.body" if shape is EVERYTHING else f"CASE WHEN {condition(writer, shape, 'r')} THEN {alias}.body END"


def _state(writer: Writer, shape: Shape) -> str:
    return f"r.type, r.id, r.version, r.row, ({condition(writer, shape, 'r')}) IS TRUE"
