"""The changes of one commit on PostgreSQL: one statement for one change under an open grant, otherwise one transaction."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain, groupby, islice

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
    return bool(change.links or change.claims or change.told or change.subscription is not None)


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
    await session.rows("BEGIN")
    try:
        locks = [identity(criteria) for criteria in unmatched]
        if len(prepared) > 1:
            locks += [one.rows.self for one in prepared]
        if locks:
            await session.rows(_ONE_AFTER_ANOTHER, (postgres_text.array(sorted(locks)),))
        await _require_matches(session, unmatched, 0, Matched)
        rows = await _check_old(session, checks, prepared)
        await _write_all(session, prepared, rows)
        for one in prepared:
            await _announce(session, one.change)
        await _check_new(session, checks, prepared)
        if len(prepared) > 1:
            await _require_matches(session, unmatched, 1, Doubled)
        await postgres_integrity.require(session, [one.change for one in prepared])
        await _claim(session, [claim for one in prepared for claim in one.change.claims])
        if block is not None:
            await session.rows(APPEND, parameters(block))
        await session.rows("COMMIT")
        if block is not None:
            chain.advance(block)
    except (DeadlockDetected, SerializationFailure) as error:
        await session.rows("ROLLBACK")
        raise VersionConflict("another write was in the way") from error
    except (VersionConflict, OutOfGrant, Doubled, Dangling, StillReferred):
        await session.rows("ROLLBACK")
        raise


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


async def _write_all(session: Session, prepared: Sequence[Prepared], rows: Mapping[int, int]) -> None:
    """Write several changes, sent at once: what follows from a message are a dozen small ones, alike."""
    if len(prepared) == 1:
        return await _write(session, prepared[0], None)
    if len(prepared) >= postgres_created.LEAST and all(
        one.change.expected == 0 and one.change.indexed is not None for one in prepared
    ):
        return await postgres_created.create(session, prepared)
    runs = [(alike, list(run)) for alike, run in groupby(prepared, postgres_replaced.is_plain)]  # events keep their order
    sent = [postgres_replaced.statements(run, rows) if alike else [_statement(one, None) for one in run] for alike, run in runs]
    found = iter(await session.together(list(chain(*sent))))
    for (alike, run), statements in zip(runs, sent, strict=True):
        written = list(islice(found, len(statements)))
        if alike:
            postgres_replaced.require(run, written[0])
        elif missing := next((one.change for one, returned in zip(run, written, strict=True) if not returned), None):
            raise _overtaken(missing)
    return None


async def _check_old(session: Session, checks: _Checks, prepared: Sequence[Prepared]) -> dict[int, int]:
    """Lock what is stored, and return its rows by its keys; whether something new is there already is seen when it is written."""
    rows = {}
    for kind, group in _by_kind([one for one in prepared if one.change.expected > 0]).items():
        stored = await _states(session, checks[kind], group, lock="FOR UPDATE")
        for one in group:
            rows[one.rows.self] = _require_follows(one, stored.get(one.rows.self))
    return rows


async def _check_new(session: Session, checks: _Checks, prepared: Sequence[Prepared]) -> None:
    for kind, group in _by_kind(prepared).items():
        written = [one for one in group if one.change.indexed is not None]
        if not written or checks[kind][0] is EVERYTHING:
            continue
        stored = await _states(session, checks[kind], written, lock="")
        if not all(stored[one.rows.self][4] for one in written):
            raise OutOfGrant(f"{kind}: the new version lies outside the grant")


async def _states(session: Session, check: tuple[Shape, list[Value]], group: Sequence[Prepared], *, lock: str) -> dict[int, Row]:
    shape, values = check
    values[single.SELF] = tuple(one.rows.self for one in group)
    statement = single.checks(POSTGRES, shape, lock)
    return {row[5]: row for row in await session.rows(statement.sql, bind(statement.pick(values)))}


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
