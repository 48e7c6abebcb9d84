"""Values that browsers carry for us without being able to read or change them; each is for one use and for a short time."""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fhir_server.oauth.keys import derive
from fhir_server.oauth.store import SECOND, AuthorizationStore

_KEY_BYTES: Final = 64
_LARGEST: Final = 16_384


class Sealed:
    """Seals and opens values with AES-SIV (RFC 5297). ``fresh`` gives an id that nobody can guess and that is never given twice."""

    def __init__(self, secret: bytes, fresh: Callable[[], str]) -> None:
        """Use a key of its own, derived from ``secret``."""
        self._cipher = AESSIV(derive(secret, "sealed", _KEY_BYTES))
        self._fresh = fresh

    def seal(self, kind: str, values: Mapping[str, Any], until: int) -> str:
        """Return ``values`` sealed for the use ``kind``, good before the instant ``until`` (microseconds)."""
        content = json.dumps({"values": values, "until": until, "id": self._fresh()}).encode()
        return urlsafe_b64encode(self._cipher.encrypt(zlib.compress(content), [kind.encode()])).rstrip(b"=").decode()

    def opened(self, kind: str, text: str, now: int) -> dict[str, Any] | None:
        """Return the values, None for anything that was not sealed here for ``kind``, or is too old."""
        if not text or len(text) > _LARGEST:
            return None
        try:
            raw = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
            content = json.loads(zlib.decompress(self._cipher.decrypt(raw, [kind.encode()])))
        except (ValueError, InvalidTag):
            return None
        values: dict[str, Any] = content["values"]
        return values if now < content["until"] else None


async def used_first(store: AuthorizationStore, text: str, until: int, now: int) -> bool:
    """Tell whether the sealed ``text`` is used for the first time; only its hash is kept, until ``until``."""
    return await store.first_use(f"sealed:{sha256(text.encode()).hexdigest()}", until, now)


MINUTE: Final = 60 * SECOND
