"""Searches that were read lately: the same parameters make the same search until the catalogue changes."""

from collections.abc import Callable, Mapping
from typing import Any

from fhir_server.search.search import Search

_MOST = 2048
_LONGEST = 2000  # characters


class ParsedSearches:
    """Keeps the searches that ``read`` made, by everything it made them of; nothing of what it refused."""

    def __init__(self) -> None:
        """Begin without any."""
        self._types: Mapping[str, Any] | None = None
        self._kept: dict[tuple[Any, ...], Search] = {}

    def get(self, types: Mapping[str, Any], place: tuple[Any, ...], read: Callable[[], Search]) -> Search:
        """Return what ``read`` returns for ``place``, which is all that it depends on besides ``types``."""
        if types is not self._types:
            self._types = types
            self._kept = {}
        found = self._kept.get(place)
        if found is None:
            found = read()
            if sum(len(name) + len(value) for name, value in found.parameters) <= _LONGEST:
                if len(self._kept) >= _MOST:
                    self._kept.clear()
                self._kept[place] = found
        return found
