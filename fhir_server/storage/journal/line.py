"""A line of the record as the journal holds it: a JSON array in canonical form (RFC 8785), ended by a newline.

Its items are the fields of AuditRow in their order; a field that is added later comes last. An array takes a fifth of the time that
an object takes to write, and is written before every answer. https://www.rfc-editor.org/rfc/rfc8785
"""

from typing import Any, Final

import orjson

from fhir_server.storage.repository import AuditRow
from fhir_server.storage.texts import clean

NUMBERS: Final = frozenset({"recorded", "status", "version"})
_EMPTY: Final = tuple(0 if name in NUMBERS else "" for name in AuditRow._fields)
_NUL: Final = b"\\u0000"


class Unreadable(ValueError):
    """The bytes are no lines of the record."""


def written(row: AuditRow) -> bytes:
    """Return ``row`` as a line; NUL, which PostgreSQL cannot hold, becomes the replacement character."""
    line = orjson.dumps(tuple(row), option=orjson.OPT_APPEND_NEWLINE)
    if _NUL not in line:
        return line
    return orjson.dumps([clean(item) if isinstance(item, str) else item for item in row], option=orjson.OPT_APPEND_NEWLINE)


def read(lines: bytes) -> list[AuditRow]:
    """Return the rows that the lines stand for. Raises Unreadable."""
    return [AuditRow._make(row) for row in items(lines)]


def items(lines: bytes) -> list[list[Any]]:
    """Return the items of each line, as many as AuditRow has. Raises Unreadable."""
    if not lines.endswith(b"\n"):
        raise Unreadable("the last line has no end")
    try:
        found = orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
        return found if all(len(row) == len(_EMPTY) for row in found) else [[*row, *_EMPTY[len(row) :]] for row in found]
    except (orjson.JSONDecodeError, TypeError) as error:
        raise Unreadable("it holds something else than lines of the record") from error
