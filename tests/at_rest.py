"""What a hub leaves behind: its files, the log of its process, its metrics, and the rows of its database as they read."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
from zstandard import ZstdError

from fhir_server.storage.body import Bodies
from fhir_server.storage.schema import metadata


def canaries(stem: int) -> Iterator[str]:
    """Yield numbers of the test range that pass the eleven test, from the eight digits ``stem`` on."""
    for digits in range(stem, stem + 1000):
        last = sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), str(digits), strict=True)) % 11
        if last < 10:
            yield f"{digits}{last}"


def where(numbers: Iterable[str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """Name each place in which one of ``numbers`` stands."""
    wanted = [each.encode() for each in numbers]
    heads = {each[:5] for each in wanted}
    return [
        f"{place}: {number.decode()}"
        for place, content in places
        if any(head in content for head in heads)
        for number in wanted
        if number in content
    ]


def files(*roots: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file below ``roots``, temporary ones and the logs of the database included."""
    for root in roots:
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield str(path), str(path).encode() + path.read_bytes()


def rows(database: str) -> Iterator[tuple[str, bytes]]:
    """Yield every value of every table at the URL ``database``, bodies unpacked: compressed they would hide what they say."""
    unpack = Bodies().unpack
    with closing(_connected(database)) as connection:
        for table in metadata.sorted_tables:
            for row in connection.execute(f"SELECT * FROM {table.name}"):
                for column, value in zip(table.columns, row, strict=True):
                    content = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    if isinstance(value, bytes | memoryview):
                        with suppress(ZstdError, LookupError, MemoryError):  # it is no body, whatever length it seems to name
                            content = unpack(content)
                    yield f"{table.name}.{column.name}", content


def _connected(database: str) -> "sqlite3.Connection | psycopg.Connection":
    if database.startswith("postgresql:"):
        return psycopg.connect(database)
    return sqlite3.connect(f"file:{database.removeprefix('sqlite:///')}?mode=ro", uri=True)


def server_files(database: str) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the PostgreSQL server at the URL ``database``, after it wrote all of them; nothing for SQLite."""
    if database.startswith("postgresql:"):
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute("CHECKPOINT")
        yield from files(Path(parse_qs(urlsplit(database).query)["host"][0]))
