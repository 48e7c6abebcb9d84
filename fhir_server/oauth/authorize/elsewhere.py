"""Another door whose authorization requests people log in for here, and whose consents stand among theirs (``medmij``)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from fhir_server.oauth.store import ConsentGiven


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks by a request of another door: the ``name`` for people, and the ``origin`` where it is answered."""

    name: str
    origin: str


class Elsewhere(Protocol):
    """One other door, whose requests begin with ``path``; its consents are kept under clients that are ``own`` to it."""

    @property
    def path(self) -> str:
        """The path of its authorization requests."""
        ...

    def asking(self, query: str) -> Asking | None:
        """Return who asks by the request with ``query``, None where that is not known."""
        ...

    def is_own(self, client: str) -> bool:
        """Tell whether a consent under ``client`` was given at this door."""
        ...

    def name(self, client: str) -> str:
        """Return what people call the ``client`` of a consent."""
        ...

    def words(self, given: ConsentGiven) -> Sequence[str]:
        """Return what was consented to, for people."""
        ...

    async def withdraw(self, subject: str, client: str) -> None:
        """Take from ``client`` all that ``subject`` ("Type/id") consented to; the consent itself is forgotten by the caller."""
        ...


def is_elsewhere(door: Elsewhere | None, following: str) -> bool:
    """Tell whether ``following`` is a request of ``door``: its path with the query, and not a query alone."""
    return door is not None and following.startswith(f"{door.path}?")


def query_of(following: str) -> str:
    """Return the query of a request of another door."""
    return following.partition("?")[2]
