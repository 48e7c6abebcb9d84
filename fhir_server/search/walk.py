"""The values at the end of a path, one by one; for what is asked of few resources (``extract`` compiles its paths)."""

from collections.abc import Iterator, Mapping
from typing import Any

from fhir_server.catalog.expression import Path, Step
from fhir_server.search.leaves import points_to

Json = Any


def walk(resource: Mapping[str, Json], path: Path) -> Iterator[Json]:
    """Yield the values to which ``path`` leads in ``resource``, in document order."""
    first = path.steps[0] if len(path.steps) == 1 else None
    if first is not None and not first.many and first.only is None:  # most are a plain element, which needs no generators
        value = resource.get(first.name)
        found = iter(() if value is None else (value,))
    else:
        found = _follow(resource, path.steps)
    return (value for value in found if points_to(value, path.target)) if path.target else found


def _follow(value: Json, steps: tuple[Step, ...]) -> Iterator[Json]:
    if not steps:
        yield value
        return
    step, *rest = steps
    for one in value.get(step.name, ()) if step.many else (value.get(step.name),):
        if one is not None and (step.only is None or one.get(step.only[0]) == step.only[1]):
            yield from _follow(one, tuple(rest))
