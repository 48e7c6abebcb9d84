"""Proof that a form comes from a page of ours, shown to the same browser: made from its cookie, so that nothing need be stored."""

import hmac
from hashlib import sha256

from fhir_server.oauth.keys import derive


class Csrf:
    """Makes and checks the token of the hidden field ``csrf``."""

    def __init__(self, secret: bytes) -> None:
        """Use a key of its own, derived from ``secret``."""
        self._key = derive(secret, "csrf")

    def token(self, cookie: str) -> str:
        """Return the token for the browser that has ``cookie``."""
        return hmac.new(self._key, cookie.encode(), sha256).hexdigest()

    def fits(self, token: str, cookie: str) -> bool:
        """Tell whether a form with ``token`` may be believed from the browser that sent ``cookie``."""
        return bool(cookie) and hmac.compare_digest(token.encode(), self.token(cookie).encode())
