"""The scopes that a person can give an app (https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html)."""

import re
from collections.abc import Collection, Sequence

from fhir_server.access.scope import parse_scopes

IDENTITY = ("openid", "fhirUser", "profile")
LAUNCH = "launch"
LAUNCH_PATIENT = "launch/patient"
OFFLINE = "offline_access"
ONLINE = "online_access"
_WORDS = frozenset({*IDENTITY, LAUNCH, LAUNCH_PATIENT, OFFLINE, ONLINE})
_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
_RESOURCE = ("patient/", "user/", "system/")


class InvalidScope(ValueError):
    """A scope that no person can give; the text says which and why, in words for the maker of the app."""


def read_scopes(text: str, types: Collection[str], allowed: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the words of ``text`` that are understood here, once each; others are ignored, as OpenID Connect wants.

    ``types`` are the resource types of this server, ``allowed`` the scopes that the client is registered for (None: all).
    Raises InvalidScope for a resource scope that is misspelt, of the level system, restricted by a search, or about an unknown
    type, for a word that the client is not registered for, and when nothing is left.
    """
    words = tuple(dict.fromkeys(word for word in text.split(" ") if word))
    if not all(_TOKEN.fullmatch(word) for word in words):
        raise InvalidScope("scope holds characters that no scope has")
    known = tuple(word for word in words if word in _WORDS or word.startswith(_RESOURCE))
    for word in known:
        _check(word, types)
    if not any(word in IDENTITY or word.startswith(_RESOURCE) for word in known):
        raise InvalidScope("scope asks for nothing: name scopes such as patient/Communication.rs, or openid")
    unregistered = [word for word in known if allowed is not None and not _registered(word, allowed)]
    if unregistered:
        raise InvalidScope(f"the client is not registered for {' '.join(unregistered)}")
    return _without_weaker(known)


def is_resource(word: str) -> bool:
    """Tell whether ``word`` is a resource scope."""
    return word.startswith(_RESOURCE)


def wants_patient(words: Sequence[str]) -> bool:
    """Tell whether the scopes are about one patient, so that one must be known."""
    return LAUNCH_PATIENT in words or any(word.startswith("patient/") for word in words)


def _check(word: str, types: Collection[str]) -> None:
    if not is_resource(word):
        return
    if word.startswith("system/"):
        raise InvalidScope(f"{word} is for clients without a person; ask for it with the grant client_credentials")
    if "?" in word:
        raise InvalidScope(f"{word.partition('?')[0]} is restricted by a search, which is not supported; leave that out")
    read = parse_scopes(word)
    if not read:
        raise InvalidScope(f"{word} is no scope: write patient/TYPE.cruds or user/TYPE.cruds, with letters in that order")
    if read[0].type not in {"*", *types}:
        raise InvalidScope(f"{word} names a resource type that this server does not have")


def _registered(word: str, allowed: Collection[str]) -> bool:
    if word in allowed:
        return True
    wanted = parse_scopes(word)
    registered = parse_scopes(" ".join(allowed))
    return bool(wanted) and all(
        any(each.level == one.level and each.covers(one.type, letter) for each in registered)
        for one in wanted
        for letter in one.letters
    )


def _without_weaker(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for word in words if word != ONLINE or OFFLINE not in words)
