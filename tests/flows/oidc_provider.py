"""A provider of logins that can be told to lie: OpenID Connect over HTTP on loopback."""

import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric import ec

from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.jws import sign

CLIENT, SECRET = "hub", "what only the two of us know"


def encoded(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


@dataclass
class Provider:
    """What it says: who logs in (``subject``), and what tests change of its id_token, its answers and its metadata."""

    issuer: str
    key: SigningKey = field(default_factory=lambda: SigningKey(ec.generate_private_key(ec.SECP256R1())))
    subject: str = "01001001"
    changed: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    token: str = ""
    signer: SigningKey | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def code(self, address: str) -> dict[str, str]:
        """Return what the browser brings back after somebody logged in at ``address``, the authorization endpoint."""
        assert address.startswith(f"{self.issuer}/authorize?"), address
        query = dict(parse_qsl(urlsplit(address).query, strict_parsing=True))
        assert {"openid"} <= set(query["scope"].split())
        assert (query["response_type"], query["client_id"], query["code_challenge_method"]) == ("code", CLIENT, "S256")
        code = secrets.token_hex(8)
        self.codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def exchanged(self, form: Mapping[str, str], authorization: str) -> dict[str, Any] | None:
        query = self.codes.pop(form["code"], None)
        if query is None or b64decode(authorization.removeprefix("Basic ")).decode() != f"{CLIENT}:{SECRET.replace(' ', '+')}":
            return None
        challenge = encoded(sha256(form["code_verifier"].encode()).digest())
        if (challenge, form["redirect_uri"]) != (query["code_challenge"], query["redirect_uri"]):
            return None
        return {"token_type": "Bearer", "access_token": "x", "id_token": self.token or self.id_token(query["nonce"])}

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "s-1", "agb": self.subject, "nonce": nonce, "iat": now, "exp": now + 60}
        return sign(
            self.signer or self.key, {name: value for name, value in (claims | self.changed).items() if value is not None}, "JWT"
        )

    def published(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_response_iss_parameter_supported": True,
        } | self.metadata


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append(self.path)
            if self.path == "/.well-known/openid-configuration":
                self._answer(provider.published())
            elif self.path == "/jwks":
                self._answer({"keys": [provider.key.jwk()]})
            else:
                self._answer(None)

        def do_POST(self) -> None:
            form = dict(parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            self._answer(provider.exchanged(form, self.headers.get("Authorization", "")))

        def _answer(self, content: dict[str, Any] | None) -> None:
            body = json.dumps(content or {"error": "invalid_grant"}).encode()
            self.send_response(200 if content else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextmanager
def provider_running() -> Iterator[Provider]:
    """Serve a provider until the block ends."""
    provider = Provider("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(provider))
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
