"""What is kept of subscriptions, and the store of it. Instants are microseconds since 1970-01-01T00:00:00Z."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Protocol

Status = Literal["requested", "active", "error", "off"]
NEVER: Final = 2**62
EVERYBODY: Final = "*"
"""Stands in an audience for the resources of all dossiers."""


@dataclass(frozen=True, slots=True)
class Subscribing:
    """What a write of a Subscription says: it is stored in the transaction of the write.

    ``subscriber`` is who subscribes (JSON, ``subscriptions/subscriber``) and ``audience`` the references ("Type/id", or EVERYBODY)
    by which resources are known to be theirs; both are empty where they stay as they are. ``host`` is that of ``endpoint``.
    ``secret`` are the sealed headers, ``ends`` is when it is over, ``keeps`` tells that notifications are kept after their
    delivery, to be asked for again. ``manner`` says how notifications are written (JSON, ``subscriptions/manner``; "": they are
    empty), ``heartbeat`` after which silence something is sent all the same (microseconds, 0: never). Without a ``status`` the
    Subscription is deleted; it is ``requested`` until its endpoint has answered.
    """

    id: str
    status: Status | Literal[""]
    subscriber: str = ""
    audience: tuple[str, ...] = ()
    type: str = ""
    criteria: str = ""
    channel: str = ""
    endpoint: str = ""
    host: str = ""
    secret: str = ""
    ends: int = NEVER
    keeps: bool = False
    manner: str = ""
    heartbeat: int = 0


class Event(NamedTuple):
    """A version that was committed, at the instant ``moment``; ``number`` tells it from other events.

    ``told`` are the subscriptions (JSON) that hear of a deletion: who could see the resource is not to be found out any more. It is
    "" for other versions, and for deletions that nobody hears of.
    """

    number: int
    type: str
    id: str
    version: int
    moment: int
    told: str = ""

    @property
    def reference(self) -> str:
        """The resource, "Type/id"."""
        return f"{self.type}/{self.id}"


class Concerned(NamedTuple):
    """Whom a resource of ``type`` can concern: whoever ``references`` ("Type/id", its own first) lead to, and its dossier's key."""

    type: str
    references: Sequence[str]
    dossier: int


class Candidate(NamedTuple):
    """A subscription that may have to hear of an event."""

    id: str
    criteria: str
    subscriber: str


class Notice(NamedTuple):
    """A notification: the event that is number ``number`` of ``subscription``; ``gone`` is 1 for a deletion."""

    subscription: str
    number: int
    type: str
    id: str
    version: int
    moment: int
    gone: int = 0

    @property
    def reference(self) -> str:
        """The resource, "Type/id"."""
        return f"{self.type}/{self.id}"


class Claim(NamedTuple):
    """A subscription with something to deliver, which this worker has to itself for a while.

    ``done`` is the last number that was delivered, ``last`` the last one there is. ``attempts`` have failed since the last success,
    the first of them at ``failing`` (0: none). While ``status`` is requested, its endpoint has to answer first. ``holder`` is who
    has it: of one process, another one in each claim, so that nobody goes on with what was changed and claimed anew meanwhile.
    """

    id: str
    subscriber: str
    channel: str
    endpoint: str
    host: str
    secret: str
    done: int
    last: int
    attempts: int
    failing: int
    status: Status = "active"
    manner: str = ""
    holder: str = ""


class Bound(NamedTuple):
    """What the holder of a subscription watches: whether it is its own still, and whether there is something to deliver."""

    id: str
    holder: str
    status: Status
    last: int


class Subscribed(NamedTuple):
    """A subscription as operators and its own resource show it.

    ``due`` is when it is tried next; ``turn`` grows whenever something happened that the resource is to tell.
    """

    id: str
    status: Status
    error: str
    subscriber: str
    type: str
    criteria: str
    endpoint: str
    host: str
    secret: str
    last: int
    done: int
    attempts: int
    due: int
    turn: int
    channel: str = ""
    manner: str = ""


class Standing(NamedTuple):
    """How the outbox is doing.

    How many events wait to be matched, and since when (0: none); how many notifications are pending and since when, and how many
    are dead; how many subscriptions there are in each status.
    """

    events: int
    oldest_event: int
    pending: int
    oldest_pending: int
    dead: int
    active: int
    error: int


