"""What both engines read, and how rows become resources; an engine says how a statement is carried out."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, Final

from fhir_server.search.lines import Lines
from fhir_server.search.rows import key
from fhir_server.search.tree import Everything, MemberOf, Query, Sort
from fhir_server.search.versions import Versions
from fhir_server.storage import compile as text
from fhir_server.storage import consent_rows, history, reached, record_lines, single
from fhir_server.storage import moved as moves
from fhir_server.storage import tally as counts
from fhir_server.storage.body import Bodies, Unpacked
from fhir_server.storage.consent_rule import Rule
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.journal.line import written
from fhir_server.storage.journal.reasons import Reasons
from fhir_server.storage.repository import TEAMS, AuditRow, Grant, Logged, Moved, Page, Stored, TooManyMoved
from fhir_server.storage.seat import Seat
from fhir_server.storage.shape import NOTHING, Value
from fhir_server.storage.writer import Statement

MOST_MOVED: Final = 10_000
_AT_ONCE = 50
_KNOWN = 4096
_TYPE = 1  # the column of the type
_SORT = 6  # the column of the sort value


class Reads(ABC):
    """The reading half of a Repository."""

    def __init__(self, dialect: Dialect, secret: bytes, bind: Callable[[Sequence[Value]], Sequence[Any]]) -> None:
        """Read in ``dialect``, with values as ``bind`` makes them; ``secret`` seals free texts in the record."""
        self._bind = bind
        self._reasons = Reasons(secret, self._key_kept)
        self._dialect = dialect
        self._bodies = Bodies()
        self._unpacked = Unpacked(self._bodies.unpack)
        self._wide = set[tuple[str, str]]()  # who has more of a type in their dossiers than is gathered

    @abstractmethod
    async def _found(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the rows of a statement with parameters that are bound. Raises SearchTooSlow."""

    async def _found_by_key(self, sql: str, parameters: Sequence[Any]) -> list[Any]:
        """Return the same for a statement that looks at one row by its key."""
        return await self._found(sql, parameters)

    async def _rows(self, statement: Statement, values: Sequence[Value]) -> list[Any]:
        return await self._found(statement.sql, self._bind(statement.pick(values)))

    @abstractmethod
    async def _key_kept(self, dossier: str, offered: bytes | None) -> bytes | None:
        """Return the sealed key of the free texts about ``dossier``, which is ``offered`` where there was none."""

    async def _lines_of(self, audit: Sequence[AuditRow]) -> list[bytes]:
        """Return the lines of the journal for ``audit``."""
        return [written(await self._reasons.sealed(row) if row.reason else row) for row in audit]

    async def reason(self, dossier: str, sealed: str) -> str | None:
        """Return the free text, None when it was erased."""
        return await self._reasons.opened(dossier, sealed)

    @abstractmethod
    async def project_record(self) -> None:
        """Bring audit_event up to date."""

    async def read(self, grant: Grant, type_: str, id_: str) -> Stored | None:
        """Return the current version, None if the id was never used."""
        stored = await self.find(grant, key(f"{type_}/{id_}"))
        return stored if stored is not None and stored.id == id_ and stored.type == type_ else None

    async def find(self, grant: Grant, self_: int) -> Stored | None:
        """Return the current version of the resource of the grant's type with this key."""
        asked: single.OfOne | None = grant.made.get("read")
        if asked is None:
            asked = grant.made["read"] = single.of_one(self._dialect, grant, self._bind)
        rows = await self._found_by_key(asked.sql, (*asked.before, *self._bind((self_,)), *asked.after))
        return self._stored(rows[0]) if rows and rows[0][_TYPE] == grant.type else None

    async def vread(self, grant: Grant, type_: str, id_: str, version: int) -> Stored | None:
        """Return one version."""
        shape, values = single.grant_values(grant, key(f"{type_}/{id_}"), version)
        stored = await self._one(single.vread(self._dialect, shape), values)
        return stored if stored is not None and (stored.type, stored.id) == (type_, id_) == (grant.type, id_) else None

    async def search(self, grant: Grant, query: Query) -> Page:
        """Return one page. Raises SearchTooSlow."""
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return Page((), more=False)
        if reached.is_far(search):
            rows = await self._reached(grant, search, values)
        elif search.told:
            first = "first page, counted" if search.counted else "first page"
            rows = await self._found(*self._kept(grant, first, values, lambda: text.page(self._dialect, search)))
        else:
            rows = await self._rows(text.page(self._dialect, search), values)
        more = len(rows) > query.count
        if more:
            rows.pop()
        keys = len(query.sort.then)
        resources = self._visible(query.type, rows, keys)
        if not search.told or not rows:
            return Page(resources, more)
        *_, number, seen = rows[0]
        many = None if number == text.UNKNOWN else number > text.FEW
        return Page(resources, more, str(seen or 0), many, number if 0 <= number <= text.FEW else None)

    def _kept(self, grant: Grant, name: str, values: list[Value], statement: Callable[[], Statement]) -> tuple[str, Sequence[Any]]:
        """Return a statement and its parameters, bound, as they were made once for ``grant`` and the very same ``values``."""
        # The values are kept beside what was made of them: as long as they are, no others have their identity.
        place = name, id(values)
        kept: tuple[str, Sequence[Any], list[Value]] | None = grant.made.get(place)
        if kept is None:
            made = statement()
            kept = grant.made[place] = made.sql, self._bind(made.pick(values)), values
        return kept[:2]

    async def _reached(self, grant: Grant, search: text.Search, values: Sequence[Value]) -> list[Any]:
        """Return the rows of a page in one of the ways of ``reached``, first of those that were far enough for ``grant`` before."""
        who = grant.actor, grant.type
        plan: reached.Plan = "walk" if who in self._wide else "gather"
        while True:
            rows = await self._rows(reached.page(self._dialect, search, plan), values)
            if not rows or rows[-1][0] is not None:
                return rows
            is_over = rows[-1][_SORT] == reached.OVER
            if plan == "gather" and is_over:
                self._widen(who)
            elif plan == "walk":
                self._wide.discard(who)
            plan = "walk" if plan == "gather" and is_over else "all"

    def _widen(self, who: tuple[str, str]) -> None:
        if len(self._wide) >= _KNOWN:
            self._wide.clear()
        self._wide.add(who)

    async def moved(self, grant: Grant, query: Query) -> AsyncIterator[Sequence[Moved]]:
        """Yield what changed since the snapshot of ``query``. Raises SearchTooSlow and TooManyMoved."""
        search, values = text.search_values(grant, replace(query, sort=Sort(), after=None, count=MOST_MOVED))
        if search.shape is NOTHING or not search.since:
            return
        rows = await self._rows(moves.moved(self._dialect, search.unplaced), values)
        if len(rows) > MOST_MOVED:
            raise TooManyMoved
        for start in range(0, len(rows), _AT_ONCE):
            yield [self._moved(query.type, row) for row in rows[start : start + _AT_ONCE] if row[-1] is not None]

    async def count(self, grant: Grant, query: Query, tally: tuple[str, ...] = ()) -> int:
        """Return how many match. Raises SearchTooSlow."""
        counting = counts.counting(self._dialect, grant, query, tally) if tally else None
        if counting is not None:
            ((number, unclear),) = await self._found(*self._kept(grant, "tally", counting.values, lambda: counting.plain))
            return int((await self._rows(counting.close, counting.values))[0][0] if unclear else number)
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return 0
        rows = await self._rows(text.count(self._dialect, search), values)
        found: int = rows[0][0]
        return found

    async def count_few(self, grant: Grant, query: Query) -> int | None:
        """Return how many match, None where there are many candidates. Raises SearchTooSlow."""
        search, values = text.search_values(grant, query)
        if search.shape is NOTHING:
            return 0
        return None if await self._rows(text.many(self._dialect, search), values) else await self.count(grant, query)

    async def history(self, grant: Grant, versions: Versions) -> Page:
        """Return one page of versions. Raises SearchTooSlow."""
        form, values = history.history_values(grant, versions)
        if form.shape is NOTHING:
            return Page((), more=False)
        rows = await self._rows(history.page(self._dialect, form), values)
        found = [self._stored(row[:-1])._replace(put=bool(row[-1])) for row in rows[: versions.count]]
        return Page(found, len(rows) > versions.count)

    async def count_versions(self, grant: Grant, versions: Versions) -> int:
        """Return how many versions there are. Raises SearchTooSlow."""
        form, values = history.history_values(grant, versions)
        if form.shape is NOTHING:
            return 0
        found: int = (await self._rows(history.count(self._dialect, form), values))[0][0]
        return found

    async def fetch(self, grants: Sequence[Grant], references: Sequence[str]) -> Sequence[Stored]:
        """Return the visible ones among ``references``, in their order."""
        found: dict[str, Stored] = {}
        for grant in grants:
            wanted = tuple({key(reference) for reference in references if reference.startswith(f"{grant.type}/")})
            shape, values = single.grant_values(grant, wanted)
            if wanted and shape is not NOTHING:
                for stored in self._visible(grant.type, await self._rows(single.fetch(self._dialect, shape), values)):
                    found[f"{stored.type}/{stored.id}"] = stored
        return [found[reference] for reference in dict.fromkeys(references) if reference in found]

    async def lines(self, grant: Grant, asked: Lines) -> Sequence[Logged]:
        """Return lines of the record. Raises SearchTooSlow."""
        await self.project_record()
        statement, values = record_lines.lines(self._dialect, grant, asked)
        return list(map(record_lines.logged, await self._rows(statement, values)))

    async def figures(self, grant: Grant, since: int, until: int) -> Sequence[tuple[str, str, str, str, str, int, int]]:
        """Return how many lines of each kind there are. Raises SearchTooSlow."""
        assert grant.where == Everything(), "figures are made of the whole record"
        await self.project_record()
        statement, values = record_lines.figures(self._dialect, since, until)
        return [tuple(row) for row in await self._rows(statement, values)]

    async def is_member(self, members: MemberOf, dossier: str) -> bool:
        """Tell whether ``members`` holds for ``dossier``."""
        shape, values = single.members_values(members, key(dossier))
        return bool(await self._rows(single.member(self._dialect, shape), values))

    async def members_among(self, members: MemberOf, dossier: str) -> Sequence[str]:
        """Return those of the people of ``members`` for whom alone it would hold for ``dossier``, in their order."""
        shape, values = single.members_values(members, key(dossier))
        found = {member for (member,) in await self._rows(single.members(self._dialect, shape), values)}
        return [each for each in members.people if key(each) in found]

    async def teams_of(self, people: Sequence[str], at: int, left: Sequence[str] = ()) -> Sequence[str]:
        """Return the CareTeams about no patient of which one of ``people`` is a member at ``at``."""
        shape, values = single.members_values(MemberOf(tuple(people), at, tuple(left)), key(TEAMS))
        return [f"CareTeam/{id_}" for (id_,) in await self._rows(single.teams(self._dialect, shape), values)]

    async def networks_of(self, members: MemberOf, patient: str) -> Sequence[str]:
        """Return the CareTeams that make ``members`` members of the dossier of ``patient``."""
        shape, values = single.members_values(members, key(patient))
        return [f"CareTeam/{id_}" for (id_,) in await self._rows(single.teams(self._dialect, shape), values)]

    async def employers_of(self, people: Sequence[str], at: int) -> Sequence[str]:
        """Return the organisations on whose behalf one of ``people`` takes part in a network at ``at``."""
        shape, values = single.members_values(MemberOf(tuple(people), at), 0)
        return [f"Organization/{id_}" for (id_,) in await self._rows(single.employers(self._dialect, shape), values)]

    async def rules(self, dossier: str) -> Sequence[Rule]:
        """Return the rules of the consents of ``dossier``."""
        return [consent_rows.rule(row, dossier) for row in await self._rows(single.rules(self._dialect), [key(dossier)])]

    async def seats(self, members: MemberOf, teams: Sequence[str], dossier: str) -> Sequence[Seat]:
        """Return the places of ``members`` in those of ``teams`` that belong to ``dossier`` or to none."""
        values: list[Value] = [tuple(map(key, each)) for each in (members.people, members.left, teams)]
        return [Seat(*row) for row in await self._rows(single.seats(self._dialect), [*values, key(dossier)])] if teams else ()

    async def parameters_number(self) -> int:
        """Return the number of the state of the registered search parameters."""
        found: int = (await self._rows(_NUMBER, ()))[0][0]
        return found

    async def _one(self, statement: Statement, values: Sequence[Value]) -> Stored | None:
        rows = await self._rows(statement, values)
        return self._stored(rows[0]) if rows else None

    def _stored(self, found: Sequence[Any]) -> Stored:
        row, type_, id_, version, updated, body, sort, deleted, dossier = found
        content = self._unpacked[body] if body else b""
        return _new(
            Stored, (row, type_, id_, version, updated, bool(deleted), body is not None, content, sort, (), dossier or 0, False)
        )

    def _visible(self, type_: str, rows: Sequence[Any], keys: int = 0) -> list[Stored]:
        """Return the resources of rows with COLUMNS, the sort value and those of ``keys`` further keys."""
        bodies, new = self._unpacked, _new
        if not keys:
            return [
                new(Stored, (r[0], type_, r[1], r[2], r[3], False, True, bodies[r[4]], r[6], (), r[5] or 0, False)) for r in rows
            ]
        end = 7 + keys
        return [
            new(Stored, (r[0], type_, r[1], r[2], r[3], False, True, bodies[r[4]], r[6], r[7:end], r[5] or 0, False)) for r in rows
        ]

    def _moved(self, type_: str, found: Sequence[Any]) -> Moved:
        row, id_, version, updated, body, dossier, seen_updated, seen_body = found
        now = Stored(row, type_, id_, version, updated, False, True, self._unpacked[body], dossier=dossier or 0)
        return Moved(now, seen_updated, self._unpacked[seen_body])


_new = tuple.__new__  # what Stored._make calls, without a call in between for each row
_NUMBER = Statement("SELECT parameters FROM index_state", lambda _values: ())
