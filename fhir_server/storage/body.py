"""Bodies as stored: zstd with a dictionary of what FHIR JSON looks like.

A frame names its dictionary, so a database may hold bodies of several: the newest one is used to write, all of them to read.
``dictionary.py`` trains a new one.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from zstandard import ZstdCompressionDict, ZstdCompressor, ZstdDecompressor, ZstdError, get_frame_parameters

FOLDER = Path(__file__).parent / "dictionaries"
_LARGEST_KEPT = 16_384  # bytes
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
        self._readers = {number: ZstdDecompressor(dict_data=data) for number, data in dictionaries.items()}
        self._read = self._readers[newest].decompress
        self._write = ZstdCompressor(level=LEVEL, dict_data=dictionaries[newest], write_content_size=True).compress

    def pack(self, body: bytes) -> bytes:
        """Return ``body`` compressed; empty stays empty."""
        return self._write(body) if body else b""

    def unpack(self, packed: bytes) -> bytes:
        """Return what ``pack`` was given."""
        if not packed:
            return b""
        try:
            return self._read(packed)
        except ZstdError:
            return self._unpack_older(packed)

    def _unpack_older(self, packed: bytes) -> bytes:
        reader = self._readers.get(get_frame_parameters(packed).dict_id)
        if reader is None:
            raise LookupError("a stored body was packed with a dictionary that this server lacks: use a newer server")
        return reader.decompress(packed)
