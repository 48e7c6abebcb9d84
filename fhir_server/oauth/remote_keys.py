"""The keys of an issuer, fetched where it publishes them (RFC 7517) and kept for as long as is wise."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol

from fhir_server.oauth.claims import SECOND
from fhir_server.oauth.jwk import VerifyingKey, verifying_keys
from fhir_server.oauth.refusal import silent
from fhir_server.oauth.remote import Document, RemoteFailed

SHORTEST: Final = 300 * SECOND
USUAL: Final = 3600 * SECOND
LONGEST: Final = 86_400 * SECOND
STALE: Final = 6 * 3600 * SECOND
PAUSE: Final = 30 * SECOND
PAUSE_FAILED: Final = 5 * SECOND
_log = logging.getLogger("fhir_server.oauth")


class Getting(Protocol):
    """What fetches a document."""

    async def get(self, url: str) -> Document:
        """Fetch ``url``; raises RemoteFailed."""
        ...


class Keys(Protocol):
    """Where the keys of an issuer come from."""

    async def keys(self, kid: str, now: int) -> tuple[VerifyingKey, ...]:
        """Return the keys at the instant ``now`` (microseconds); ``kid`` is the one that is wanted. Raises NoIssuer."""
        ...


class GivenKeys:
    """Keys that stand in the settings."""

    def __init__(self, jwks: Mapping[str, Any]) -> None:
        """Read a JWK Set."""
        self._keys = verifying_keys(jwks)

    async def keys(self, kid: str, now: int) -> tuple[VerifyingKey, ...]:  # noqa: ARG002 - the shape of Keys
        """Return the keys."""
        return self._keys


class RemoteKeys:
    """Keys from ``url``, kept for the time that the answer gives, within ``SHORTEST`` and ``LONGEST``.

    An unknown ``kid`` makes them be fetched again, but at most once in ``PAUSE``: whoever invents kids causes no more than that.
    When the issuer does not answer they are used for ``STALE`` longer, and it is asked every ``PAUSE_FAILED``. One request is under
    way at a time, however many wait for keys.
    """

    def __init__(self, url: str, remote: Getting) -> None:
        """Fetch from ``url`` with ``remote``, at the first question."""
        self._url = url
        self._remote = remote
        self._keys: tuple[VerifyingKey, ...] = ()
        self._fresh = 0
        self._rest = 0
        self._turn = asyncio.Lock()

    async def keys(self, kid: str, now: int) -> tuple[VerifyingKey, ...]:
        """Return the keys; raises NoIssuer when there are none that may still be used."""
        if self._wanting(kid, now):
            async with self._turn:
                if self._wanting(kid, now):
                    await self._fetch(now)
        if now >= self._fresh + STALE or not self._fresh:
            raise silent("The keys of the access token's issuer cannot be fetched at the moment. Try again in a few seconds.")
        return self._keys

    def _wanting(self, kid: str, now: int) -> bool:
        if now < self._rest:
            return False
        return now >= self._fresh or all(key.kid != kid for key in self._keys)

    async def _fetch(self, now: int) -> None:
        try:
            document = await self._remote.get(self._url)
        except RemoteFailed as error:
            self._fail(str(error), now)
            return
        keys = verifying_keys(document.content)
        if not keys:
            self._fail("no usable key in the answer", now)
            return
        self._keys = keys
        self._rest = now + PAUSE
        self._fresh = now + min(max(USUAL if document.max_age is None else document.max_age * SECOND, SHORTEST), LONGEST)

    def _fail(self, text: str, now: int) -> None:
        _log.warning("keys of an issuer", extra={"url": self._url, "error": text})
        self._rest = now + PAUSE_FAILED
