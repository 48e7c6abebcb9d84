"""One connection to PostgreSQL, driven below psycopg's cursors.

A cursor of psycopg costs 40 us of CPU per statement on top of what libpq and the decoding of rows take, most of it in waiting: it
registers with the event loop each time. Here the connection stays registered, a statement is prepared once by its text, parameters
travel as text (a body as bytes), results in binary, decoded by psycopg.
"""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from selectors import EVENT_READ, DefaultSelector
from typing import Any

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, Format, TransactionStatus
from psycopg.pq.abc import PGresult

from fhir_server.storage.journal.chain import Chain

Row = tuple[Any, ...]
Parameter = str | bytes | None
Statement = tuple[str, Sequence[Parameter]]
_PREPARED = 500
_CONNECT = 5  # seconds
_OPTIONS = (
    "-c plan_cache_mode=force_generic_plan",  # a text has one good plan, by its wording; planning again costs more than running
    "-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off",  # also before the tables have statistics
    "-c jit=off -c work_mem=64MB -c statement_timeout=10s -c timezone=UTC",
)
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK, ExecStatus.PIPELINE_SYNC)


class Session:
    """A connection in autocommit mode that carries out one statement at a time."""

    def __init__(self, connection: psycopg.AsyncConnection[Row]) -> None:
        """Take over an open connection; it belongs to the running event loop."""
        self._connection = connection
        self._libpq = connection.pgconn
        self._loop = asyncio.get_running_loop()
        self._socket = os.dup(self._libpq.socket)  # libpq closes its own when it likes, and its number is soon another's
        self._transformer = Transformer(connection)
        self._names: OrderedDict[str, bytes] = OrderedDict()
        self._number = 0
        self._waiting: asyncio.Future[PGresult] | None = None
        self._last: PGresult | None = None
        self._together: list[PGresult] | None = None
        self._broken = False
        self.chain: Chain | None = None
        """The chain of the record that this session writes."""
        # A socket with an error is one that uvloop stops watching without a word; a selector with such a socket in it is readable.
        self._events = DefaultSelector()
        self._events.register(self._socket, EVENT_READ)
        self._loop.add_reader(self._events, self._readable)

    @classmethod
    async def open(cls, url: str) -> "Session":
        """Connect; raises psycopg.OperationalError."""
        options = " ".join(_OPTIONS)
        more: dict[str, Any] = {"application_name": "fhir-server", "connect_timeout": _CONNECT}
        return cls(await psycopg.AsyncConnection.connect(url, autocommit=True, options=options, **more))

    @property
    def usable(self) -> bool:
        """Tell whether the next statement may come: connected, nothing under way, in no transaction."""
        return not self._broken and self._waiting is None and self._libpq.transaction_status == TransactionStatus.IDLE

    @property
    def in_error(self) -> bool:
        """Tell whether a statement failed in a transaction, which can only be rolled back."""
        return not self._broken and self._libpq.transaction_status == TransactionStatus.INERROR

    async def rows(self, sql: str, parameters: Sequence[Parameter] = ()) -> list[Row]:
        """Carry out a statement and return its rows. Raises psycopg.Error."""
        name = self._names.get(sql) or await self._prepare(sql)
        return self._rows_of(await self._result(partial(self._begin, name, parameters)))

    async def together(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Carry out several statements that are sent at once, and return the rows of each.

        They must be part of a transaction that is open. Raises psycopg.Error for the first one that fails, after which none is
        carried out.
        """
        for sql in dict.fromkeys(sql for sql, _ in statements):
            if sql not in self._names:
                await self._prepare(sql)
        named = [(self._names[sql], parameters) for sql, parameters in statements]
        self._together = []
        self._libpq.enter_pipeline_mode()
        try:
            await self._result(partial(self._begin_all, named))
            found = self._together
        finally:
            self._together = None
            if not self._broken and self._waiting is None:
                self._libpq.exit_pipeline_mode()
        failed = next((each for each in found if each.status not in _DONE), None)
        if failed is not None:
            raise psycopg.errors.error_from_result(failed)
        return [self._rows_of(each) for each in found]

    async def close(self) -> None:
        """Close the connection."""
        self._leave_loop()
        await self._connection.close()

    def _begin(self, name: bytes, parameters: Sequence[Parameter]) -> None:
        values = [value.encode() if isinstance(value, str) else value for value in parameters]
        formats = None  # all are text
        if bytes in map(type, parameters):
            formats = [Format.BINARY if isinstance(value, bytes) else Format.TEXT for value in parameters]
        self._libpq.send_query_prepared(name, values, formats, Format.BINARY)

    def _begin_all(self, named: Sequence[tuple[bytes, Sequence[Parameter]]]) -> None:
        for name, parameters in named:
            self._begin(name, parameters)
        self._libpq.pipeline_sync()

    def _rows_of(self, result: PGresult) -> list[Row]:
        if result.ntuples == 0:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    async def _prepare(self, sql: str) -> bytes:
        if len(self._names) >= _PREPARED:
            _, oldest = self._names.popitem(last=False)
            await self._result(partial(self._libpq.send_query_params, b"DEALLOCATE " + oldest, None))
        self._number += 1
        name = b"s%d" % self._number
        await self._result(partial(self._libpq.send_prepare, name, sql.encode()))
        self._names[sql] = name
        return name

    async def _result(self, begin: Callable[[], None]) -> PGresult:
        """Begin a statement, send it and return its one result; a caller that is cancelled leaves the session unusable."""
        if self._broken:
            raise psycopg.OperationalError("the connection to the database was lost")
        self._last = None
        self._waiting = self._loop.create_future()
        try:
            begin()
            self._send()
        except psycopg.OperationalError as error:
            self._lost(error)
        if self._libpq.status == ConnStatus.BAD:
            self._lost(psycopg.OperationalError("the connection to the database was lost"))
        result = await self._waiting
        self._waiting = None
        if result.status not in _DONE:
            raise psycopg.errors.error_from_result(result)
        return result

    def _send(self) -> None:
        if self._broken:
            return
        try:
            unsent = self._libpq.flush()  # a body larger than the socket takes at once
        except psycopg.OperationalError as error:
            self._lost(error)
            return
        if unsent:
            self._loop.add_writer(self._socket, self._send)
        else:
            self._loop.remove_writer(self._socket)

    def _readable(self) -> None:
        libpq = self._libpq
        try:
            libpq.consume_input()
            while not libpq.is_busy():
                result = libpq.get_result()
                if self._together is not None:
                    if self._gathered(result, self._together):
                        break
                elif result is None:
                    self._answer()
                    break
                else:
                    self._last = result
        except psycopg.OperationalError as error:
            self._lost(error)
        if libpq.status == ConnStatus.BAD:
            self._lost(psycopg.OperationalError("the connection to the database was lost"))

    def _gathered(self, result: PGresult | None, together: list[PGresult]) -> bool:
        """Put aside the result of one of several statements; tell whether it was that of all of them."""
        if result is None:  # between two statements
            return False
        if result.status == ExecStatus.PIPELINE_SYNC:
            self._last = result
            self._answer()
            return True
        together.append(result)
        if self._last is None or self._last.status in _DONE:
            self._last = result
        return False

    def _answer(self) -> None:
        if self._waiting is not None and self._last is not None and not self._waiting.done():
            self._waiting.set_result(self._last)

    def _lost(self, error: psycopg.OperationalError) -> None:
        """Give up: what the server said last counts only if it is an error, since a statement is committed after its result."""
        self._leave_loop()
        if self._last is not None and self._last.status not in _DONE:
            self._answer()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    def _leave_loop(self) -> None:
        """Deregister, once only."""
        if not self._broken:
            self._broken = True
            self._loop.remove_reader(self._events)
            self._loop.remove_writer(self._socket)
            self._events.close()
            os.close(self._socket)
