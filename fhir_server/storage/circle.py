"""Among whom a resource is, as the store keeps it beside the resource."""

from dataclasses import dataclass
from typing import Final

EVERYBODY: Final = ""
"""Stands in a circle for the whole network of the dossier."""
CONVERSATION: Final = "*"
"""Stands in the circle of what is about a conversation for those who stand in that."""


@dataclass(frozen=True, slots=True)
class Circle:
    """Among whom a resource is: in the circle of ``of`` ("Type/id", "" for none), which may be the resource itself.

    ``members`` ("Type/id", EVERYBODY, CONVERSATION) stand in the circle that the resource itself makes, if it makes one;
    those of them that are ``alone`` need no place in the dossier.
    """

    of: str = ""
    members: tuple[str, ...] = ()
    alone: tuple[str, ...] = ()
