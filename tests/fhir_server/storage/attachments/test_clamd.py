"""The virus scanner, against a simulated clamd."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from fhir_server.storage.attachments.clamd import Clamd
from fhir_server.storage.attachments.scanner import ScannerAway

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
pytestmark = pytest.mark.network_loopback


async def scanner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as clamd does."""
    assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
    content = b""
    while size := int.from_bytes(await reader.readexactly(4), "big"):
        content += await reader.readexactly(size)
    if len(content) > 200_000:
        writer.write(b"INSTREAM size limit exceeded. ERROR\0")
    else:
        writer.write(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in content else b"stream: OK\0")
    await writer.drain()
    writer.close()


async def hangs_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for each in parts:
        yield each


def asked(socket: Path, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], *content: bytes) -> bool:
    async def run() -> bool:
        server = await asyncio.start_unix_server(serve, socket)
        try:
            return await Clamd(f"unix:{socket}", seconds=0.5).infected(chunks(*content))
        finally:
            server.close()
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}), return_exceptions=True)
            await asyncio.sleep(0)  # what they closed is closed in the next turn

    return asyncio.run(run())


def test_what_it_finds(tmp_path: Path) -> None:
    socket = tmp_path / "clamd"
    assert not asked(socket, scanner, b"clean", b"and more")
    assert asked(socket, scanner, b"before", EICAR[:20], EICAR[20:], b"after")


def test_a_scanner_that_cannot_say_is_away(tmp_path: Path) -> None:
    socket = tmp_path / "clamd"
    for serve, content in ((scanner, bytes(300_000)), (hangs_up, b"x"), (says_nothing, b"x")):
        with pytest.raises(ScannerAway):
            asked(socket, serve, content)
    with pytest.raises(ScannerAway):
        asyncio.run(Clamd(f"unix:{tmp_path}/none").infected(chunks(b"x")))
    with pytest.raises(ScannerAway):
        asyncio.run(Clamd("tcp://127.0.0.1:9").infected(chunks(b"x")))


@pytest.mark.parametrize("address", ["", "clamd", "tcp://host", "tcp://:3310", "http://x:1", "unix:relative"])
def test_what_is_no_address(address: str) -> None:
    with pytest.raises(ValueError, match="tcp://host:port"):
        Clamd(address)
