"""Nonces that a DPoP proof must hold (https://www.rfc-editor.org/rfc/rfc9449, sections 8 and 9): proofs cannot be made beforehand.

A nonce is computed of a secret and the time, so that nothing is kept and all processes that have the secret agree.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

from fhir_server.oauth.claims import SECOND
from fhir_server.oauth.keys import derive, secret
from fhir_server.settings import Settings

PERIOD: Final = 300
"""Seconds for which one nonce is given out, unless a setting says otherwise."""
_BYTES: Final = 18


class Nonces:
    """Gives out one nonce per period; that of the last one counts too, and of the next, for a process whose clock is ahead."""

    def __init__(self, key: bytes, period: int = PERIOD) -> None:
        """Compute with ``key``; ``period`` is in seconds."""
        self._key = key
        self._period = period * SECOND

    def current(self, now: int) -> str:
        """Return the nonce to give out at the instant ``now`` (microseconds)."""
        return self._of(now // self._period)

    def holds(self, nonce: object, now: int) -> bool:
        """Tell whether ``nonce``, the claim of a proof, counts at the instant ``now``."""
        if not isinstance(nonce, str) or not nonce.isascii():
            return False
        number, sent = now // self._period, nonce.encode()
        known = [hmac.compare_digest(self._of(each).encode(), sent) for each in (number - 1, number, number + 1)]
        return any(known)

    def _of(self, number: int) -> str:
        made = hmac.digest(self._key, str(number).encode(), sha256)[:_BYTES]
        return urlsafe_b64encode(made).decode()


def nonces(settings: Settings) -> Nonces | None:
    """Return what DPoP proofs must hold, None where nothing is asked. Raises KeyFileError."""
    if settings.dpop_nonce == "off":
        return None
    return Nonces(derive(secret(settings.data_dir, "dpop-nonces"), "dpop nonces 1"), settings.dpop_nonce_period)
