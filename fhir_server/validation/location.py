"""Where in a resource something is, as the FHIRPath of ``OperationOutcome.issue.expression``.

The way down is kept as linked tuples, which cost next to nothing to make, and becomes text only when there is something to report.
"""

from typing import TypeAlias

Location: TypeAlias = "tuple[Location | None, str, int, int]"
"""(parent, element name, index or -1, depth)."""

SINGLE = -1


def root(name: str) -> Location:
    """Return the location of a whole resource of type ``name``."""
    return (None, name, SINGLE, 0)


def below(parent: Location, name: str, index: int = SINGLE) -> Location:
    """Return the location of the child ``name`` (of its ``index``-th repetition, counted from 0)."""
    return (parent, name, index, parent[3] + 1)


def step(location: Location, ancestor: Location) -> tuple[str, int]:
    """Return the (name, index) by which the way to ``location`` leaves ``ancestor``, which must be above it."""
    at = location
    while at[0] is not None and at[3] > ancestor[3] + 1:
        at = at[0]
    return at[1], at[2]


def render(location: Location) -> str:
    """Write a location, such as ``Patient.contact[0].name.given[1]``."""
    parts: list[str] = []
    at: Location | None = location
    while at is not None:
        parent, name, index, _ = at
        parts.append(name if index == SINGLE else f"{name}[{index}]")
        at = parent
    return ".".join(reversed(parts))
