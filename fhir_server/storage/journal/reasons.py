"""Free text in the record, sealed with a key of the dossier it is about: once that key is destroyed, nobody can read it any more.

The keys lie in audit_secret, themselves sealed with a secret of the key folder. The text in the chain stays what it was, so that
the chain still verifies.
"""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.storage.repository import AuditRow

_NONCE, _KEY = 12, 256


class Reasons:
    """``secret`` seals the keys; ``kept`` returns the sealed key of a dossier, and keeps the one offered where there is none."""

    def __init__(self, secret: bytes, kept: Callable[[str, bytes | None], Awaitable[bytes | None]]) -> None:
        """Without a ``secret`` a line with a reason is refused: it must not go into the record in clear."""
        self._secret = secret
        self._kept = kept

    async def sealed(self, row: AuditRow) -> AuditRow:
        """Return ``row`` with its reason sealed. Raises RuntimeError without a secret."""
        if not self._secret:
            raise RuntimeError("a reason cannot be recorded: the store was opened without the secret that seals it")
        key = _open(
            self._secret, await self._kept(row.dossier, _seal(self._secret, AESGCM.generate_key(_KEY), row.dossier)), row.dossier
        )
        assert key is not None
        return row._replace(reason=urlsafe_b64encode(_seal(key, row.reason.encode(), row.dossier)).decode())

    async def opened(self, dossier: str, sealed: str) -> str | None:
        """Return the reason, None when its key was destroyed, or it is none."""
        key = _open(self._secret, await self._kept(dossier, None), dossier)
        text = _open(key, urlsafe_b64decode(sealed), dossier)
        return None if text is None else text.decode()


def _seal(key: bytes, clear: bytes, dossier: str) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, clear, dossier.encode())


def _open(key: bytes | None, sealed: bytes | None, dossier: str) -> bytes | None:
    if not key or sealed is None:
        return None
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], dossier.encode())
    except InvalidTag:
        return None
