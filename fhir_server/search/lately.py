"""What bodies that were written lately came to in the index: what is written next often replaces one of them."""

from collections.abc import Callable
from hashlib import blake2b

from fhir_server.catalog.catalog import Entry
from fhir_server.search.rows import Indexed

_MOST = 4096


class Lately:
    """Index content by what it was made of: a body, the entry of its type, and the base of the server."""

    def __init__(self, most: int = _MOST) -> None:
        """Keep ``most`` of them, and begin anew when there are more."""
        self._most = most
        self._found: dict[tuple[bytes, str], tuple[Entry, Indexed]] = {}

    def of(self, body: bytes, entry: Entry, base: str, make: Callable[[], Indexed]) -> Indexed:
        """Return the index content of ``body`` as ``make`` gives it, or gave it when it was asked for the same."""
        place = (blake2b(body, digest_size=16).digest(), base)
        found = self._found.get(place)
        if found is not None and found[0] is entry:  # an entry is another one as soon as another parameter is searched by
            return found[1]
        if len(self._found) >= self._most:
            self._found.clear()
        made = make()
        self._found[place] = (entry, made)
        return made
