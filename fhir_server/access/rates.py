"""How much one caller may ask for: each has a bucket that fills with time, and a request takes from it.

Buckets are those of this process: where several serve, each gives the whole of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from math import inf
from typing import Final, Literal, NamedTuple

from fhir_server.access.actor import Actor
from fhir_server.errors import TooMany

Kind = Literal["person", "software", "address", "lookups"]
DETAIL: Final = "rate-limited"
WORTH: Final = 60.0
"""Seconds: so much of its rate a bucket holds when it is full, for who comes seldom and then asks for much."""
_SECOND: Final = 1_000_000
_CLIENT: Final = "client "
_ANEW: Final = "\n"  # no client: that of the bucket is looked up the next time
_WHOLE: Final = 0.999_999  # one request, as far as floats add up
_HOUR: Final = 3600
_REMEMBERED: Final = 20_000
_SOFTWARE: Final = frozenset({"system", "source"})
_NETWORK: Final = 64  # bits of an IPv6 address: who has one address has all the others below them as well


class Limits(NamedTuple):
    """Requests per second of one person, one piece of software and one address; BSNs per hour of one person. 0 is no limit."""

    person: float = 0.0
    software: float = 0.0
    address: float = 0.0
    lookups: int = 0


@dataclass(slots=True, eq=False)
class _Bucket:
    """``left`` of at most ``most`` requests at the instant ``at`` (microseconds), ``rate`` more with each microsecond.

    What is taken from it is taken from that of the ``client`` too, which many share.
    """

    kind: Kind
    left: float
    at: int
    rate: float
    most: float
    client: str = ""
    shared: "_Bucket | None" = None


@dataclass(slots=True)
class _Numbers:
    """The numbers that somebody looked for since ``since``."""

    since: int
    seen: set[str] = field(default_factory=set)


class Rates:
    """The buckets of everybody who was here lately, by who they are."""

    def __init__(self, limits: Limits = Limits(), remembered: int = _REMEMBERED) -> None:  # noqa: B008 - it is immutable
        """Begin with full buckets; no more than ``remembered`` of them are kept."""
        self._limits = limits
        self._remembered = remembered
        self._buckets: dict[str, _Bucket] = {}
        self._numbers: dict[str, _Numbers] = {}
        self._refused: dict[Kind, int] = {}

    def charge(self, actor: Actor, now: int, cost: int = 1) -> None:
        """Take ``cost`` requests from the buckets of ``actor`` and of the software that it uses; ``now`` is in microseconds.

        Who has one left may ask for more than that, and waits longer afterwards. Raises TooMany (rate-limited).
        """
        bucket = self._buckets.get(actor.reference)
        if bucket is None or bucket.client != actor.client:
            bucket = self._of(actor, now)
        self._take(bucket, now, cost)

    def charge_address(self, address: str, now: int) -> None:
        """Take a request from the bucket of who is not recognised and comes from ``address``. Raises TooMany (rate-limited)."""
        if self._limits.address:
            network = network_of(address)
            self._take(self._buckets.get(network) or self._begin(network, "address", self._limits.address, now), now, 1)

    def look_for(self, actor: Actor, numbers: Iterable[str], now: int) -> None:
        """Note that ``actor`` looks for the clients with these ``numbers``. Raises TooMany after too many others."""
        most = self._limits.lookups
        if not most or actor.role in _SOFTWARE:
            return
        found = self._numbers.get(actor.reference)
        if found is None or now - found.since >= _HOUR * _SECOND:
            self._forget_numbers(now)
            found = self._numbers[actor.reference] = _Numbers(now)
        new = set(numbers) - found.seen
        if new and len(found.seen) + len(new) > most:
            self._count("lookups")
            wait = _HOUR - (now - found.since) // _SECOND
            raise _too_many(f"No more than {most} different numbers are looked for within an hour.", wait)
        found.seen |= new

    def gauges(self) -> Mapping[str, tuple[str, float]]:
        """Return how many requests were refused so far, by whose bucket was empty, as ``Metrics`` shows it."""
        kinds: tuple[Kind, ...] = ("person", "software", "address", "lookups")
        return {
            f"fhir_rate_limited_{kind}": (f"Requests refused because too many came before ({kind})", self._refused.get(kind, 0))
            for kind in kinds
        }

    def _take(self, bucket: _Bucket | None, now: int, cost: int) -> None:
        while bucket is not None:
            if now > bucket.at:
                left = bucket.left + (now - bucket.at) * bucket.rate
                bucket.left = left if left < bucket.most else bucket.most  # noqa: FURB136 - a call for each request
                bucket.at = now
            if bucket.left < _WHOLE:
                self._count(bucket.kind)
                wait = (1.0 - bucket.left) / bucket.rate / _SECOND
                raise _too_many("More requests came than this server takes from one caller.", wait)
            bucket.left -= cost
            bucket = bucket.shared

    def _of(self, actor: Actor, now: int) -> _Bucket | None:
        """Return the bucket of ``actor``, as one who uses the software that it uses now; None where nothing is limited."""
        limits = self._limits
        if actor.role in _SOFTWARE:
            return self._begin(actor.reference, "software", limits.software, now, actor.client) if limits.software else None
        if not limits.person and not (limits.software and actor.client):
            return None
        bucket = self._buckets.get(actor.reference) or self._begin(actor.reference, "person", limits.person, now)
        bucket.client, bucket.shared = actor.client, None
        if actor.client and limits.software:
            key = f"{_CLIENT}{actor.client}"
            bucket.shared = self._buckets.get(key) or self._begin(key, "software", limits.software, now)
        return bucket

    def _begin(self, key: str, kind: Kind, rate: float, now: int, client: str = "") -> _Bucket:
        """Return a full bucket; one without a ``rate`` never gets empty."""
        if len(self._buckets) >= self._remembered:
            self._forget(now)
        most = max(1.0, rate * WORTH) if rate else inf
        bucket = self._buckets[key] = self._buckets.get(key) or _Bucket(kind, most, now, rate / _SECOND, most)
        bucket.client = client
        return bucket

    def _forget(self, now: int) -> None:
        """Forget the buckets that are full again, and should that not be half of all, the oldest besides."""
        kept = {key: each for key, each in self._buckets.items() if each.left + (now - each.at) * each.rate < each.most}
        for each in kept.values():
            each.client, each.shared = _ANEW, None
        self._buckets = dict(list(kept.items())[max(0, len(kept) - self._remembered // 2) :])

    def _forget_numbers(self, now: int) -> None:
        if len(self._numbers) >= self._remembered:
            self._numbers = {key: each for key, each in self._numbers.items() if now - each.since < _HOUR * _SECOND}

    def _count(self, kind: Kind) -> None:
        self._refused[kind] = self._refused.get(kind, 0) + 1


def network_of(address: str) -> str:
    """Return what stands for everybody who may come from ``address``: of IPv6 a whole network of 64 bits is one subscriber's."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    return str(found.ipv4_mapped or IPv6Address(int(found) >> _NETWORK << _NETWORK))


def _too_many(text: str, wait: float) -> TooMany:
    seconds = max(1, -int(-wait // 1))
    error = TooMany(f"{text} Wait {seconds} seconds and send it again.", detail=DETAIL)
    error.headers = ((b"retry-after", str(seconds).encode()),)
    return error
