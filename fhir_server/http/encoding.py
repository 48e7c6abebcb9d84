"""Content codings (RFC 9110 section 8.4): which one an answer may take, and bodies that come compressed."""

import zlib
from functools import lru_cache
from typing import Final

from fhir_server.errors import Malformed, TooLarge, UnsupportedMedia
from fhir_server.http.quality import qualities

_ANY_WRAPPER: Final = 32 + zlib.MAX_WBITS
"""zlib finds out whether it reads gzip (RFC 1952) or zlib (RFC 1950, what ``deflate`` means)."""
_MOST_MEMBERS: Final = 64  # what is left is copied for each
_COMPRESSED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_SPOKEN: Final = "gzip, deflate, identity"


@lru_cache(maxsize=256)
def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether an answer may be compressed with gzip; ``gzip;q=0`` says no."""
    known = dict(qualities(accept_encoding))
    return known.get("gzip", known.get("x-gzip", known.get("*", 0.0))) > 0


def inflated(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Return ``body`` as it was before it was compressed; never more than ``limit`` bytes are held at once.

    Raises UnsupportedMedia for another coding, Malformed for what is not whole, TooLarge above the limit.
    """
    coding = content_encoding.strip().lower()
    if coding in {"", "identity"}:
        return body
    if coding not in _COMPRESSED:
        error = UnsupportedMedia(f"This Content-Encoding is not understood here. Send one of {_SPOKEN}.")
        error.headers = ((b"accept-encoding", _SPOKEN.encode()),)
        raise error
    try:
        return _inflated(body, limit)
    except zlib.error:
        raise Malformed(f"The body is not whole in the Content-Encoding that the request names, {coding}.") from None


def _inflated(body: bytes, limit: int) -> bytes:
    """Inflate the members that stand one after the other (RFC 1952 section 2.2)."""
    found = b""
    for _ in range(_MOST_MEMBERS):
        if not body:
            return found
        member = zlib.decompressobj(_ANY_WRAPPER)
        found += member.decompress(body, limit + 1 - len(found))
        if len(found) > limit:
            raise TooLarge(f"The body is, once inflated, larger than the {limit} bytes that this server reads. Send it in parts.")
        if not member.eof:
            raise zlib.error
        body = member.unused_data
    raise zlib.error
