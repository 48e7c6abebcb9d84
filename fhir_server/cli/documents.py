"""The resources of files, one at a time: NDJSON by the line, a Bundle by the entry, however large the file is; gzip is unpacked."""

import gzip
import re
import sys
import zlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import orjson

from fhir_server.cli.command import CommandFailed
from fhir_server.errors import FhirError
from fhir_server.model.body import OWN
from fhir_server.model.json import read, write

STDIN = Path("-")
_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 20
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\]]', re.DOTALL)


class Found(NamedTuple):
    """One resource and where it is from: ``file:line``, or ``file entry[number]`` for a Bundle.

    ``size`` is what it took of the file, in bytes. ``error`` says what is wrong with the JSON around it; ``body`` is empty then.
    """

    place: str
    body: bytes
    size: int
    error: str = ""


def found_in(path: Path) -> Iterator[Found]:
    """Yield the resources of a file, or of the standard input for "-". Raises CommandFailed for what cannot be read."""
    try:
        with _opened(path) as file:
            first, blank = _first(file)
            if path.suffix == ".ndjson" or _is_line(first):
                yield from _lines(path, _with(first, file), blank + 1)
            else:
                yield from _document(path, first, lambda: file.read(_CHUNK))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CommandFailed(f"cannot read {path}: it is compressed, and broken or cut off") from error
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from error


def whole(path: Path) -> bytes:
    """Return a file, or the standard input for "-", as it is. Raises CommandFailed for what cannot be read."""
    try:
        return sys.stdin.buffer.read() if path == STDIN else path.read_bytes()
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from error


def size_of(paths: Iterable[Path]) -> int:
    """Return the bytes of all files together, 0 when that is not known beforehand."""
    sizes = [_size(path) for path in paths]
    return sum(sizes) if all(sizes) else 0


def _size(path: Path) -> int:
    if not path.is_file():
        return 0
    with path.open("rb") as file:
        return 0 if _is_compressed(file) else path.stat().st_size


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield _plain(cast("BufferedReader", sys.stdin.buffer))
    else:
        with path.open("rb") as file:
            yield _plain(file)


def _plain(file: BufferedReader) -> BinaryIO:
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if _is_compressed(file) else file


def _is_compressed(file: BufferedReader) -> bool:
    return file.peek(len(_GZIP)).startswith(_GZIP)


def _first(file: BinaryIO) -> tuple[bytes, int]:
    """Return the first line that is not blank, and how many blank ones come before it."""
    line, blank = file.readline(), 0
    while line.isspace():
        line, blank = file.readline(), blank + 1
    return line, blank


def _with(first: bytes, file: Iterable[bytes]) -> Iterator[bytes]:
    yield first
    yield from file


