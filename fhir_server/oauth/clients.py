"""The registered clients, as ``clients.toml`` declares them; read and checked once, at the start.

A client is a public app (no secret: PKCE alone), a confidential one (secret or ``private_key_jwt``), or a backend service, which
acts for itself with the role and reference that its declaration gives it
(https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html).
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast, get_args
from urllib.parse import urlsplit

from fhir_server.access.actor import person, role_of
from fhir_server.errors import Unauthorized
from fhir_server.oauth.jwk import verifying_keys
from fhir_server.oauth.store import hashed

AuthMethod = Literal["none", "client_secret_basic", "private_key_jwt"]
GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]
Launch = Literal["standalone", "ehr"]
LONGEST_LIFETIME = 900
_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class InvalidClients(ValueError):
    """``clients.toml`` cannot be used; the text names the client and what is wrong."""


@dataclass(frozen=True, slots=True)
class Client:
    """One registered client; ``scope`` is the most that it may be given, separated by blanks.

    ``token_lifetime`` is in seconds, 0: what the settings say. ``role`` and ``reference`` are those of a backend service.
    ``introspects``: it is a resource server, and may ask about tokens that are not its own.
    """

    id: str
    name: str
    grant_types: frozenset[GrantType]
    scope: str
    auth_method: AuthMethod = "none"
    redirect_uris: tuple[str, ...] = ()
    secret_hash: str = ""
    jwks: Mapping[str, Any] = field(default_factory=dict)
    jwks_uri: str = ""
    launches: frozenset[Launch] = frozenset()
    token_lifetime: int = 0
    role: str = ""
    reference: str = ""
    organisation: str = ""
    purpose: str = ""
    introspects: bool = False

    @property
    def public(self) -> bool:
        """Tell whether the client has nothing to prove who it is."""
        return self.auth_method == "none"

    def has_secret(self, secret: str) -> bool:
        """Tell whether ``secret`` is the client's, in constant time."""
        return bool(self.secret_hash) and compare_digest(hashed(secret), self.secret_hash)


Clients = Mapping[str, Client]
NO_CLIENTS: Clients = MappingProxyType({})


def read(path: str) -> Clients:
    """Return the clients that the file declares, one table per client id; "" declares none. Raises InvalidClients."""
    if not path:
        return NO_CLIENTS
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidClients(f"{path}: {error}") from error
    return MappingProxyType({id_: _client(id_, table) for id_, table in tables.items()})


def _client(id_: str, table: Any) -> Client:  # noqa: ANN401 - whatever the file holds
    where = f"client {id_}"
    if not isinstance(table, dict) or not _ID.fullmatch(id_):
        raise InvalidClients(f"{where}: wanted is one table per client, named by letters, digits and . _ : / -")
    unknown = table.keys() - _TYPES.keys()
    if unknown:
        raise InvalidClients(f"{where}: unknown key {', '.join(sorted(unknown))}; known are {', '.join(_TYPES)}")
    for key, value in table.items():
        if type(value) is not _TYPES[key]:
            raise InvalidClients(f"{where}: {key} must be of the type {_NAMES[_TYPES[key]]}")
    client = _made(id_, table)
    for check in (_check_words, _check_grants, _check_proof, _check_redirects, _check_backend):
        if wrong := check(client):
            raise InvalidClients(f"{where}: {wrong}")
    return client


def _made(id_: str, table: Mapping[str, Any]) -> Client:
    values = {key: value for key, value in table.items() if key not in {"grant_types", "launches", "redirect_uris"}}
    return Client(
        id=id_,
        grant_types=cast("frozenset[GrantType]", frozenset(table.get("grant_types", ("authorization_code", "refresh_token")))),
        launches=cast("frozenset[Launch]", frozenset(table.get("launches", ()))),
        redirect_uris=tuple(table.get("redirect_uris", ())),
        **{"name": id_, "scope": "", **values},
    )


def _check_words(client: Client) -> str:
    for name, given, known in (
        ("grant_types", client.grant_types, get_args(GrantType)),
        ("launches", client.launches, get_args(Launch)),
        ("auth_method", {client.auth_method}, get_args(AuthMethod)),
    ):
        if set(given) - set(known):
            return f"{name} can be {', '.join(known)}"
    if not 0 <= client.token_lifetime <= LONGEST_LIFETIME:
        return f"token_lifetime must be at most {LONGEST_LIFETIME} seconds"
    return "" if client.scope or client.introspects else "scope is missing: what may it be given at most?"


def _check_grants(client: Client) -> str:
    if "refresh_token" in client.grant_types and "authorization_code" not in client.grant_types:
        return "refresh_token needs authorization_code beside it"
    if "client_credentials" in client.grant_types and client.auth_method != "private_key_jwt":
        return 'client_credentials needs auth_method = "private_key_jwt"'
    return "introspects needs an auth_method" if client.introspects and client.public else ""


def _check_proof(client: Client) -> str:
    if (client.auth_method == "client_secret_basic") != bool(client.secret_hash):
        return 'secret_hash goes with auth_method = "client_secret_basic"'
    if client.secret_hash and not _HASH.fullmatch(client.secret_hash):
        return "secret_hash must be the SHA-256 of the secret in 64 hexadecimal digits; the secret itself is written nowhere"
    if (client.auth_method == "private_key_jwt") != (bool(client.jwks) != bool(client.jwks_uri)):
        return 'auth_method = "private_key_jwt" needs jwks or jwks_uri, not both; others need neither'
    if client.jwks and not verifying_keys(client.jwks):
        return "jwks holds no usable public key: wanted are kid, EC on P-256 or P-384, or RSA of 2048 bits or more"
    return "jwks_uri must begin with https://" if client.jwks_uri and not _safe(client.jwks_uri) else ""


def _check_redirects(client: Client) -> str:
    if ("authorization_code" in client.grant_types) != bool(client.redirect_uris):
        return "redirect_uris go with the grant type authorization_code"
    for uri in client.redirect_uris:
        parts = urlsplit(uri)
        own_scheme = _SCHEME.fullmatch(parts.scheme) and "." in parts.scheme
        if "#" in uri or not (own_scheme or _safe(uri)):
            return "a redirect URI is https, http on loopback, or a scheme of the app's own with a dot in it, without a fragment"
    return ""


def _check_backend(client: Client) -> str:
    if "client_credentials" not in client.grant_types:
        return "role and reference belong to client_credentials" if client.role or client.reference else ""
    try:
        person(client.reference, role_of(client.role))
    except Unauthorized:
        return 'client_credentials needs a role, and a reference of the form "Type/id" that fits it'
    return ""


def _safe(uri: str) -> bool:
    parts = urlsplit(uri)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))


_TYPES: Mapping[str, type] = {
    "name": str,
    "grant_types": list,
    "scope": str,
    "auth_method": str,
    "redirect_uris": list,
    "secret_hash": str,
    "jwks": dict,
    "jwks_uri": str,
    "launches": list,
    "token_lifetime": int,
    "role": str,
    "reference": str,
    "organisation": str,
    "purpose": str,
    "introspects": bool,
}
_NAMES = {str: "text", list: "list", dict: "table", int: "number", bool: "true or false"}
