"""Who asks, by the Authorization header (RFC 6750)."""

import re
from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256

from fhir_server.access.actor import Actor, from_claims
from fhir_server.oauth.claims import Expected, expiry
from fhir_server.oauth.jwk import VerifyingKey
from fhir_server.oauth.jws import verify
from fhir_server.oauth.refusal import missing, refused

CACHE_SIZE = 4096
_HEADER = re.compile(rb"(?P<scheme>[A-Za-z]+) +(?P<token>[\x21-\x7e]+)")


class Bearer:
    """Turns an Authorization header into an Actor.

    An actor is kept until its token expires, under the hash of the header: at most ``size`` of them, the least recently used one
    goes first. A refused token is never kept.
    """

    def __init__(self, keys: Sequence[VerifyingKey], expected: Expected, size: int = CACHE_SIZE) -> None:
        self._keys = tuple(keys)
        self._expected = expected
        self._size = size
        self._known: OrderedDict[bytes, tuple[int, Actor]] = OrderedDict()

    def actor(self, authorization: bytes | None, now: int) -> Actor:
        """Return the actor of the request at the instant ``now`` (microseconds); raises Unauthorized."""
        digest = sha256(authorization or b"").digest()
        until, actor = self._known.get(digest, (0, None))
        if actor is None or now >= until:
            return self._verified(_token(authorization), digest, now)
        self._known.move_to_end(digest)
        return actor

    def _verified(self, token: bytes, digest: bytes, now: int) -> Actor:
        self._known.pop(digest, None)
        claims = verify(token.decode("ascii"), self._keys, self._expected, now)
        actor = from_claims(claims)
        self._known[digest] = (expiry(claims), actor)
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return actor


def _token(authorization: bytes | None) -> bytes:
    if authorization is None:
        raise missing("This request needs an access token: send the header Authorization: Bearer TOKEN.")
    match = _HEADER.fullmatch(authorization.strip(b" \t"))
    if match is None or match["scheme"].lower() != b"bearer":
        raise refused("token-malformed", "The Authorization header must have the form: Bearer TOKEN.")
    return match["token"]
