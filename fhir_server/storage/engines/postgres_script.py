"""Scripts (``storage/script``) on PostgreSQL."""

from fhir_server.storage.engines.postgres_session import Session
from fhir_server.storage.script import Result, Script, for_postgres


async def on_postgres(session: Session, script: Script[Result]) -> Result:
    """Carry out ``script`` in the transaction that ``session`` is in."""
    try:
        sql, values = next(script)
        while True:
            sql, values = script.send(await session.rows(for_postgres(sql), list(map(str, values))))
    except StopIteration as end:
        result: Result = end.value
        return result


async def transaction(session: Session, script: Script[Result]) -> Result:
    """Carry out ``script`` in a transaction of its own; a session that comes back in one is closed, which undoes it."""
    await session.rows("BEGIN")
    result = await on_postgres(session, script)
    await session.rows("COMMIT")
    return result
