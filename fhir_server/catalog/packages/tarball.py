"""Reads the file of a package: a gzipped tar from who knows where, so that nothing in it is believed and nothing is unpacked.

Looked at are its members one after the other, in bounds of number and size; only JSON right below ``package/`` is taken.
"""

import gzip
import io
import json
import re
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from fhir_server.catalog.packages.manifest import Manifest, PackageError, read_manifest

_FOLDER: Final = "package/"
KEPT: Final = ("StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap")
_FILE: Final = re.compile(r"package/[A-Za-z0-9][^/\\\x00-\x1f]{0,200}\.json")
_MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large a package may be: the file, what it unpacks to, and each member in bytes; and how many members."""

    file: int = 100 * _MEGABYTE
    unpacked: int = 500 * _MEGABYTE
    member: int = 20 * _MEGABYTE
    members: int = 20_000


@dataclass(frozen=True, slots=True)
class Content:
    """What is used of a package: its definitions, in the order of the file."""

    manifest: Manifest
    definitions: tuple[dict[str, Any], ...]


def read_package(path: Path, bounds: Bounds = Bounds()) -> Content:
    """Read the package in the file at ``path``. Raises PackageError, and OSError when there is no such file."""
    if path.stat().st_size > bounds.file:
        raise PackageError(f"it is larger than {bounds.file // _MEGABYTE} MB")
    manifest: Manifest | None = None
    found: list[dict[str, Any]] = []
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=(bounded := _Bounded(stream, bounds.unpacked)), mode="r|") as archive:
            for name, data in _members(archive, bounds):
                if name == _FOLDER + "package.json":
                    manifest = read_manifest(_json(data, name))
                elif (content := _definition(data, name)) is not None:
                    found.append(content)
            bounded.finish()
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise PackageError("it is no gzipped tar, or a damaged one") from error
    if manifest is None:
        raise PackageError("it has no package/package.json, so that it is no FHIR package")
    return Content(manifest, tuple(found))


class _Bounded(io.RawIOBase):
    """What unpacks, up to a bound: a few kilobytes may unpack to as many gigabytes."""

    def __init__(self, stream: gzip.GzipFile, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1, /) -> bytes:
        """Read on. Raises PackageError beyond the bound."""
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise PackageError("it unpacks to more than is allowed")
        return data

    def finish(self) -> None:
        """Read to the end, where gzip says whether all was there."""
        while self.read(_MEGABYTE):
            pass


def _members(archive: tarfile.TarFile, bounds: Bounds) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of what may be taken. Raises PackageError for what has no place in a package."""
    seen: set[str] = set()
    for count, member in enumerate(archive, 1):
        if count > bounds.members:
            raise PackageError(f"it has more than {bounds.members} members")
        if member.name.startswith("/") or ".." in member.name.split("/"):
            raise PackageError("it has a member that lies outside of it")
        if not member.isfile() and not member.isdir():
            raise PackageError("it has a link or a device in it")
        if member.size > bounds.member:
            raise PackageError(f"it has a member larger than {bounds.member // _MEGABYTE} MB")
        name = member.name.removeprefix("./")
        if not member.isfile() or not _FILE.fullmatch(name):
            continue
        if name in seen:
            raise PackageError(f"it has {name} twice")
        seen.add(name)
        stream = archive.extractfile(member)
        yield name, stream.read() if stream else b""


def _definition(data: bytes, name: str) -> dict[str, Any] | None:
    return kept(_json(data, name))


def kept(content: Any) -> dict[str, Any] | None:  # noqa: ANN401 - JSON
    """Return what is kept of a definition, None of what is none."""
    if not isinstance(content, dict) or content.get("resourceType") not in KEPT:
        return None
    if not isinstance(content.get("url"), str):
        return None
    return {key: value for key, value in content.items() if key not in {"text", "snapshot", "mapping", "contained"}} | (
        {"snapshot": content["snapshot"]} if "snapshot" in content and "differential" not in content else {}
    )


def _json(data: bytes, name: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(data.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise PackageError(f"{name} in it is no JSON") from error


def _no_number(text: str) -> Any:  # noqa: ANN401 - as the parser wants it
    raise ValueError(text)
