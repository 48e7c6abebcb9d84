"""Bodies as stored: the UUIDs taken out as bytes, the rest as zstd with a dictionary of what FHIR JSON looks like.

What is stored is the number of UUIDs (one byte), 16 bytes for each, and a zstd frame without its magic number, of the text with a
mark in the place of each. References are most of what differs between two messages, and nothing makes their digits shorter.
A frame names its dictionary, so a database may hold bodies of several: the newest one is used to write, all of them to read.
``dictionary.py`` trains a new one.
"""

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

from zstandard import (
    FORMAT_ZSTD1_MAGICLESS,
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
    get_frame_parameters,
)

FOLDER = Path(__file__).parent / "dictionaries"
_EIGHT = 8  # digits with which a UUID begins; looked for is what follows, for its first character is rare
_AFTER_EIGHT = re.compile(rb"-(?<=[0-9a-f]{8}-)([0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})")
_MARK = b"\x01"  # stands in no JSON
_MOST = 255  # UUIDs of one body that are taken out
_LARGEST_KEPT = 16_384  # bytes
_USUAL = 2_000  # bytes of a body
LEVEL = 9  # 25 us more than 3 for each write, and a sixth less on disk


@cache
def _dictionaries() -> dict[int, ZstdCompressionDict]:
    loaded = (ZstdCompressionDict(path.read_bytes()) for path in sorted(FOLDER.glob("*.dict")))
    return {dictionary.dict_id(): dictionary for dictionary in loaded}


class Unpacked(dict[bytes, bytes]):
    """Bodies by what they are unpacked from: those of lately are kept, ``budget`` bytes of both at most."""

    def __init__(self, unpack: Callable[[bytes], bytes], budget: int = 32_000_000) -> None:
        """Remember what ``unpack`` returns."""
        super().__init__()
        self._unpack = unpack
        self._budget = budget
        self._size = 0

    def __missing__(self, packed: bytes) -> bytes:
        """Return what ``unpack`` makes of ``packed``, and keep it if it is not too large."""
        body = self._unpack(packed)
        if len(body) <= _LARGEST_KEPT:
            self._keep(packed, body)
        return body

    def _keep(self, packed: bytes, body: bytes) -> None:
        self._size += len(packed) + len(body)
        if self._size > self._budget:
            self.clear()
            self._size = len(packed) + len(body)
        self[packed] = body


class Bodies:
    """Packs and unpacks bodies; one object per thread, for zstd contexts must not be shared."""

    def __init__(self) -> None:
        """Prepare the contexts; the dictionary with the highest id writes."""
        dictionaries = _dictionaries()
        newest = max(dictionaries)
        self._readers = {number: _reader(data) for number, data in dictionaries.items()}
        self._read = self._readers[newest].decompress
        self._write = _writer(dictionaries[newest]).compress

    def pack(self, body: bytes) -> bytes:
        """Return ``body`` compressed; empty stays empty."""
        if not body:
            return b""
        text, uuids = taken_out(body)
        return bytes((len(uuids) // 16,)) + uuids + self._write(text)

    def unpack(self, packed: bytes) -> bytes:
        """Return what ``pack`` was given."""
        if not packed:
            return b""
        start = 1 + 16 * packed[0]
        frame = packed[start:]
        try:
            text = self._read(frame)
        except ZstdError:
            text = self._unpack_older(frame)
        return _filled(text, packed[1:start]) if packed[0] else text

    def _unpack_older(self, frame: bytes) -> bytes:
        reader = self._readers.get(get_frame_parameters(frame, format=FORMAT_ZSTD1_MAGICLESS).dict_id)
        if reader is None:
            raise LookupError("a stored body was packed with a dictionary that this server lacks: use a newer server")
        return reader.decompress(frame)


def taken_out(body: bytes) -> tuple[bytes, bytes]:
    """Return ``body`` with a mark in the place of each UUID, and the UUIDs; all of it as it is where that could not be undone."""
    parts = _AFTER_EIGHT.split(body, _MOST) if _MARK not in body else [body]
    between, ends = parts[::2], parts[1::2]
    if not ends or any(len(part) < _EIGHT for part in between[:-1]):
        return body, b""
    digits = b"".join([part[-_EIGHT:] + end for part, end in zip(between, ends, strict=False)])
    return _MARK.join([*(part[:-_EIGHT] for part in between[:-1]), between[-1]]), bytes.fromhex(digits.replace(b"-", b"").decode())


def _filled(text: bytes, uuids: bytes) -> bytes:
    """Put ``uuids`` in the place of the marks."""
    digits = uuids.hex("-", 2).encode()  # 1111-1111-2222-3333-4444-5555-5555-5555, of which three dashes go
    parts = [b""] * (len(uuids) // 8 + 1)
    parts[::2] = text.split(_MARK)
    parts[1::2] = [
        digits[at : at + 4] + digits[at + 5 : at + 29] + digits[at + 30 : at + 34] + digits[at + 35 : at + 39]
        for at in range(0, len(digits), 40)
    ]
    return b"".join(parts)


def _writer(dictionary: ZstdCompressionDict) -> ZstdCompressor:
    size = len(dictionary.as_bytes())
    parameters = ZstdCompressionParameters.from_level(
        LEVEL, source_size=_USUAL, dict_size=size, format=FORMAT_ZSTD1_MAGICLESS, write_content_size=True, write_dict_id=True
    )
    return ZstdCompressor(dict_data=dictionary, compression_params=parameters)


def _reader(dictionary: ZstdCompressionDict) -> ZstdDecompressor:
    return ZstdDecompressor(dict_data=dictionary, format=FORMAT_ZSTD1_MAGICLESS)
