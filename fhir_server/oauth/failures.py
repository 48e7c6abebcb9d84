"""How often a client may fail to prove who it is before it has to wait; counted in this process."""

from collections import OrderedDict

from fhir_server.oauth.store import SECOND

MOST = 10
WINDOW = 60 * SECOND
REMEMBERED = 10_000


class Failures:
    """Counts failures by client and address: whoever fails in a client's name from elsewhere does not shut it out."""

    def __init__(self, most: int = MOST, window: int = WINDOW) -> None:
        """Let ``most`` failures pass within ``window`` microseconds."""
        self._most = most
        self._window = window
        self._seen: OrderedDict[tuple[str, str], list[int]] = OrderedDict()

    def wait(self, client: str, address: str, now: int) -> int:
        """Return the seconds to wait at the instant ``now`` (microseconds), 0 for none."""
        recent = self._recent((client, address), now)
        return 0 if len(recent) < self._most else max(1, -(-(recent[0] + self._window - now) // SECOND))

    def count(self, client: str, address: str, now: int) -> None:
        """Count a failure."""
        who = (client, address)
        self._seen[who] = [*self._recent(who, now), now][-self._most :]
        self._seen.move_to_end(who)
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def forget(self, client: str, address: str) -> None:
        """Begin anew: the client proved who it is."""
        self._seen.pop((client, address), None)

    def _recent(self, who: tuple[str, str], now: int) -> list[int]:
        return [at for at in self._seen.get(who, ()) if at > now - self._window]
