"""The hub with registered clients, in a thread of this process: what the pages would store, a test stores itself."""

import asyncio
import json
import secrets
import socket
import threading
import time
from base64 import b64encode, urlsafe_b64decode
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from engines import PostgresServer
from flows.client import Client, Reply
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from jose import jwk, jws
from record_check import lines

from fhir_server import bootstrap
from fhir_server.http.hub import Hub
from fhir_server.oauth.grants import challenge_of
from fhir_server.oauth.keys import fresh_secret
from fhir_server.oauth.store import SECOND, AuthorizationCode, AuthorizationStore, Granted, hashed
from fhir_server.settings import Settings, read_settings

Result = TypeVar("Result")
REDIRECT = "https://app.test/back"
SECRET = "a secret of 256 bits, let us say"
VERIFIER = "v" * 43
PRIVATE = {"ec": ec.generate_private_key(ec.SECP384R1()), "rsa": rsa.generate_private_key(65537, 2048)}
PERSON = Granted(
    "app",
    "Practitioner/p",
    "practitioner",
    "openid fhirUser launch/patient offline_access user/Patient.rs user/Task.crs",
    patient="c",
    purpose="TREAT",
    organisation="Organization/o",
    nonce="n-1",
)


def public_jwk(name: str, alg: str) -> dict[str, Any]:
    pem = PRIVATE[name].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    made = jwk.construct(pem.decode(), alg).to_dict()
    return {
        **{key: value.decode() if isinstance(value, bytes) else value for key, value in made.items()},
        "kid": name,
        "use": "sig",
    }


def signed(claims: Mapping[str, Any], name: str = "ec", alg: str = "ES384", **header: Any) -> str:
    pem = PRIVATE[name].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return str(jws.sign(dict(claims), pem.decode(), headers={"typ": "JWT", "kid": name, **header}, algorithm=alg))


def clients_toml() -> str:
    keys = ", ".join(
        "{" + ", ".join(f"{key} = {json.dumps(value)}" for key, value in each.items()) + "}"
        for each in (public_jwk("ec", "ES384"), public_jwk("rsa", "RS384"))
    )
    scope = "openid fhirUser launch/patient offline_access user/*.rs user/Task.cruds system/*.rs"
    people = f'redirect_uris = ["{REDIRECT}"]\nscope = "{scope}"\n'
    return f"""
[app]
name = "App"
{people}
[other]
name = "Another app"
{people}
[portal]
name = "Portal"
auth_method = "client_secret_basic"
secret_hash = "{sha256(SECRET.encode()).hexdigest()}"
{people}
[backend]
name = "Backend"
grant_types = ["client_credentials"]
auth_method = "private_key_jwt"
jwks = {{ keys = [{keys}] }}
scope = "system/Patient.rs system/Task.cruds"
role = "system"
reference = "Device/backend"
organisation = "Organization/o"
[failing]
grant_types = []
auth_method = "client_secret_basic"
secret_hash = "{sha256(SECRET.encode()).hexdigest()}"
introspects = true
[guard]
name = "Resource server"
grant_types = []
auth_method = "client_secret_basic"
secret_hash = "{sha256(SECRET.encode()).hexdigest()}"
introspects = true
"""