def _is_line(first: bytes) -> bool:
    """Tell whether the first line is a resource by itself; a Bundle on one line is read as a document, by the entry."""
    try:
        resource = orjson.loads(first.removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError:
        return False
    return isinstance(resource, dict) and resource.get("resourceType") != "Bundle"


def _lines(path: Path, lines: Iterable[bytes], begin: int) -> Iterator[Found]:
    for number, line in enumerate(lines, begin):
        if b'"Bundle"' in line:
            yield from _entries(f"{path}:{number}", line)
        elif line.strip():
            yield Found(f"{path}:{number}", line, len(line))


def _entries(place: str, document: bytes) -> Iterator[Found]:
    """Yield the resources of a document that may be a Bundle and is held as a whole."""
    try:
        resource = read(document, OWN).resource
    except FhirError as error:
        yield Found(place, b"", len(document), error.text)
        return
    if resource.get("resourceType") != "Bundle":
        yield Found(place, document, len(document))
        return
    picked = _Picked(is_history=resource.get("type") == "history")
    inside = [(number, entry["resource"]) for number, entry in enumerate(resource.get("entry", ())) if picked.takes(entry)]
    for number, each in inside:
        yield Found(f"{place} entry[{number}]", write(each), len(document) // len(inside))


def _document(path: Path, first: bytes, more: Callable[[], bytes]) -> Iterator[Found]:
    reader, picked = _Reader(first, more), _Picked()
    for number, entry in enumerate(reader.entries()):
        place = f"{path} entry[{number}]"
        picked.is_history = reader.is_history
        try:
            document = read(entry, OWN)
        except FhirError as error:
            yield Found(place, b"", len(entry), error.text)
            continue
        if picked.takes(document.resource):
            yield Found(place, document.members["resource"].encode(), len(entry))
    if not reader.is_bundle:
        yield from _entries(str(path), bytes(reader.rest))
    elif reader.depth:
        yield Found(str(path), b"", 0, "The file ends in the middle of the Bundle. Was it copied as a whole?")


@dataclass
class _Picked:
    """Which entries of a Bundle are resources to store: no OperationOutcome of a search, of a history the newest versions alone."""

    is_history: bool = False
    _seen: set[str] = field(default_factory=set)

    def takes(self, entry: Mapping[str, Any]) -> bool:
        """Tell whether the next ``entry`` has a resource that is to be stored; a history begins with what is newest."""
        if self.is_history:
            resource = _mapped(entry, "resource")
            name = (
                f"{resource.get('resourceType')}/{resource['id']}" if "id" in resource else _mapped(entry, "request").get("url", "")
            )
            if name in self._seen:
                return False
            self._seen.add(name)
        return "resource" in entry and _mapped(entry, "search").get("mode") != "outcome"


def _mapped(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = entry.get(name)
    return found if isinstance(found, dict) else {}


class _Reader:
    """Finds the elements of ``entry`` in the text of a Bundle; what is no Bundle is left as a whole in ``rest``."""

    def __init__(self, first: bytes, more: Callable[[], bytes]) -> None:
        self.rest = bytearray(first)
        self.is_bundle = False
        self.is_history = False
        self.depth = 0
        self._more = more
        self._names: list[bytes] = []  # the last two strings of the root: a name and its value
        self._in_entries = False
        self._too_late = False  # entries went by before it was known that this is a Bundle
        self._start = 0

    def entries(self) -> Iterator[bytes]:
        """Yield the text of each entry."""
        at = 0
        while True:
            end = at
            for token in _TOKEN.finditer(self.rest, at):
                if token[0] == b'"':  # its end is not here yet
                    break
                end = token.end()
                if self._take(token[0], token.start()):
                    yield bytes(self.rest[self._start : end])
            else:
                end = len(self.rest)
            at = self._forget(end)
            chunk = self._more()
            if not chunk:
                return
            self.rest += chunk

    def _take(self, token: bytes, at: int) -> bool:
        """Follow one token; tell whether an entry ends with it."""
        if token in b"{[":
            self.depth += 1
            if self.depth == _IN_LIST and token == b"[":
                is_entry = self._names[-1:] == [b'"entry"']
                self._in_entries = self.is_bundle and is_entry
                self._too_late = self._too_late or (is_entry and not self.is_bundle)
            elif self.depth == _IN_ENTRY:
                self._start = at
        elif token in b"}]":
            self.depth -= 1
            return self._in_entries and self.depth == _IN_LIST
        elif self.depth == 1:
            self._names = [*self._names[-1:], token]
            self.is_bundle = self.is_bundle or (not self._too_late and self._names == [b'"resourceType"', b'"Bundle"'])
            self.is_history = self.is_history or self._names == [b'"type"', b'"history"']
        return False

    def _forget(self, end: int) -> int:
        """Drop what was read of a Bundle, apart from an entry that has begun; return where ``end`` is then."""
        if not self._in_entries:
            return end
        gone = self._start if self.depth > _IN_LIST else end
        del self.rest[:gone]
        self._start = 0
        return end - gone


_IN_LIST, _IN_ENTRY = 2, 3
