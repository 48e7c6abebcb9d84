"""Cross-origin requests of apps that run in a browser (https://fetch.spec.whatwg.org/#http-cors-protocol).

Only the origins that a setting names are answered, each by its own name; never with credentials, since nothing here that other
origins may read goes by a cookie. Pages on which people log in are not among it.
"""

from collections.abc import Collection
from typing import Final

from fhir_server.http.request import Message, Scope, Send

METHODS: Final = b"GET, HEAD, POST, PUT, PATCH, DELETE"
REQUEST_HEADERS: Final = (
    b"Accept, Authorization, Cache-Control, Content-Disposition, Content-Type, DPoP, If-Match, If-Modified-Since, If-None-Exist,"
    b" If-None-Match, If-Range, If-Unmodified-Since, Prefer, Range, X-Request-Id, traceparent, tracestate"
)
EXPOSED: Final = (
    b"Accept-Patch, Accept-Ranges, Allow, Content-Disposition, Content-Location, Content-Range, DPoP-Nonce, ETag,"
    b" Federation-Completeness, Last-Modified, Location, Retry-After, Warning, WWW-Authenticate, X-Correlation-Id, X-Request-Id,"
    b" traceparent"
)
FRESH: Final = b"600"
"""Seconds for which a browser may keep what a preflight said."""
_FOLDERS: Final = ("/fhir/", "/.well-known/")
_PATHS: Final = frozenset({"/fhir", "/oauth/token", "/oauth/revoke", "/oauth/jwks"})
_VARY: Final = (b"vary", b"Origin")
_ASKED: Final = b"access-control-request-method"


class Cors:
    """Answers preflights, and adds to the answers that a browser wants to show to a page of another origin."""

    def __init__(self, origins: Collection[str]) -> None:
        """Let ``origins`` ("https://app.example") read."""
        self._origins = frozenset(each.encode() for each in origins)

    async def answered(self, scope: Scope, send: Send) -> bool:
        """Answer a preflight of an origin that may read, and tell whether it was one; it needs no token and leaves no line."""
        if scope["method"] != "OPTIONS" or not _open(scope["path"]):
            return False
        origin = _origin(scope)
        if origin not in self._origins or not any(name == _ASKED for name, _ in scope["headers"]):
            return False
        headers = [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-methods", METHODS),
            (b"access-control-allow-headers", REQUEST_HEADERS),
            (b"access-control-max-age", FRESH),
            _VARY,
        ]
        await send({"type": "http.response.start", "status": 204, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        return True

    def sending(self, scope: Scope, send: Send) -> Send:
        """Return what sends the answer to ``scope``; on ``/fhir`` that is ``send`` itself where no page of another origin asks."""
        path: str = scope["path"]
        origin = _origin(scope) if _open(path) else b""
        if not origin and (not _open(path) or path.startswith("/fhir")):
            return send
        more = [_VARY]  # also where nobody asks: what may be kept for everybody must not be taken for an answer to a page
        if origin in self._origins:
            more += [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED)]

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *more]
            await send(message)

        return sent


def cors(origins: Collection[str]) -> Cors | None:
    """Return what answers to pages of ``origins``, None where there is none."""
    return Cors(origins) if origins else None


def _origin(scope: Scope) -> bytes:
    """Return the origin that asks, b"" for none; of several none is believed."""
    found = [value for name, value in scope["headers"] if name == b"origin"]
    return found[0] if len(found) == 1 else b""


def _open(path: str) -> bool:
    return path.startswith(_FOLDERS) or path in _PATHS
