"""The record on PostgreSQL: each session writes a chain of its own, and what is in them becomes rows of audit_event."""

from collections.abc import Sequence
from typing import Final

from fhir_server.storage.engines.postgres_session import Parameter, Session
from fhir_server.storage.journal.chain import Block, Chain
from fhir_server.storage.journal.line import NUMBERS
from fhir_server.storage.journal.projection import BLOCKS, COLUMNS
from fhir_server.storage.repository import AuditRow

ADVISORY: Final = 0x66686974
"""One projection at a time per database."""


async def chain_of(session: Session) -> Chain:
    """Return the chain that the session writes; the first time it begins one, which must not be within a transaction."""
    if session.chain is None:
        chain = Chain()
        await session.rows(BEGIN, (chain.head.chain,))
        session.chain = chain
    return session.chain


async def append(session: Session, lines: Sequence[bytes]) -> None:
    """Append ``lines`` in one transaction of their own."""
    chain = await chain_of(session)
    block = chain.block(lines)
    await session.rows(APPEND, parameters(block))
    chain.advance(block)


def parameters(block: Block) -> tuple[Parameter, ...]:
    """Return the parameters of APPEND."""
    chain, *numbers, hash_, lines = block
    return (chain, *map(str, numbers), hash_, lines)


async def project(session: Session) -> bool:
    """Project some blocks that were not yet, in the order in which they were written; tell whether there are more."""
    if not await session.rows(_ANY):
        return False
    await session.rows("BEGIN")
    try:
        await session.rows(ALONE, (str(ADVISORY),))
        ((blocks,),) = await session.rows(PROJECT, (str(BLOCKS),))  # a statement after the lock sees what its last holder did
        await session.rows("COMMIT")
    except BaseException:
        if session.in_error:
            await session.rows("ROLLBACK")
        raise
    return bool(blocks == BLOCKS)


BEGIN: Final = "INSERT INTO audit_chain (chain, projected, anchored) VALUES ($1, 0, 0)"
ALONE: Final = "SELECT pg_advisory_xact_lock($1)"
APPEND: Final = "INSERT INTO audit_block (chain, number, first, last, hash, lines) VALUES ($1, $2, $3, $4, $5, $6)"


_EMPTY: Final = "''"
_ITEMS: Final = (
    f"COALESCE((l.line->>{place})::{'bigint' if name in NUMBERS else 'text'}, {'0' if name in NUMBERS else _EMPTY})"
    for place, name in enumerate(AuditRow._fields)
)
_ARRAY: Final = r"('[' || replace(rtrim(convert_from(todo.lines, 'UTF8'), E'\n'), E'\n', ',') || ']')::jsonb"
_ANY: Final = (
    "SELECT 1 FROM audit_chain c WHERE EXISTS ("
    "SELECT 1 FROM audit_block b WHERE b.chain = c.chain AND b.number > c.projected) LIMIT 1"
)
PROJECT: Final = f"""WITH todo AS MATERIALIZED (
    SELECT b.written, b.chain, b.number, b.first, b.lines FROM audit_chain c CROSS JOIN LATERAL (
      SELECT * FROM audit_block WHERE chain = c.chain AND number > c.projected ORDER BY number LIMIT $1) b
    ORDER BY b.written LIMIT $1),
  events AS (INSERT INTO audit_event ({", ".join(COLUMNS)})
    SELECT todo.chain, todo.first + l.n - 1, {", ".join(_ITEMS)}
    FROM todo CROSS JOIN LATERAL jsonb_array_elements({_ARRAY}) WITH ORDINALITY l (line, n)
    ORDER BY todo.written, l.n),
  moved AS (UPDATE audit_chain c SET projected = t.number
    FROM (SELECT chain, max(number) AS number FROM todo GROUP BY chain) t WHERE c.chain = t.chain)
SELECT count(*) FROM todo"""
