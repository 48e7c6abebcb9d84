"""ClamAV's daemon: INSTREAM over TCP or a Unix socket (https://docs.clamav.net/manual/Usage/Scanning.html#clamd).

Content goes as chunks, each behind its length in four bytes; a length of zero ends it. The answer is one line.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Final

from fhir_server.storage.attachments.scanner import ScannerAway

_ADDRESS: Final = re.compile(r"tcp://(?P<host>[^/\[\]:]+|\[[0-9a-fA-F:]+\]):(?P<port>\d{1,5})|unix:(?P<path>/.+)")
_LONGEST: Final = 4_096
_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Clamd:
    """Asks the daemon at ``address``, ``tcp://host:port`` or ``unix:/path``, and waits ``seconds`` for it at most."""

    def __init__(self, address: str, seconds: float = 60.0) -> None:
        """Connect to nobody yet. Raises ValueError for what is no address."""
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise ValueError("must be tcp://host:port or unix:/path")
        self._host, self._port, self._path = (found["host"] or "").strip("[]"), int(found["port"] or 0), found["path"] or ""
        self._seconds = seconds

    async def infected(self, content: AsyncIterator[bytes]) -> bool:
        """Tell whether the daemon found something. Raises ScannerAway."""
        try:
            async with asyncio.timeout(self._seconds):
                said = await self._asked(content)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise ScannerAway("the virus scanner does not answer") from error
        if said.endswith(b" FOUND"):
            return True
        if said != b"stream: OK":
            raise ScannerAway("the virus scanner could not say")
        return False

    async def _asked(self, content: AsyncIterator[bytes]) -> bytes:
        reader, writer = await self._connected()
        try:
            with suppress(ConnectionError):  # it may answer, and hang up, before all was sent
                writer.write(b"zINSTREAM\0")
                async for chunk in content:
                    writer.write(len(chunk).to_bytes(4, "big") + chunk)
                    await writer.drain()
                writer.write(bytes(4))
                await writer.drain()
            return (await reader.readuntil(b"\0"))[:-1]
        finally:
            writer.close()

    async def _connected(self) -> _Streams:
        if self._path:
            return await asyncio.open_unix_connection(self._path, limit=_LONGEST)
        return await asyncio.open_connection(self._host, self._port, limit=_LONGEST)
