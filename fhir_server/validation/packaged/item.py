"""One value of an element: a repetition of it, or the one type that was chosen of a choice."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fhir_server.validation.location import Location, below


class Item(NamedTuple):
    """A value with the ``shadow`` beside it (what stands under ``_name``, of a primitive), its type, and where it is."""

    value: Any
    shadow: Mapping[str, Any] | None
    type: str
    at: Location

    @property
    def owner(self) -> Mapping[str, Any]:
        """What its children are members of."""
        if isinstance(self.value, dict):
            return self.value
        return self.shadow or {}


def items(owner: Mapping[str, Any], keys: tuple[tuple[str, str], ...], name: str, at: Location) -> Iterator[Item]:
    """Yield the values that ``owner`` has under ``keys``, which are pairs of JSON name and type; ``name`` is that in FHIRPath."""
    for key, type_ in keys:
        value, shadow = owner.get(key), owner.get("_" + key)
        if value is None and shadow is None:
            continue
        if isinstance(value, list) or isinstance(shadow, list):
            yield from _repeated(value or [], shadow or [], type_, name, at)
        else:
            yield Item(value, shadow, _type(value, type_), below(at, name))


def _repeated(values: list[Any], shadows: list[Any], type_: str, name: str, at: Location) -> Iterator[Item]:
    for index in range(max(len(values), len(shadows))):
        value = values[index] if index < len(values) else None
        shadow = shadows[index] if index < len(shadows) else None
        yield Item(value, shadow, _type(value, type_), below(at, name, index))


def _type(value: Any, declared: str) -> str:  # noqa: ANN401 - JSON
    """Return the type of a value: a resource says it itself."""
    if isinstance(value, dict) and isinstance(found := value.get("resourceType"), str):
        return found
    return declared
