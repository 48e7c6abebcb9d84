"""Requests in the words of an earlier one: what its path, query and headers mean is found out once for all of them."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from fhir_server.access.actor import Actor, Role
from fhir_server.access.break_glass import PURPOSE
from fhir_server.http.negotiate import Wanted
from fhir_server.http.request import Headers, Scope

_ID: Final = re.compile(rb"(?![0-9]{9}\Z)[A-Za-z0-9.-]{1,64}")  # what may be a BSN is looked at each time
_INTERACTIONS: Final = frozenset({"read", "search-type"})
_ONCE: Final = b"_page="  # the token of a page is used once
_HEADERS: Final = ("accept", "accept-encoding", "cache-control")
_MOST: Final = 2048
_LONGEST: Final = 2000  # bytes of a query

Words = tuple[tuple[object, ...], str]
"""What the meaning of a request depends on besides the role, and the id that it reads, "" for a search."""


class Usual(NamedTuple):
    """What a request means, whoever asks in a role and whichever id is read."""

    interaction: str
    type: str
    parameters: Sequence[tuple[str, str]]
    wanted: Wanted
    compress: bool
    unstored: bool


class UsualRequests:
    """Knows what requests meant that were admitted: reads by id, and searches of a type. Nothing is kept of any other.

    What they meant depends on nothing but their words, the role of the caller and the settings; whether the caller is who they
    say, and sees what they ask for, is found out each time.
    """

    def __init__(self, prefix: str, types: Iterable[str]) -> None:
        """Begin without any; ``types`` are found below ``prefix``."""
        self._types = frozenset(f"{prefix}/{each}".encode() for each in types)
        self._known: dict[tuple[tuple[object, ...], Role], Usual] = {}

    def words(self, scope: Scope, headers: Headers) -> Words | None:
        """Return the words of a read by id or of a search of a type; None for a request of another kind."""
        path: bytes = scope.get("raw_path") or b""
        query: bytes = scope["query_string"]
        if scope["method"] != "GET":
            return None
        if path in self._types:
            return None if len(query) > _LONGEST or _ONCE in query else ((path, query, *map(headers.raw, _HEADERS)), "")
        place, _, last = path.rpartition(b"/")
        if query or place not in self._types or not _ID.fullmatch(last):
            return None
        return (place, None, *map(headers.raw, _HEADERS)), last.decode()

    def meant(self, words: Words, actor: Actor) -> Usual | None:
        """Return what a request of ``words`` means when ``actor`` sends it, None where none was admitted yet."""
        return self._known.get((words[0], actor.role)) if actor.purpose != PURPOSE else None

    def keep(self, words: Words, actor: Actor, usual: Usual) -> None:
        """Keep what the request of ``words`` meant that ``actor`` was admitted with; an emergency is looked at each time."""
        if usual.interaction not in _INTERACTIONS or actor.purpose == PURPOSE:
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[words[0], actor.role] = usual
