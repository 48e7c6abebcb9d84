"""An issuer of tokens on this machine: its keys, and introspection in the shape in which a Nuts node answers.

It shares no code with the server. What it does is changed by setting its fields while it runs.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from uuid import uuid4

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from forgery import b64, forge, jwk_of


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def thumbprint(private: ec.EllipticCurvePrivateKey) -> str:
    """Return the thumbprint of the public half (RFC 7638)."""
    jwk = jwk_of(private.public_key())
    members = {name: jwk[name] for name in sorted(("crv", "kty", "x", "y"))}
    return b64(sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def present(claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims without those that are None."""
    return {name: value for name, value in claims.items() if value is not None}


def proof(private: ec.EllipticCurvePrivateKey, method: str, url: str, token: str, **claims: Any) -> str:
    """Return a DPoP proof; a claim that is None is left out."""
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk_of(private.public_key())}
    ath = b64(sha256(token.encode()).digest())
    told = {"jti": uuid4().hex, "htm": method, "htu": url, "iat": int(time.time()), "ath": ath, **claims}
    return forge(header, present(told), private)


@dataclass
class Issuer:
    """What a running issuer says and does; ``asked`` counts the requests for each path."""

    url: str = ""
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)
    kid: str = "one"
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    authorizations: list[str] = field(default_factory=list)
    status: int = 200
    delay: float = 0
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def token(self, **claims: Any) -> str:
        """Return a signed access token."""
        now = int(time.time())
        told = {"iss": self.url, "sub": "somebody", "jti": uuid4().hex, "iat": now, "exp": now + 300, **claims}
        return forge({"alg": "ES256", "typ": "at+jwt", "kid": self.kid}, present(told), self.key)

    def opaque(self, **claims: Any) -> str:
        """Return a token that only introspection can read."""
        token, now = b64(uuid4().bytes + uuid4().bytes), int(time.time())
        self.answers[token] = present({"active": True, "iss": self.url, "iat": now, "exp": now + 900, **claims})
        return token

    async def answer(self, request: web.Request, content: Any) -> web.Response:
        self.asked[request.path] = self.asked.get(request.path, 0) + 1
        self.authorizations.append(request.headers.get("Authorization", ""))
        await asyncio.sleep(self.delay)
        body = json.dumps(content).encode() if self.body is None else self.body
        return web.Response(status=self.status, body=body, content_type="application/json", headers=self.headers)

    async def keys(self, request: web.Request) -> web.Response:
        return await self.answer(request, {"keys": [jwk_of(self.key.public_key(), kid=self.kid, use="sig", alg="ES256")]})

    async def introspect(self, request: web.Request) -> web.Response:
        form = await request.post()
        return await self.answer(request, self.answers.get(str(form["token"]), {"active": False}))


@contextmanager
def issuer() -> Iterator[Issuer]:
    """Run an issuer in a thread until the block ends."""
    simulated, started = Issuer(), threading.Event()
    loop = asyncio.new_event_loop()
    app = web.Application()
    app.add_routes([web.get("/jwks", simulated.keys), web.post("/introspect", simulated.introspect)])
    runner = web.AppRunner(app)

    async def serve() -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        simulated.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        started.set()

    def run() -> None:
        loop.run_until_complete(serve())
        loop.run_forever()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(10)
        yield simulated
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
