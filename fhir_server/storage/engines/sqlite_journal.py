"""The record on SQLite, in the words of the writer's connection: blocks go in, and become rows of audit_event."""

import sqlite3
from itertools import chain
from typing import Final

from fhir_server.storage.journal.chain import Block
from fhir_server.storage.journal.projection import BLOCKS, COLUMNS, Event, events


def append(connection: sqlite3.Connection, block: Block) -> None:
    """Insert a block; the first one begins its chain."""
    if block.number == 1:
        connection.execute("INSERT INTO audit_chain (chain, projected, anchored) VALUES (?, 0, 0)", (block.chain,))
    connection.execute(_APPEND, block)


def project(connection: sqlite3.Connection) -> bool:
    """Project the oldest blocks that were not yet, in the order in which they were written; tell whether there are more."""
    blocks = connection.execute(_TODO, (BLOCKS,)).fetchall()
    rows: list[Event] = []
    for name, _, first, lines in blocks:
        rows += events(name, first, lines)
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        connection.execute(_EVENTS + ", ".join([_EVENT] * len(part)), tuple(chain.from_iterable(part)))
    connection.executemany(_PROJECTED, [(number, name) for name, number in {name: number for name, number, *_ in blocks}.items()])
    return len(blocks) == BLOCKS


_APPEND: Final = "INSERT INTO audit_block (chain, number, first, last, hash, lines) VALUES (?, ?, ?, ?, ?, ?)"
_TODO: Final = (  # a chain of the server begins when the one before has ended; a command has one line, in a chain of its own
    "SELECT b.chain, b.number, b.first, b.lines FROM audit_chain c CROSS JOIN audit_block b"
    " ON b.chain = c.chain AND b.number > c.projected ORDER BY c.rowid, b.number LIMIT ?"
)
_PROJECTED: Final = "UPDATE audit_chain SET projected = ? WHERE chain = ?"
_ROWS: Final = 100  # in one statement: the thread gives up the interpreter once, not for each row
_EVENTS: Final = f"INSERT INTO audit_event ({', '.join(COLUMNS)}) VALUES "
_EVENT: Final = f"({', '.join('?' * len(COLUMNS))})"
