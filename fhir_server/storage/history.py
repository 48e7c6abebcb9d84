"""The statements that read versions: ``resource`` holds the current ones, ``history`` those that were replaced.

What a grant covers is decided on the current version. Under an open grant the versions of a type are read along the two indexes on
(type, updated), under a narrow one the resources that it covers are found first, as a search finds them.
"""

from functools import lru_cache
from typing import NamedTuple

from fhir_server.search.rows import key
from fhir_server.search.versions import Versions
from fhir_server.storage.compile import TEXTS
from fhir_server.storage.conditions import condition
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.driver import choose, scope
from fhir_server.storage.repository import Grant
from fhir_server.storage.shape import Shape, Value, shape_of
from fhir_server.storage.writer import Statement, Writer

SELF, TYPE, SINCE, LOW, HIGH, UPDATED, ROW, VERSION, LIMIT = range(9)
_BY_TIME = "ORDER BY updated DESC, row DESC, version DESC"
_BY_VERSION = "ORDER BY version DESC"
_NEXT = "COALESCE((SELECT n.updated FROM history n WHERE n.row = d.row AND n.version = d.version + 1), r.updated)"


class _Part(NamedTuple):
    """Where versions are read: ``alias`` has their columns, ``updated`` is their time, as an index has it or hidden from it."""

    alias: str
    source: str
    where: str
    updated: str


class Form(NamedTuple):
    """What a text is made from: the shape of the grant, whether it is about one resource, and which bounds there are."""

    shape: Shape
    one: bool
    since: bool
    at: bool
    after: bool


def history_values(grant: Grant, versions: Versions) -> tuple[Form, list[Value]]:
    """Return the form of a history and its values."""
    self_ = key(f"{versions.type}/{versions.id}") if versions.id else 0
    after = versions.after
    place = (after.updated, after.row, after.version) if after else (0, 0, 0)
    values: list[Value] = [self_, versions.type, versions.since or 0, *(versions.at or (0, 0)), *place, versions.count + 1]
    shape = shape_of(grant.where, grant.type, values)
    given = (versions.since is not None, versions.at is not None, after is not None)
    return Form(shape, bool(versions.id), *given), values


@lru_cache(maxsize=TEXTS)
def page(dialect: Dialect, form: Form) -> Statement:
    """Return the statement for one page: row, type, id, version, updated, body, sort, deleted, dossier, put."""
    writer = Writer(dialect)
    limit = f"LIMIT {writer.at(LIMIT)}"
    parts = [
        f"SELECT * FROM (SELECT {_columns(part)} FROM {part.source} WHERE {part.where} {_order(form, part)} {limit}) {part.alias}"
        for part in _parts(writer, form)
    ]
    return writer.statement(f"{' UNION ALL '.join(parts)} {_BY_VERSION if form.one else _BY_TIME} {limit}")


@lru_cache(maxsize=TEXTS)
def count(dialect: Dialect, form: Form) -> Statement:
    """Return the statement that counts every version."""
    writer = Writer(dialect)
    parts = [f"(SELECT count(*) FROM {part.source} WHERE {part.where})" for part in _parts(writer, form._replace(after=False))]
    return writer.statement(f"SELECT {' + '.join(parts)}")


def _columns(part: _Part) -> str:
    of = part.alias
    own = f"{of}.version AS version, {of}.updated AS updated, {of}.body"
    return f"r.row AS row, r.type, r.id, {own}, r.sort, {of}.deleted, r.dossier, {of}.put"


def _order(form: Form, part: _Part) -> str:
    if form.one:
        return f"ORDER BY {part.alias}.version DESC"
    return f"ORDER BY {part.updated} DESC, {part.alias}.row DESC, {part.alias}.version DESC"


def _parts(writer: Writer, form: Form) -> tuple[_Part, _Part]:
    """Return the part of the current versions (``r``) and that of the replaced ones (``d``)."""
    best, rest = choose(form.shape)
    if form.one:
        found, probes = f"r.self = {writer.at(SELF)} AND r.type = {writer.at(TYPE)}", [condition(writer, form.shape, "r")]
    else:
        found = f"r.type = {writer.at(TYPE)}" if best is None else scope(writer, best, TYPE)
        probes = [condition(writer, part, "r") for part in rest]
    if best is None and not form.one:
        source, kept, updated = f"history d {writer.dialect.visit}", f"d.type = {writer.at(TYPE)}", "{0}.updated"
    else:
        source, kept, updated = f"resource r {writer.dialect.kept}", found, "({0}.updated + 0)"  # by resource, never by time
    return (
        _part(writer, form, "r", "resource r", [found, *probes], updated),
        _part(writer, form, "d", source, [kept, *probes], updated),
    )


def _part(writer: Writer, form: Form, alias: str, source: str, where: list[str], updated: str) -> _Part:
    when = updated.format(alias)
    if form.since:
        where.append(f"{when} >= {writer.at(SINCE)}")
    if form.at:
        where.append(f"{when} < {writer.at(HIGH)}")
        if alias == "d":
            where.append(f"{_NEXT} > {writer.at(LOW)}")
    if form.after and form.one:
        where.append(f"{alias}.version < {writer.at(VERSION)}")
    elif form.after:
        place = f"{writer.at(UPDATED)}, {writer.at(ROW)}, {writer.at(VERSION)}"
        where.append(f"({when}, {alias}.row, {alias}.version) < ({place})")
    return _Part(alias, source, " AND ".join(where), when)
