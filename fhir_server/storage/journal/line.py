"""A line of the record as the journal holds it: one JSON object in canonical form (RFC 8785), ended by a newline.

A member without a value ("" or 0) is left out. https://www.rfc-editor.org/rfc/rfc8785
"""

from collections.abc import Iterator
from typing import Final

import orjson

from fhir_server.storage.repository import AuditRow
from fhir_server.storage.texts import clean

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE
_NUL = b"\\u0000"
NUMBERS: Final = frozenset({"recorded", "status", "version"})
_EMPTY: Final = tuple(0 if name in NUMBERS else "" for name in AuditRow._fields)


class Unreadable(ValueError):
    """The bytes are no lines of the record."""


def written(row: AuditRow) -> bytes:
    """Return ``row`` as a line; NUL, which PostgreSQL cannot hold, becomes the replacement character."""
    line = _dump(row)
    return _dump(AuditRow._make(clean(item) if isinstance(item, str) else item for item in row)) if _NUL in line else line


def _dump(row: AuditRow) -> bytes:
    return orjson.dumps({name: value for name, value in zip(AuditRow._fields, row, strict=True) if value}, option=_OPTIONS)


def read(lines: bytes) -> Iterator[AuditRow]:
    """Yield the rows that the lines stand for. Raises Unreadable."""
    if not lines.endswith(b"\n"):
        raise Unreadable("the last line has no end")
    try:
        found = orjson.loads(b"[" + lines[:-1].replace(b"\n", b",") + b"]")
        for members in found:
            yield AuditRow._make(map(members.get, AuditRow._fields, _EMPTY))
    except (orjson.JSONDecodeError, AttributeError) as error:
        raise Unreadable("it holds something else than lines of the record") from error