class Attendance(Protocol):
    """Who works for the subscriptions, in all processes."""

    async def absent(self, holder: str) -> Sequence[str]:
        """Be there as ``holder``; return those who were there and are not any more."""
        ...


class SubscriptionStore(Protocol):
    """On both engines the same. What is leased to a ``holder`` is its own until the lease ends, or the holder gives it back."""

    async def take_events(self, holder: str, now: int, until: int, most: int) -> Sequence[Event]:
        """Return the oldest events, to be matched by ``holder`` until ``until``; none while another holder has them."""
        ...

    async def candidates(self, asked: Sequence[Concerned], now: int) -> Sequence[Sequence[Candidate]]:
        """Return for each of ``asked`` the subscriptions to its type of everybody to whom one of its references leads.

        It leads to itself, to the members of the dossier, and to those of teams, also of teams in these. A team is led to its
        mates as well: the members of the networks that it is in.
        """
        ...

    async def put_notices(self, holder: str, now: int, matched: Sequence[tuple[Event, Sequence[str]]]) -> bool:
        """Give each event the next number of each subscription that it is for, and forget the event; False if the lease is over."""
        ...

    async def subscribers(self, references: Sequence[str]) -> Sequence[Candidate]:
        """Return the subscriptions of whoever is known by one of ``references``."""
        ...

    async def put_audience(self, id_: str, audience: Sequence[str]) -> None:
        """Keep by which references the resources of a subscriber are known."""
        ...

    async def claim(self, holder: str, now: int, until: int, busy: Sequence[str], most: int) -> Sequence[Claim]:
        """Lease subscriptions with something to deliver to ``holder``, but none to the hosts that are ``busy``."""
        ...

    async def pending(self, id_: str, after: int, most: int) -> Sequence[Notice]:
        """Return the notices of a subscription that follow number ``after``, in their order, also those that are kept."""
        ...

    async def delivered(self, id_: str, holder: str, number: int, until: int) -> bool:
        """Keep that all up to ``number`` is delivered, and prolong the lease; False if the lease is over: nothing more is to go."""
        ...

    async def activated(self, id_: str, holder: str, until: int) -> bool:
        """Keep that the endpoint of a requested subscription answered, and prolong the lease; False if the lease is over."""
        ...

    async def take(self, id_: str, holder: str, until: int) -> Claim | None:
        """Lease one active subscription, from whoever has it; None when it is not active."""
        ...

    async def bound(self, ids: Sequence[str]) -> Sequence[Bound]:
        """Return who has which of these subscriptions."""
        ...

    async def failed(self, id_: str, holder: str, error: str, status: Status, now: int, due: int) -> None:
        """Keep why a delivery failed and when the next attempt is ``due``, and give the lease back."""
        ...

    async def release(self, id_: str, holder: str, now: int) -> None:
        """Give the lease back."""
        ...

    async def untold(self, most: int) -> Sequence[Subscribed]:
        """Return subscriptions whose resource does not say yet what became of them."""
        ...

    async def told(self, id_: str, turn: int) -> None:
        """Keep that the resource says what there was to say at ``turn``, if nothing happened since."""
        ...

    async def find(self, id_: str) -> Subscribed | None:
        """Return one subscription."""
        ...

    async def several(self, ids: Sequence[str]) -> Sequence[Subscribed]:
        """Return those of ``ids`` that are there, by their ids."""
        ...

    async def all(self) -> Sequence[Subscribed]:
        """Return every subscription."""
        ...

    async def dead(self) -> Sequence[Notice]:
        """Return what could not be delivered."""
        ...

    async def redrive(self, ids: Sequence[str], now: int) -> Sequence[str]:
        """Try again to deliver what could not be, of ``ids`` or, without any, of all; return which subscriptions that are."""
        ...

    async def tidy(self, now: int, before: int) -> None:
        """Switch off what is over at ``now``, and forget notices of before ``before``."""
        ...

    async def standing(self) -> Standing:
        """Return how the outbox is doing."""
        ...

    async def attend(self, holder: str) -> None:
        """Be there as ``holder``, and end the leases of who was there and is not any more: a process that was killed."""
        ...

    async def forget_holder(self, holder: str = "") -> None:
        """End the leases of ``holder``, or all of them: nobody else uses this database."""
        ...
