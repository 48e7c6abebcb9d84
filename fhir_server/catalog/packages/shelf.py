"""Where packages are kept: a folder with one zip file for each, named ``NAME#VERSION.zip``.

A file is written beside and put in its place at once, so that who reads never sees half a package; it is never changed afterwards.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo

from fhir_server.catalog.packages.manifest import Manifest, PackageError, read_manifest
from fhir_server.catalog.packages.tarball import Content, read_package
from fhir_server.model.json import write

_MANIFEST: Final = "manifest.json"
_INDEX: Final = "index.json"
_SUFFIX: Final = ".zip"
_NOTED: Final = ("type", "version")


@dataclass(frozen=True, slots=True)
class Kept:
    """A package on the shelf. ``index`` has (resource type, canonical URL) -> the entry's name, type and version."""

    manifest: Manifest
    archive: ZipFile
    index: Mapping[tuple[str, str], Mapping[str, str]]

    def read(self, type_: str, url: str) -> Mapping[str, Any] | None:
        """Return the definition with this URL, None where the package has none. Raises PackageError."""
        noted = self.index.get((type_, url))
        return _entry(self.archive, noted["entry"], str(self.manifest)) if noted else None

    def definitions(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return all definitions by resource type and canonical URL. Raises PackageError."""
        return {key: dict(_entry(self.archive, noted["entry"], str(self.manifest))) for key, noted in self.index.items()}


class Shelf:
    """The packages in ``folder``, which need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stamp(self) -> tuple[tuple[str, int], ...]:
        """Return what changes whenever a package comes or goes."""
        with suppress(FileNotFoundError), os.scandir(self.folder) as found:
            files = [(each.name, each.stat().st_mtime_ns) for each in found if each.name.endswith(_SUFFIX)]
            return tuple(sorted(files))
        return ()

    def packages(self) -> list[Kept]:
        """Return them in the order of their names and versions. Raises PackageError for a file that is none."""
        return [_kept(self.folder / name) for name, _ in self.stamp()]

    def add(self, file: Path) -> tuple[Manifest, bool]:
        """Keep the package in ``file``; tell what it is, and whether it is new here. Raises PackageError, OSError.

        The same version with the same content is left alone; with another content it is refused, since a version means one thing.
        """
        try:
            content = read_package(file)
        except PackageError as error:
            raise PackageError(f"{file.name}: {error}") from error
        return content.manifest, self.keep(content)

    def keep(self, content: Content, *, replace: bool = False) -> bool:
        """Keep what a package holds; tell whether it is new here. ``replace``: instead of what has its name and version.

        Raises PackageError where there is another content under them, unless it may be replaced.
        """
        data, target = _zipped(content), self.folder / f"{content.manifest}{_SUFFIX}"
        if target.exists():
            if _digest(target.read_bytes()) == _digest(data):
                return False
            if not replace:
                raise PackageError(f"{content.manifest} is here with another content; remove that first")
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(data, target)
        return True

    def remove(self, name: str) -> None:
        """Remove the package ``NAME#VERSION``. Raises PackageError when it is not here."""
        if name not in {str(each.manifest) for each in self.packages()}:
            raise PackageError(f"there is no package {name} here; `fhir-server package list` lists them")
        (self.folder / f"{name}{_SUFFIX}").unlink()


def _zipped(content: Content) -> bytes:
    """Return the file of a package; the same content gives the same bytes."""
    manifest, buffer = content.manifest, io.BytesIO()
    index: dict[str, dict[str, str]] = {}
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for number, each in enumerate(content.definitions):
            key, entry = f"{each['resourceType']} {each['url']}", f"{number}.json"
            index[key] = {"entry": entry, **{name: str(each[name]) for name in _NOTED if name in each}}
            _write(archive, entry, each)
        _write(archive, _INDEX, index)
        _write(
            archive, _MANIFEST, {"name": manifest.name, "version": manifest.version, "dependencies": dict(manifest.dependencies)}
        )
    return buffer.getvalue()


def _write(archive: ZipFile, name: str, content: Mapping[str, Any]) -> None:
    archive.writestr(ZipInfo(name), write(content), ZIP_DEFLATED)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _put(data: bytes, target: Path) -> None:
    beside = target.with_suffix(".part")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(target)


def _kept(path: Path) -> Kept:
    """Read the file of a package into memory: it may be removed while somebody uses it."""
    try:
        archive = ZipFile(io.BytesIO(path.read_bytes()))
    except BadZipFile as error:
        raise _damaged(path.name) from error
    manifest = read_manifest({**_entry(archive, _MANIFEST, path.name), "fhirVersions": ["4.0.1"]})
    index = {_key(key): noted for key, noted in _entry(archive, _INDEX, path.name).items()}
    return Kept(manifest, archive, index)


def _key(text: str) -> tuple[str, str]:
    type_, _, url = text.partition(" ")
    return type_, url


def _entry(archive: ZipFile, name: str, package: str) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = json.loads(archive.read(name), parse_float=Decimal)
    except (BadZipFile, KeyError, ValueError) as error:
        raise _damaged(package) from error
    return found


def _damaged(name: str) -> PackageError:
    return PackageError(f"{name} is damaged; remove the file and add the package again")
