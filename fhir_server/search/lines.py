"""What is asked of the record: which lines, in which order, how many, from where."""

from dataclasses import dataclass
from typing import NamedTuple

from fhir_server.search.tree import Node


class LinePlace(NamedTuple):
    """The place of a line in the record, in the order in which it is read."""

    recorded: int
    row: int


@dataclass(frozen=True, slots=True)
class Lines:
    """At most ``count`` lines for which ``where`` may hold, from ``after`` on.

    ``where`` is a tree over the search parameters of AuditEvent, as which every line is shown.
    """

    where: Node
    count: int
    descending: bool = True
    after: LinePlace | None = None
