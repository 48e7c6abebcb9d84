"""HTTP to the issuers of tokens: https, no redirects, no cookies, a short time, a small answer of JSON."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from fhir_server.oauth.compact import strict_object

LIMIT: Final = 262_144
SECONDS: Final = 5.0
CONNECTIONS: Final = 8
_CHUNK: Final = 16_384
_OK: Final = 200
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])")


class RemoteFailed(Exception):
    """No answer that can be used came; the text says why, and nothing of what came."""


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object that was fetched, and for how many seconds it may be kept (None: not said)."""

    content: dict[str, Any]
    max_age: int | None = None


class Remote:
    """The connections to the issuers; at most ``CONNECTIONS`` at a time."""

    def __init__(self, seconds: float = SECONDS) -> None:
        """Give each request ``seconds``."""
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> Document:
        """Fetch ``url``; raises RemoteFailed."""
        return await self._ask("GET", url, {}, None)

    async def post(self, url: str, form: Mapping[str, str], authorization: str = "") -> Document:
        """Send ``form``; raises RemoteFailed. ``authorization`` is the value of that header, "" for none."""
        return await self._ask("POST", url, {"Authorization": authorization} if authorization else {}, form)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None) -> Document:
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        try:
            async with self._opened().request(method, url, data=form, headers=sent, allow_redirects=False) as response:
                if response.status != _OK:
                    raise RemoteFailed(f"HTTP status {response.status}")
                content = strict_object(await _read(response))
                return Document(content, _max_age(response.headers.get("Cache-Control", "")))
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise RemoteFailed(f"no usable answer ({type(error).__name__})") from error

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                auto_decompress=False,
            )
        return self._session


def acceptable(url: str, *, loopback: bool) -> bool:
    """Tell whether an issuer may be asked at ``url``: https, or http on this machine where ``loopback`` allows that."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or "@" in parts.netloc or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and loopback and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Tell whether ``host`` (a name or an address) is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _read(response: aiohttp.ClientResponse) -> bytes:
    read = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        read += chunk
        if len(read) > LIMIT:
            response.close()
            raise RemoteFailed(f"the answer is above {LIMIT} bytes")
    return bytes(read)


def _max_age(header: str) -> int | None:
    match = _MAX_AGE.search(header.lower())
    return int(match[1]) if match else None
