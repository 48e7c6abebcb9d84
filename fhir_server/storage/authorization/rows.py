"""Rows of the tables ``oauth_*`` and the values that they stand for."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fhir_server.storage.authorization.store import AuthorizationCode, ConsentGiven, Granted, LoginSession, RefreshToken

CODE = "hash, family, redirect_uri, challenge, expires, granted"
REFRESH = "hash, family, expires, ends, used, bound, granted"
SESSION = "hash, id, subject, role, authenticated, idle, ends, csrf, organisation"
CONSENT = "subject, client, scope, given, patient"


def written(granted: Granted) -> str:
    """Return what was granted as the text of its column."""
    return json.dumps({name: value for name, value in asdict(granted).items() if value})


def session_of(granted: Granted) -> str:
    """Return the log-in that the grant ends with; "" for one with ``offline_access``, which outlives it."""
    return "" if "offline_access" in granted.scope.split() else granted.session


def code(row: Sequence[Any]) -> AuthorizationCode:
    """Read a row of the columns CODE."""
    hash_, family, redirect_uri, challenge, expires, granted = row
    return AuthorizationCode(hash_, family, Granted(**json.loads(granted)), redirect_uri, challenge, expires)


def refresh(row: Sequence[Any]) -> RefreshToken:
    """Read a row of the columns REFRESH."""
    hash_, family, expires, ends, used, bound, granted = row
    return RefreshToken(hash_, family, Granted(**json.loads(granted)), expires, ends, used, bound)


def authorization(row: Sequence[Any]) -> tuple[str, Granted]:
    """Read a family and what was granted with it."""
    family, granted = row
    return family, Granted(**json.loads(granted))


def session(row: Sequence[Any]) -> LoginSession:
    """Read a row of the columns SESSION."""
    return LoginSession(*row)


def consent(row: Sequence[Any]) -> ConsentGiven:
    """Read a row of the columns CONSENT."""
    return ConsentGiven(*row)
