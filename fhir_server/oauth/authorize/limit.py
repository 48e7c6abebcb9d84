"""How often an address may try to log in before it has to wait."""

from collections import OrderedDict

MOST_ADDRESSES = 10_000
_MICROSECONDS = 1_000_000


class Limit:
    """Counts attempts per address in this process: ``most`` within ``seconds``, then the next has to wait."""

    def __init__(self, most: int = 20, seconds: int = 300) -> None:
        """Begin with no attempts."""
        self._most = most
        self._window = seconds * _MICROSECONDS
        self._seen: OrderedDict[str, list[int]] = OrderedDict()

    def wait(self, address: str, now: int) -> int:
        """Return for how many seconds ``address`` has to wait at the instant ``now`` (microseconds); 0: it may try."""
        recent = self._recent(address, now)
        if len(recent) < self._most:
            return 0
        return max(1, -(-(recent[-self._most] + self._window - now) // _MICROSECONDS))

    def count(self, address: str, now: int) -> None:
        """Count an attempt."""
        self._seen[address] = [*self._recent(address, now), now][-self._most :]
        self._seen.move_to_end(address)
        if len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)

    def _recent(self, address: str, now: int) -> list[int]:
        return [at for at in self._seen.get(address, ()) if at > now - self._window]