@dataclass(frozen=True)
class Authorization:
    """A running hub; ``loop`` is its own."""

    settings: Settings
    hub: Hub
    loop: asyncio.AbstractEventLoop

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def store(self) -> AuthorizationStore:
        assert self.hub._running is not None
        return self.hub._running.fhir._services.repository.authorization()

    def do(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def code(self, granted: Granted = PERSON, lifetime: int = 60, **other: Any) -> str:
        """Store a code, as the pages do when a person has agreed; return it."""
        secret, now = fresh_secret(), bootstrap.now()
        granted = replace(granted, authenticated=granted.authenticated or now - SECOND)
        code = AuthorizationCode(
            hashed(secret), secrets.token_hex(8), granted, REDIRECT, challenge_of(VERIFIER), now + lifetime * SECOND
        )
        self.do(self.store.put_code(replace(code, **other)))
        return secret

    def post(self, path: str, form: Mapping[str, str], **headers: str) -> Reply:
        sent = {"Content_Type": "application/x-www-form-urlencoded", **headers}
        return Client(self.port).request("POST", f"/oauth/{path}", urlencode(form).encode(), **sent)

    def exchange(self, code: str, client: str = "app", **other: str) -> Reply:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return self.post("token", {**form, "client_id": client, **other})

    def refresh(self, token: str, client: str = "app", **other: str) -> Reply:
        return self.post("token", {"grant_type": "refresh_token", "refresh_token": token, "client_id": client, **other})

    def assertion(self, key: str = "ec", alg: str = "ES384", header: Mapping[str, Any] | None = None, **other: Any) -> str:
        now = bootstrap.now() // SECOND
        claims = {
            "iss": "backend",
            "sub": "backend",
            "aud": f"http://127.0.0.1:{self.port}/oauth/token",
            "exp": now + 200,
            "jti": secrets.token_hex(8),
        }
        claims |= other
        return signed({name: value for name, value in claims.items() if value is not None}, key, alg, **(header or {}))

    def backend(self, assertion: str, scope: str = "system/Patient.rs", **other: str) -> Reply:
        form = {"grant_type": "client_credentials", "client_assertion": assertion, "scope": scope}
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return self.post("token", {**form, "client_assertion_type": kind, **other})

    def introspect(self, token: str, client: str = "guard", secret: str = SECRET) -> Reply:
        return self.post("introspect", {"token": token}, Authorization=basic(client, secret))

    def client(self, token: str) -> Client:
        return Client(self.port, token)

    def lines(self, interaction: str, client: str) -> list[tuple[Any, ...]]:
        """Return what the record says of it: actor, status, detail."""
        found = lines(self.settings.database)
        return [
            (each.actor, each.status, each.detail) for each in found if (each.interaction, each.client) == (interaction, client)
        ]


def basic(client: str, secret: str) -> str:
    return "Basic " + b64encode(f"{client}:{secret}".encode()).decode()


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    read: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return read


def refused(reply: Reply, error: str, status: int = 400) -> bool:
    assert reply.headers["cache-control"] == "no-store"
    return (reply.status, reply.json["error"]) == (status, error) and bool(reply.json["error_description"])


def good(oauth: "Authorization", token: str) -> bool:
    """Tell whether the FHIR API takes the token."""
    reply = oauth.client(token).get("Task?_count=0")
    assert reply.status in {200, 401}
    return reply.status == 200


_numbers = count()


@pytest.fixture(scope="session", params=["sqlite", "postgres"])
def oauth(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorization]:
    """Run the hub with registered clients on the engine; import it where it is used."""
    folder: Path = tmp_path_factory.mktemp(f"oauth-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"oauth_{next(_numbers)}", "template1")
    with running(folder, database, ROUND_INTERVAL="0.2") as started:
        yield started


@contextmanager
def running(folder: Path, database: str, **settings: str) -> Iterator[Authorization]:
    """Serve in a thread until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "clients.toml").write_text(clients_toml())
    own = {"DATA_DIR": str(folder / "data"), "DATABASE_URL": database, "PORT": str(port), "CLIENTS": str(folder / "clients.toml")}
    read = read_settings({f"FHIR_SERVER_{name}": value for name, value in {**own, **settings}.items()})
    bootstrap.prepare(read)
    hub, loop = bootstrap.hub(read), asyncio.new_event_loop()
    server = Server(hub, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_level=LogLevels.error, websockets=False)
    thread = threading.Thread(target=loop.run_until_complete, args=(server.serve(),))
    thread.start()
    try:
        _wait(port)
        yield Authorization(read, hub, loop)
    finally:
        loop.call_soon_threadsafe(server.stop)
        thread.join(20)
        loop.close()


def _wait(port: int) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            if Client(port).get("/health/ready").status == 200:
                return
        except OSError:
            pass
        assert time.monotonic() < until
        time.sleep(0.02)
