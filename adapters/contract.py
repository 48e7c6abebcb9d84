"""What an adapter is: the contract between the hub and one kind of source system.

An adapter is a folder ``adapters/<kind>/<system>/`` with a ``manifest.toml`` and a module ``adapter.py`` that holds one class,
``Adapter``. It is given a question about one patient and a transport, and gives back R4 resources as plain dicts. It keeps nothing,
knows nothing of the server, and raises nothing but ``SourceError``.
"""

from collections.abc import Callable, Collection, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

Resource = dict[str, object]
T = TypeVar("T")

Fault = Literal["timeout", "unreachable", "refused", "throttled", "not-supported", "structure", "wrong-patient", "too-much"]


class SourceError(Exception):
    """The one error of an adapter: what went wrong at the source, without patient data."""

    def __init__(self, fault: Fault, text: str) -> None:
        """Say which kind of fault, and in ``text`` what an operator needs to know."""
        super().__init__(text)
        self.fault: Fault = fault
        self.text = text


@dataclass(frozen=True, slots=True)
class Source:
    """One declared source system (a table of ``sources.toml``).

    ``endpoint`` is its URL, ``organisation`` its identifiers as (system, value), ``application`` our own application id there.
    """

    name: str
    adapter: str
    endpoint: str
    organisation: tuple[tuple[str, str], ...]
    categories: frozenset[str] = frozenset()
    budget: float = 5.0
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceQuery:
    """A query: resources of ``resource_type`` about the patient known by ``identifiers`` ((system, value) pairs).

    ``request_id`` is a fresh id for the message; ``now`` is the moment of asking, ISO 8601 with offset. ``parameters`` are search
    parameters of R4 with which the source may answer less: the hub carries out the whole search itself, so that they may be left
    out of account, and so wide that what it looks for is always among it.
    """

    resource_type: str
    identifiers: tuple[tuple[str, str], ...]
    request_id: str
    now: str
    parameters: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class RowUse:
    """A mapping row that fired: its ``row`` id, the ``source`` path it read, the FHIR element it wrote (``target``)."""

    row: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Translation:
    """What a source message becomes: R4 ``resources``, the rows that made them, and what was not mapped.

    The resources are the hub's from then on: it empties the list when it is done with them.

    References between the resources are relative (``Type/id``) with ids that are stable for the same source object. ``about`` is
    the identifiers of every patient whom the message speaks of: the hub compares them with the patient it asked for.
    ``elsewhere`` are objects about the same patient to which the resources refer ("Type/id"), which the source gives when it is
    asked for their type.
    """

    resources: Sequence[Resource]
    about: Sequence[tuple[str, str]] = ()
    used: Sequence[RowUse] = ()
    left_over: Sequence[str] = ()
    warnings: Sequence[str] = ()
    elsewhere: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of the transport."""

    status: int
    body: bytes
    content_type: str = ""


class Transport(Protocol):
    """HTTP as an adapter sees it; the hub bounds time, size and redirects."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Response:
        """Send ``body``; raise ``SourceError`` when no answer comes."""
        ...

    async def get(self, url: str, headers: Mapping[str, str]) -> Response:
        """Ask for ``url``, in which no number of a person may stand; raise ``SourceError`` when no answer comes."""
        ...

    async def once(self, question: Hashable, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what ``ask`` comes to, which is carried out once for equal questions about one patient within one request.

        For what several queries have to ask first. Raises what ``ask`` raises.
        """
        ...


class SourceAdapter(Protocol):
    """What ``adapter.py`` must define under the name ``Adapter`` (constructed without arguments)."""

    def question(self, query: SourceQuery) -> Hashable:
        """Return what ``query`` asks of a source, as a value; it asks nobody, and raises nothing.

        Within one request of a caller the hub asks each source one of the queries whose questions are equal, and the answer serves
        all of them. So it holds all that the answer depends on, and nothing else: neither the id of the message nor the moment, and
        of a system that always tells everything not the type either.
        """
        ...

    async def search(self, query: SourceQuery, source: Source, transport: Transport) -> Translation:
        """Ask ``source`` and translate its answer; raise ``SourceError`` for every failure."""
        ...

    def translate(self, payload: bytes) -> Translation:
        """Translate one message of the source, as ``fhir-server map run`` does; raise ``SourceError`` when it is unusable."""
        ...
