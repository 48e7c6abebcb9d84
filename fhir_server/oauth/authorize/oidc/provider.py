"""The external providers of logins, as ``providers.toml`` declares them."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from fhir_server.federation.credentials import secret_at

Kind = Literal["identifier", "reference"]
_ID = re.compile(r"[a-z][a-z0-9-]{0,40}")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ALGORITHMS = frozenset({"ES256", "ES384", "RS256", "PS256", "EdDSA"})
_NAMES: Mapping[str, type] = {
    "name": str,
    "issuer": str,
    "client_id": str,
    "credentials": str,
    "scope": str,
    "claim": str,
    "kind": str,
    "system": str,
    "algorithms": list,
    "acr_values": str,
}
_REQUIRED = ("issuer", "client_id", "claim")


class InvalidProviders(ValueError):
    """``providers.toml`` cannot be used; the text names the provider and what is wrong."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider: ``id`` stands in our addresses, ``name`` on the button.

    ``claim`` of the id_token says who the person is: the value of an identifier of ``system`` (or "system|value"), or a reference.
    ``secret`` is what the provider gave us, "" for none. ``acr_values`` are required of the login when they are given.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    claim: str
    secret: str = ""
    scope: str = "openid"
    kind: Kind = "identifier"
    system: str = ""
    algorithms: tuple[str, ...] = ("ES256", "RS256")
    acr_values: tuple[str, ...] = ()


def read_providers(path: str, environment: Mapping[str, str]) -> Mapping[str, Provider]:
    """Return the providers by id, one table each; "" declares none. Raises InvalidProviders."""
    if not path:
        return MappingProxyType({})
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidProviders(f"{path}: {error}") from error
    return MappingProxyType({id_: _provider(id_, table, environment) for id_, table in tables.items()})


def _provider(id_: str, table: Any, environment: Mapping[str, str]) -> Provider:  # noqa: ANN401 - whatever the file holds
    where = f"provider {id_}"
    if not isinstance(table, dict) or not _ID.fullmatch(id_) or id_ in {"development", "person"}:
        raise InvalidProviders(f"{where}: wanted is one table per provider, named by small letters, digits and hyphens")
    if wrong := _wrong(table):
        raise InvalidProviders(f"{where}: {wrong}")
    reference = table.get("credentials", "")
    secret = secret_at(reference, environment) if reference else ""
    if secret is None:
        raise InvalidProviders(f"{where}: credentials must be env:NAME or file:PATH, and there must be something there")
    return Provider(
        id=id_,
        name=table.get("name", id_),
        issuer=table["issuer"],
        client_id=table["client_id"],
        claim=table["claim"],
        secret=secret,
        scope=table.get("scope", "openid"),
        kind=cast("Kind", table.get("kind", "identifier")),
        system=table.get("system", ""),
        algorithms=tuple(table.get("algorithms", ("ES256", "RS256"))),
        acr_values=tuple(table.get("acr_values", "").split()),
    )


def _wrong(table: Mapping[str, Any]) -> str:
    for key, value in table.items():
        if type(value) is not _NAMES.get(key):
            return f"{key} is unknown or of another type; known are {', '.join(_NAMES)}"
    if missing := [key for key in _REQUIRED if not table.get(key)]:
        return f"{', '.join(missing)} is missing"
    if not safe(table["issuer"]):
        return "issuer must begin with https://, or http:// on loopback, and have no query"
    if table.get("kind", "identifier") not in {"identifier", "reference"}:
        return "kind is identifier or reference"
    if not set(table.get("algorithms", ())) <= _ALGORITHMS or table.get("algorithms") == []:
        return f"algorithms are some of {', '.join(sorted(_ALGORITHMS))}"
    return "" if "openid" in table.get("scope", "openid").split() else "scope must hold openid"


def safe(url: object) -> bool:
    """Tell whether ``url`` may be trusted with secrets: https, or http on this machine."""
    if not isinstance(url, str) or any(each in url for each in ";, \t\r\n'\"\\"):
        return False
    parts = urlsplit(url)
    if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
