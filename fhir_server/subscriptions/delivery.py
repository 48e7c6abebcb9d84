"""Sending notifications to rest-hooks (https://hl7.org/fhir/R4/subscription.html#rest-hook): a POST, in R4 without a body.

No redirects, no cookies, no proxies; what the endpoint answers is not read. Nothing of it is logged but the status.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import aiohttp
from cryptography.exceptions import InvalidTag

from fhir_server import __version__
from fhir_server.storage.subscriptions.store import Claim
from fhir_server.subscriptions.endpoint import GuardedResolver, Refused, Resolve, fault
from fhir_server.subscriptions.headers import HeaderSeal
from fhir_server.subscriptions.message import Message

PER_HOST: Final = 16
"""Connections to one host at a time."""
_NO_BODY: Final = ("Content-Type", "Accept", "Accept-Encoding")
_OK: Final = range(200, 300)


class Outcome(NamedTuple):
    """What became of one attempt: ``error`` is "" when it arrived, else what the subscriber may read about it."""

    error: str = ""


class Channel(Protocol):
    """How notifications of one kind of channel are sent."""

    async def send(self, claim: Claim, message: Message) -> Outcome:
        """Send one message."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class RestHook:
    """The channel rest-hook: connections are shared by host, and there are few to one host, so that none starves the others."""

    def __init__(self, seal: HeaderSeal, resolve: Resolve, *, allow_loopback: bool, seconds: float) -> None:
        """Open the headers with ``seal``; give up after ``seconds``."""
        self._seal = seal
        self._resolve = resolve
        self._allow_loopback = allow_loopback
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def send(self, claim: Claim, message: Message) -> Outcome:
        """POST ``message`` to the endpoint."""
        wrong = fault(claim.endpoint, allow_loopback=self._allow_loopback)
        if wrong:
            return Outcome(wrong)
        try:
            return await self._post(claim.endpoint, self._seal.open_(claim.id, claim.secret), message)
        except InvalidTag:
            return Outcome("The header lines of the channel cannot be read any more. Send them again.")
        except TimeoutError:
            return Outcome("The endpoint did not answer in time.")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            refused = isinstance(error, Refused) or isinstance(getattr(error, "os_error", None), Refused)
            return Outcome("The endpoint is no public address." if refused else "There is no connection to the endpoint.")

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def _post(self, url: str, headers: Mapping[str, str], message: Message) -> Outcome:
        own = {"User-Agent": f"fhir-server/{__version__}"}
        told = {**own, **headers, "Content-Type": message.media} if message.body else {**own, **headers}
        timeout = aiohttp.ClientTimeout(total=min(message.seconds or self._seconds, self._seconds))
        post = self._opened().post(url, data=message.body or None, headers=told, allow_redirects=False, timeout=timeout)
        async with post as response:
            status = response.status
        if status in _OK:
            return Outcome()
        wanted = "redirects are not followed" if 300 <= status < 400 else "expected is 200"  # noqa: PLR2004 - RFC 9110, section 15.4
        return Outcome(f"The endpoint answered with HTTP status {status}; {wanted}.")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0,
                    limit_per_host=2 * PER_HOST,
                    use_dns_cache=False,
                    resolver=GuardedResolver(self._resolve, allow_loopback=self._allow_loopback),
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_NO_BODY,
                auto_decompress=False,
            )
        return self._session
