"""The scope of an authorization request of MedMij: of whom is collected (Authorization interface, version 2.2.4)."""

import re
from dataclasses import dataclass

_SCOPE = re.compile(r"(?:(subscribe)~(\d{1,5})/)?([a-z][a-z0-9.&-]{0,56})(?:~(\d{1,30}))?(?: (onbehalfof(?:child)?))?", re.ASCII)


class InvalidScope(ValueError):
    """The scope is none that this server takes; the text says why, in words for the developer of the PGO."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked: to collect from the ``provider`` (its name without "@medmij")."""

    provider: str


def read_scope(text: str) -> Scope:
    """Return what ``text`` asks; raises InvalidScope for what is no scope, and for what this server does not offer.

    Names of providers are compared without regard to capitals.
    """
    found = _SCOPE.fullmatch(text.lower())
    if found is None:
        raise InvalidScope("the scope must be the name of one provider, without @medmij")
    subscribe, _, provider, service, behalf = found.groups()
    if subscribe:
        raise InvalidScope("subscriptions are not offered here")
    if service:
        raise InvalidScope("sharing is not offered here; to collect, the scope is the name of the provider alone")
    if behalf:
        raise InvalidScope("nobody is represented here: the client logs in")
    return Scope(provider)
