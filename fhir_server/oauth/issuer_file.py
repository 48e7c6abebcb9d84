"""Reads ``issuers.toml``: whose tokens are accepted besides our own, one table per issuer (docs/tokens.md)."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fhir_server.federation.credentials import secret_at
from fhir_server.oauth.introspection import Introspection
from fhir_server.oauth.issuer import Allowed, Issuer
from fhir_server.oauth.issuer_rules import read_rules
from fhir_server.oauth.issuer_table import InvalidIssuers, Table
from fhir_server.oauth.jwk import ALGORITHMS, UnusableKey, verifying_key
from fhir_server.oauth.remote import Remote, acceptable, is_loopback
from fhir_server.oauth.remote_keys import GivenKeys, Keys, RemoteKeys
from fhir_server.oauth.token import LONGEST_LIFETIME

USUAL_LIFETIME: Final = 900
_SOURCES: Final = ("jwks_uri", "jwks", "introspection")
_ALGORITHMS: Final = ("ES256", "ES384", "PS256", "EdDSA")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tables are read with: our own FHIR base and issuer, the environment (for secrets), the way to other servers."""

    base: str
    issuer: str
    environment: Mapping[str, str]
    remote: Remote

    @property
    def loopback(self) -> bool:
        """Whether this server is one on the own machine only, which may ask its neighbours there without TLS."""
        return is_loopback(urlsplit(self.base).hostname or "")


def read_issuers(path: Path, around: Surroundings) -> tuple[Issuer, ...]:
    """Read the issuers that ``path`` declares; raises InvalidIssuers."""
    try:
        return parse_issuers(path.read_text(encoding="utf-8"), around)
    except (OSError, UnicodeDecodeError, InvalidIssuers) as error:
        raise InvalidIssuers(f"{path}: {error}") from error


def parse_issuers(text: str, around: Surroundings) -> tuple[Issuer, ...]:
    """Make the issuers that ``text`` (TOML) declares; raises InvalidIssuers."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidIssuers(str(error)) from error
    found = tuple(_issuer(Table(name, values), around) for name, values in tables.items())
    _refuse_double([each.allowed.issuer for each in found], "issuer")
    _refuse_double(["opaque = true"] * sum(each.opaque for each in found), "opaque")
    return found


def _issuer(table: Table, around: Surroundings) -> Issuer:
    chosen = [key for key in _SOURCES if key in table]
    if len(chosen) != 1:
        raise InvalidIssuers(f"[{table.name}] must have exactly one of {', '.join(_SOURCES)}")
    asked = chosen[0] == "introspection"
    found = Issuer(
        name=table.name,
        allowed=_allowed(table, around, asked=asked),
        rules=read_rules(table),
        source=_introspection(table, around) if asked else _KEYS[chosen[0]](table, around),
        opaque=asked and table.flag("opaque"),
    )
    table.done()
    return found


def _allowed(table: Table, around: Surroundings, *, asked: bool) -> Allowed:
    issuer = table.text("issuer")
    if not issuer or issuer == around.issuer:
        raise table.wrong("issuer", "must be the claim iss of its tokens, and not that of this server")
    algorithms = table.texts("algorithms", _ALGORITHMS)
    if unknown := sorted(set(algorithms) - ALGORITHMS.keys()):
        raise table.wrong("algorithms", f"has {unknown[0]!r}; supported are {', '.join(ALGORITHMS)}")
    audience = table.text("audience", around.base)
    if not audience and not asked:
        raise table.wrong("audience", "can be empty only where the issuer itself is asked, by introspection")
    return Allowed(
        issuer=issuer,
        audience=audience,
        algorithms=algorithms,
        types=tuple(each.lower().removeprefix("application/") for each in table.texts("types", ("at+jwt",))),
        lifetime=table.number("lifetime", USUAL_LIFETIME, LONGEST_LIFETIME),
        required_scopes=frozenset(table.texts("required_scopes")),
        clients=frozenset(table.texts("clients")),
        proof_with_bearer=table.flag("proof_with_bearer"),
        bound=table.flag("bound"),
    )


def _introspection(table: Table, around: Surroundings) -> Introspection:
    place = table.text("credentials")
    secret = secret_at(place, around.environment) if place else ""
    if secret is None:
        raise table.wrong("credentials", "must be env:NAME or file:PATH, and there must be something there")
    return Introspection(_url(table, "introspection", around), secret, around.remote)


def _remote_keys(table: Table, around: Surroundings) -> Keys:
    return RemoteKeys(_url(table, "jwks_uri", around), around.remote)


def _given_keys(table: Table, _: Surroundings) -> Keys:
    jwks = table.raw("jwks")
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not keys or not all(isinstance(each, dict) for each in keys):
        raise table.wrong("jwks", "must be a JWK Set: a table with keys, an array of tables")
    try:
        for key in keys:
            verifying_key(key)
    except UnusableKey as error:
        raise table.wrong("jwks", f"has a key that cannot be used: {error}") from error
    return GivenKeys(jwks)


_KEYS: Final[Mapping[str, Callable[[Table, Surroundings], Keys]]] = {"jwks_uri": _remote_keys, "jwks": _given_keys}


def _url(table: Table, key: str, around: Surroundings) -> str:
    url = table.text(key)
    if not acceptable(url, loopback=around.loopback):
        raise table.wrong(key, "must be an https URL without user name (http: only on this machine, if we are there too)")
    return url


def _refuse_double(values: list[str], key: str) -> None:
    if double := sorted(each for each in set(values) if values.count(each) > 1):
        raise InvalidIssuers(f"two tables have the same {key}: {double[0]}")
