"""The files of attachments in a folder, encrypted.

A file is a row of blocks of 64 KiB, each sealed by itself (AES-GCM), so that any part of it can be read alone. The key of a file
is made of the server's secret and the salt in its row: without the row the file says nothing any more. What is sealed along with a
block says which file it is of and whether it is the last, its number is the nonce: blocks cannot be moved, left out or cut off.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fhir_server.storage.attachments.files import Place

BLOCK: Final = 65_536
_TAG: Final = 16
_AT_ONCE: Final = 4 * BLOCK
_NONCE: Final = 12


class Folder:
    """``root`` holds the files, ``secret`` (32 bytes or more) is what their keys are made of."""

    def __init__(self, root: Path, secret: bytes) -> None:
        """Make nothing yet."""
        self._root = root
        self._secret = secret

    async def create(self, place: Place) -> "Writing":
        """Begin a file. Raises OSError."""
        path = self._path(place.id)

        def opened() -> int:
            self._root.mkdir(mode=0o700, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

        return Writing(path, await asyncio.to_thread(opened), self._cipher(place), place.id.encode())

    async def present(self, id_: str) -> bool:
        """Tell whether there is such a file."""
        return await asyncio.to_thread(self._path(id_).is_file)

    async def read(self, place: Place, size: int, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` up to ``end``. Raises OSError, ValueError."""
        cipher, last = self._cipher(place), max(size - 1, 0) // BLOCK
        file = await asyncio.to_thread(os.open, self._path(place.id), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            for number in range(start // BLOCK, -(-end // BLOCK)):
                sealed = await asyncio.to_thread(os.pread, file, BLOCK + _TAG, number * (BLOCK + _TAG))
                clear = _opened(cipher, sealed, number, _context(place.id.encode(), final=number == last))
                yield clear[max(start - number * BLOCK, 0) : end - number * BLOCK]
        finally:
            os.close(file)

    async def remove(self, ids: Sequence[str]) -> None:
        """Remove files."""

        def removed() -> None:
            for each in ids:
                self._path(each).unlink(missing_ok=True)

        await asyncio.to_thread(removed)

    async def older(self, before: float) -> Sequence[str]:
        """Return the ids of the files that were last written before that second."""
        return await asyncio.to_thread(self._older, before)

    def _older(self, before: float) -> list[str]:
        found = []
        for path in self._root.glob("*/*"):
            with suppress(FileNotFoundError):  # another process removed it
                if path.stat().st_mtime < before:
                    found.append(path.name)
        return found

    def _path(self, id_: str) -> Path:
        if not id_.isalnum() or not id_.isascii():
            raise ValueError("no id of an attachment")
        return self._root / id_[:2] / id_

    def _cipher(self, place: Place) -> AESGCM:
        return AESGCM(HKDF(SHA256(), 32, salt=place.salt.encode(), info=f"attachment {place.id}".encode()).derive(self._secret))


class Writing:
    """A file of the folder that is being written; the last block is sealed when it is finished."""

    def __init__(self, path: Path, file: int, cipher: AESGCM, context: bytes) -> None:
        """Write to the open ``file``."""
        self._path, self._file, self._cipher, self._context = path, file, cipher, context
        self._left = bytearray()
        self._number = 0

    async def write(self, content: bytes) -> None:
        """Append ``content``. Raises OSError."""
        self._left += content
        if len(self._left) > _AT_ONCE:
            await asyncio.to_thread(self._seal, final=False)

    async def finish(self) -> None:
        """Return when all of it is durable. Raises OSError."""
        await asyncio.to_thread(self._finish)

    async def discard(self) -> None:
        """Remove what was written."""
        await asyncio.to_thread(self._discard)

    def _seal(self, *, final: bool) -> None:
        while len(self._left) > BLOCK or final:
            block = bytes(self._left[:BLOCK])
            del self._left[:BLOCK]
            ends = final and not self._left
            context = _context(self._context, final=ends)
            _write(self._file, self._cipher.encrypt(_nonce(self._number), block, context))
            self._number += 1
            if ends:
                return

    def _finish(self) -> None:
        self._seal(final=True)
        os.fsync(self._file)
        self._close()
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _discard(self) -> None:
        self._close()
        self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _write(file: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def _opened(cipher: AESGCM, sealed: bytes, number: int, context: bytes) -> bytes:
    try:
        return cipher.decrypt(_nonce(number), sealed, context)
    except InvalidTag:
        raise ValueError("the file of an attachment is not what was written") from None


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE, "big")


def _context(id_: bytes, *, final: bool) -> bytes:
    return id_ + (b"\1" if final else b"\0")
