"""What a database remembers of a search parameter of the user's own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Registered:
    """A search parameter of one type that was stored as the SearchParameter ``id``, as the database remembers it.

    ``state`` is "building" until all resources are indexed by it, then "ready", and "retired" when it is no longer searched by; a
    later definition of the same code is a later generation. ``registered`` is the moment in microseconds.
    """

    type: str
    code: str
    generation: int
    state: str
    id: str
    kind: str
    expression: str
    targets: str
    url: str
    registered: int

    @property
    def definition(self) -> tuple[str, str, str]:
        """What decides on the index rows."""
        return self.kind, self.expression, self.targets
