"""HTTP to one source system: no redirects, no cookies, no other host, a bounded answer.

Bodies are never logged. Time is bounded by the caller, who cancels; the connection of a cancelled call is closed.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import aiohttp

from adapters.contract import Fault, Response, Source, SourceError

LIMIT = 2_000_000
CONNECTIONS = 8
ATTEMPTS = 2
CHUNK = 65_536
STATUS_FAULTS: Mapping[int, Fault] = {
    401: "refused",
    403: "refused",
    408: "timeout",
    415: "not-supported",
    429: "throttled",
    501: "not-supported",
    504: "timeout",
}


class HttpTransport:
    """The connections to one source, made once; at most ``CONNECTIONS`` at a time, so that it cannot starve the others.

    ``limit`` is the largest answer in bytes (option ``largest_answer``), ``authorization`` the value of that header.
    """

    def __init__(self, source: Source, authorization: str = "") -> None:
        """Prepare for ``source``; raise ``ValueError`` when ``largest_answer`` is not a number."""
        self._origin = _origin(source.endpoint)
        self._limit = int(source.options.get("largest_answer", LIMIT))
        self._headers = {"Accept-Encoding": "identity"} | ({"Authorization": authorization} if authorization else {})
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send ``body``; return what came back in a media type that was asked for.

        Raises SourceError when no answer comes, or one that no adapter should see. An answer that reports a failure in the
        asked media type (a SOAP fault with status 500) is returned.
        """
        return await self._asked("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        """Ask for ``url``, which lies at the source; the same otherwise."""
        return await self._asked("GET", url, None, headers)

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def _asked(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        if _origin(url) != self._origin:
            raise SourceError("refused", "the adapter asked for another address than the endpoint of the source")
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._sent(method, url, body, headers)
            except (aiohttp.ClientConnectorError, aiohttp.ServerDisconnectedError) as error:
                if attempt == ATTEMPTS:
                    raise SourceError("unreachable", f"no connection ({type(error).__name__})") from error
            except TimeoutError as error:
                raise SourceError("timeout", "no answer in time") from error
            except (aiohttp.ClientError, OSError) as error:
                raise SourceError("unreachable", f"the connection failed ({type(error).__name__})") from error
        raise AssertionError("unreachable code: the last attempt returns or raises")

    async def _sent(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Response:
        sent = self._headers | dict(headers)
        async with self._opened().request(method, url, data=body, headers=sent, allow_redirects=False) as response:
            _check(response, sent)
            return Response(response.status, await self._read(response), response.content_type)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        read = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            read += chunk
            if len(read) > self._limit:
                response.close()
                raise SourceError("too-much", f"the answer is above {self._limit} bytes")
        return bytes(read)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=False,
            )
        return self._session


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _check(response: aiohttp.ClientResponse, sent: Mapping[str, str]) -> None:
    """Raise SourceError unless the answer may be given to the adapter."""
    status, asked = response.status, _asked_type(response.content_type, sent)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise SourceError("structure", "the answer is compressed, which was not asked for")
    if status in STATUS_FAULTS:
        raise SourceError(STATUS_FAULTS[status], f"HTTP status {status}")
    if 300 <= status < 400:  # noqa: PLR2004 - the class of redirections, RFC 9110 section 15.4
        raise SourceError("unreachable", f"HTTP status {status}: redirects are not followed")
    if status >= 400 and not asked:  # noqa: PLR2004 - the classes of errors
        raise SourceError("unreachable", f"HTTP status {status}")
    if not asked:
        raise SourceError("structure", f"the answer is {response.content_type}, which was not asked for")


def _asked_type(media_type: str, sent: Mapping[str, str]) -> bool:
    """Tell whether an answer comes in a family (XML, JSON, ...) that ``Accept`` names, or without it, that of the question."""
    headers = {name.lower(): value for name, value in sent.items()}
    accepted = headers.get("accept") or headers.get("content-type", "")
    return _family(media_type) in {_family(each) for each in accepted.split(",")}


def _family(media_type: str) -> str:
    """Return the syntax of a media type: "xml" for text/xml, application/soap+xml and application/fhir+xml."""
    return media_type.partition(";")[0].strip().lower().rpartition("/")[2].rpartition("+")[2]
