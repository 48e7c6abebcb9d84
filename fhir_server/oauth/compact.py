"""The compact form of a signed token (RFC 7515 section 3.1), read strictly and without believing any of it."""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.oauth.refusal import refused

SIZE_LIMIT = 8192
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Compact:
    """A token in its parts, nothing verified yet."""

    header: dict[str, Any]
    claims: dict[str, Any]


def parse_compact(token: str) -> Compact:
    """Read header and claims; raises Unauthorized (token-malformed) for every other form than three parts of JSON and base64url.

    A part has exactly one spelling (no padding, no spare bits) and no member twice, so that two readers cannot read two things.
    """
    refuse_huge(token)
    if not _FORM.fullmatch(token):
        raise _malformed()
    header, claims, signature = token.split(".")
    _decode(signature)
    return Compact(_object(header), _object(claims))


def refuse_huge(token: str) -> None:
    """Raise Unauthorized (token-malformed) for a token of more than ``SIZE_LIMIT`` characters."""
    if len(token) > SIZE_LIMIT:
        raise refused("token-malformed", f"The access token is longer than {SIZE_LIMIT} characters.")


def strict_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object in which no member occurs twice, at any depth; raises ValueError."""
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_members, parse_constant=_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if not isinstance(value, dict):
        raise ValueError("no object")  # noqa: TRY004 - what json.loads raises for everything else that is wrong
    return value


def _object(part: str) -> dict[str, Any]:
    try:
        return strict_object(_decode(part))
    except ValueError as error:
        raise _malformed() from error


def _decode(part: str) -> bytes:
    try:
        raw = urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError as error:
        raise _malformed() from error
    if urlsafe_b64encode(raw).rstrip(b"=") != part.encode():
        raise _malformed()
    return raw


def _members(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member occurs twice")
    return members


def _constant(name: str) -> Any:  # noqa: ANN401 - the type json.loads wants
    raise ValueError(f"{name} is no JSON")


def _malformed() -> Exception:
    return refused("token-malformed", "The access token is not a signed JWT in compact form. Get a new one.")
