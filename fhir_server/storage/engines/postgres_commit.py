"""The changes of one commit on PostgreSQL: one statement for one change under an open grant, otherwise one transaction."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from psycopg.errors import DeadlockDetected, QueryCanceled, SerializationFailure

from fhir_server.search.rows import key
from fhir_server.storage import single
from fhir_server.storage.attachments.store import CLAIM, Claim
from fhir_server.storage.body import Bodies
from fhir_server.storage.delta import delta
from fhir_server.storage.dialect import POSTGRES
from fhir_server.storage.engines import postgres_created, postgres_integrity, postgres_replaced, postgres_text
from fhir_server.storage.engines.postgres_created import Prepared
from fhir_server.storage.engines.postgres_journal import APPEND, chain_of, parameters
from fhir_server.storage.engines.postgres_pool import Pool
from fhir_server.storage.engines.postgres_scripts import on_postgres
from fhir_server.storage.engines.postgres_session import Row, Session, Statement
from fhir_server.storage.engines.postgres_text import bind
from fhir_server.storage.integrity import Dangling, StillReferred
from fhir_server.storage.journal.chain import Block
from fhir_server.storage.matching import identity, matches
from fhir_server.storage.repository import (
    Change,
    Criteria,
    Doubled,
    Grant,
    Matched,
    OutOfGrant,
    SearchTooSlow,
    VersionConflict,
)
from fhir_server.storage.shape import EVERYTHING, Shape, Value
from fhir_server.storage.subscriptions.scripts import parting, subscribe

_Checks = Mapping[str, tuple[Shape, list[Value]]]


async def commit(
    pool: Pool,
    bodies: Bodies,
    grants: Sequence[Grant],
    changes: Sequence[Change],
    audit: Sequence[bytes],
    unmatched: Sequence[Criteria],
) -> None:
    """Check, write, check again, all or nothing. Raises what ``Repository.commit`` does."""
    checks = single.checks_of(grants, ())
    for change in changes:
        if single.kind(change) not in checks:
            raise OutOfGrant(f"no grant for {change.type}")
    prepared = [Prepared(change, delta(change), bodies.pack(change.body)) for change in changes]
    async with pool.session() as session:
        only = prepared[0].change if len(prepared) == 1 else None
        if only and checks[single.kind(only)][0] is EVERYTHING and not (unmatched or _needs_more(only)):
            await _alone(session, prepared[0], audit)
        else:
            await _transaction(session, checks, prepared, audit, unmatched)


def _needs_more(change: Change) -> bool:
    """Tell whether one statement does not do for ``change``."""
    return bool(change.links or change.versions or change.claims or change.told or change.subscription is not None)


async def _alone(session: Session, one: Prepared, audit: Sequence[bytes]) -> None:
    chain = await chain_of(session)
    block = chain.block(audit) if audit else None
    try:
        await _write(session, one, block, {key(each) for each in one.change.requires})
    except DeadlockDetected as error:
        raise VersionConflict("another write was in the way") from error
    if block is not None:
        chain.advance(block)


async def _announce(session: Session, change: Change) -> None:
    """Write what subscriptions say, and who hears of a deletion."""
    if change.subscription is not None:
        await on_postgres(session, subscribe(change.subscription, change.updated))
    if change.told:
        await on_postgres(session, parting(change.reference, change.expected + 1, change.told))


async def _transaction(
    session: Session,
    checks: _Checks,
    prepared: Sequence[Prepared],
    audit: Sequence[bytes],
    unmatched: Sequence[Criteria],
) -> None:
    chain = await chain_of(session)
    block = chain.block(audit) if audit else None
    changes = [one.change for one in prepared]
    try:
        rows = await _begin(session, checks, prepared, unmatched)
        there: list[Row] = []
        await _write_all(session, prepared, rows, [_new_check(checks, prepared), _targets(changes, there)])
        for change in changes:
            await _announce(session, change)
        if len(prepared) > 1:
            await _require_matches(session, unmatched, 1, Doubled)
        await postgres_integrity.require(session, changes, there)
        await _claim(session, [claim for change in changes for claim in change.claims])
        await session.together([*([(APPEND, parameters(block))] if block is not None else ()), ("COMMIT", ())])
        if block is not None:
            chain.advance(block)
    except (DeadlockDetected, SerializationFailure) as error:
        await session.rows("ROLLBACK")
        raise VersionConflict("another write was in the way") from error
    except (VersionConflict, OutOfGrant, Doubled, Dangling, StillReferred):
        await session.rows("ROLLBACK")
        raise


class _Step(NamedTuple):
    """Statements, and who judges what they returned."""

    statements: Sequence[Statement]
    judge: Callable[[Sequence[list[Row]]], None]


async def _take(session: Session, steps: Iterable[_Step]) -> None:
    """Take ``steps`` at once: what is sent together takes one turn of both sides, and each turn costs as much as a statement."""
    steps = list(steps)
    sent = [each for step in steps for each in step.statements]
    found = iter(await session.together(sent) if sent else ())
    for step in steps:
        step.judge(list(islice(found, len(step.statements))))


async def _begin(session: Session, checks: _Checks, prepared: Sequence[Prepared], unmatched: Sequence[Criteria]) -> dict[int, int]:
    """Begin the transaction, and return the rows by their keys of the stored versions that are followed, which are locked."""
    locks = [identity(criteria) for criteria in unmatched]
    if len(prepared) > 1:
        locks += [one.rows.self for one in prepared]
    begin: list[Statement] = [("BEGIN", ())]
    if locks:
        begin.append((_ONE_AFTER_ANOTHER, (postgres_text.array(sorted(locks)),)))
    first, rows = _Step(begin, lambda _: None), dict[int, int]()
    old = _old_check(checks, prepared, rows)
    if unmatched:
        await _take(session, [first])
        await _require_matches(session, unmatched, 0, Matched)
        await _take(session, [old])
    else:
        await _take(session, [first, old])
    return rows


async def _claim(session: Session, claims: Sequence[Claim]) -> None:
    for claim in sorted(claims):
        if not await session.rows(CLAIM, (claim.message, claim.dossier, claim.id, claim.before)):
            raise VersionConflict("an attachment was claimed or removed meanwhile", claim.message)


_ONE_AFTER_ANOTHER = "SELECT pg_advisory_xact_lock(k) FROM unnest($1::bigint[]) k"  # in one order, so that nobody waits in a circle


async def _require_matches(session: Session, unmatched: Sequence[Criteria], most: int, otherwise: type[Exception]) -> None:
    """Raise ``otherwise`` when more than ``most`` match; as statements after the lock, they see what its last holder wrote."""
    for criteria in unmatched:
        sql, values = matches(POSTGRES, criteria, rows=most + 1)
        try:
            found = await session.rows(sql, bind(values))
        except QueryCanceled:
            raise SearchTooSlow("the criteria took too long to match: narrow them") from None
        if len(found) > most:
            raise otherwise


async def _write(session: Session, one: Prepared, block: Block | None, required: Collection[int] = ()) -> None:
    if not await session.rows(*_statement(one, block, required)):
        if required:
            await postgres_integrity.require_there(session, [one.change])
        raise _overtaken(one.change)


def _statement(one: Prepared, block: Block | None, required: Collection[int] = ()) -> Statement:
    sql = postgres_text.CREATE if one.change.expected == 0 else postgres_text.UPDATE
    return sql, postgres_text.parameters(one.change, one.rows, one.body, block, required)


def _overtaken(change: Change) -> VersionConflict:
    return VersionConflict(f"{change.type}: the stored version is not {change.expected}", change.reference)


async def _write_all(session: Session, prepared: Sequence[Prepared], rows: Mapping[int, int], after: Sequence[_Step]) -> None:
    """Write the changes, and take the steps ``after`` that; what follows from a message are a dozen small ones, alike."""
    if len(prepared) >= postgres_created.LEAST and all(
        one.change.expected == 0 and one.change.indexed is not None for one in prepared
    ):
        await postgres_created.create(session, prepared)
        return await _take(session, after)
    runs = groupby(prepared, postgres_replaced.is_plain)  # events keep their order
    steps = [_replacing(list(run), rows) if alike else _writing(list(run)) for alike, run in runs]
    return await _take(session, [*steps, *after])


def _replacing(run: Sequence[Prepared], rows: Mapping[int, int]) -> _Step:
    return _Step(postgres_replaced.statements(run, rows), lambda found: postgres_replaced.require(run, found[0]))


def _writing(run: Sequence[Prepared]) -> _Step:
    def judge(found: Sequence[list[Row]]) -> None:
        for one, returned in zip(run, found, strict=True):
            if not returned:
                raise _overtaken(one.change)

    return _Step([_statement(one, None) for one in run], judge)


def _old_check(checks: _Checks, prepared: Sequence[Prepared], rows: dict[int, int]) -> _Step:
    """Lock what is stored, and put its ``rows`` there; whether something new is there already is seen when it is written."""
    groups = _by_kind([one for one in prepared if one.change.expected > 0])

    def judge(found: Sequence[list[Row]]) -> None:
        for group, states in zip(groups.values(), found, strict=True):
            stored = {state[5]: state for state in states}
            for one in group:
                rows[one.rows.self] = _require_follows(one, stored.get(one.rows.self))

    return _Step([_states(checks[kind], group, lock="FOR UPDATE") for kind, group in groups.items()], judge)


def _new_check(checks: _Checks, prepared: Sequence[Prepared]) -> _Step:
    written = _by_kind([one for one in prepared if one.change.indexed is not None])
    groups = {kind: group for kind, group in written.items() if checks[kind][0] is not EVERYTHING}

    def judge(found: Sequence[list[Row]]) -> None:
        for (kind, group), states in zip(groups.items(), found, strict=True):
            visible = {state[5]: state[4] for state in states}
            if not all(visible[one.rows.self] for one in group):
                raise OutOfGrant(f"{kind}: the new version lies outside the grant")

    return _Step([_states(checks[kind], group, lock="") for kind, group in groups.items()], judge)


def _targets(changes: Sequence[Change], there: list[Row]) -> _Step:
    """Lock what ``changes`` require, and put what is ``there`` of it there."""
    return _Step(postgres_integrity.locking(changes), lambda found: there.extend(row for rows in found for row in rows))


def _states(check: tuple[Shape, list[Value]], group: Sequence[Prepared], *, lock: str) -> Statement:
    shape, values = check
    values[single.SELF] = tuple(one.rows.self for one in group)
    statement = single.checks(POSTGRES, shape, lock)
    return statement.sql, bind(statement.pick(values))


def _require_follows(one: Prepared, state: Row | None) -> int:
    """Return the row of what is stored; raise unless it may be followed by this change."""
    change = one.change
    if state is None:
        raise VersionConflict(f"{change.type}: nothing is stored, version {change.expected} expected", change.reference)
    type_, id_, version, row, visible, _ = state
    if (type_, id_) != (change.type, change.id) or version != change.expected:
        raise VersionConflict(f"{change.type}: version {version} is stored, {change.expected} expected", change.reference)
    if not visible:
        raise OutOfGrant(f"{change.type}: the stored version lies outside the grant")
    return int(row)


def _by_kind(prepared: Sequence[Prepared]) -> dict[str, list[Prepared]]:
    groups: dict[str, list[Prepared]] = {}
    for one in sorted(prepared, key=lambda one: (single.kind(one.change), one.rows.self)):  # one order of locks for everybody
        groups.setdefault(single.kind(one.change), []).append(one)
    return groups
