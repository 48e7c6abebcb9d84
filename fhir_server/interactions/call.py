"""One request as an interaction sees it, and its answer: neither knows of HTTP wiring, XML or databases."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol

from fhir_server.access.actor import Actor
from fhir_server.audit.record import NOWHERE, Origin
from fhir_server.catalog.catalog import Entry
from fhir_server.errors import Issue
from fhir_server.federation.asking import Asking
from fhir_server.interactions.collected import Collected
from fhir_server.interactions.services import Services
from fhir_server.interactions.touched import Touched

WHOLE_SYSTEM: Final = Entry("", "owned", frozenset(), {}, (), "", "", "", "")
"""Stands where a request is about no one type: it has no interaction of its own."""

OUTSIDE: Final = "This resource lies outside the dossiers that you take part in."
"""The refusal of what the caller does not see, and of what is not there to be seen."""

PatchFormat = Literal["json-patch", "merge-patch", "json", "parameters"]
"""How the body of a patch is to be read: "json" is a FHIRPath Patch if it is a Parameters resource, else a merge patch."""


class Headers(Protocol):
    """The headers of a request, by lower-case name; "" for one that is absent."""

    def get(self, name: str, /) -> str:
        """Return the value of a header."""
        ...

    def __contains__(self, name: str, /) -> bool:
        """Tell whether the header is there."""
        ...


class NoHeaders:
    """The headers of a request that did not come over HTTP."""

    def get(self, _: str, /) -> str:
        """Return nothing."""
        return ""

    def __contains__(self, _: str, /) -> bool:
        """Have nothing."""
        return False


class Part(NamedTuple):
    """Begins a part of a form: its ``name``, and the name and media type of a file, "" where it says none."""

    name: str
    filename: str = ""
    media: str = ""


@dataclass(slots=True)
class Call:
    """One request: who asks what, already parsed.

    ``within`` ("Type/id") is the resource in whose compartment is searched. ``body`` is the JSON of the request, whatever format it
    came in, and ``posted`` tells that the parameters came in it as well. ``request`` is the id under which log and record know this
    request, ``now`` its moment in microseconds, ``origin`` where it came from. ``loading`` tells that it puts in what was elsewhere
    before, with all that followed from it there. ``touched`` is whose data it came upon so far.
    ``upload`` is a form that is still coming: each part, and then its content bit by bit. ``warnings`` are what its caller is
    to be warned of, once it is carried out. ``asking`` is what was asked of the sources so far, where that may
    be asked again. ``collected`` says what a PGO collects, None for all other requests.
    """

    services: Services
    actor: Actor
    interaction: str
    entry: Entry
    id: str = ""
    version: int = 0
    within: str = ""
    parameters: Sequence[tuple[str, str]] = ()
    headers: Headers = field(default_factory=NoHeaders)
    body: bytes = b""
    posted: bool = False
    patch: PatchFormat = "json"
    request: str = ""
    now: int = 0
    loading: bool = False
    origin: Origin = NOWHERE
    touched: Touched = field(default_factory=Touched)
    upload: AsyncIterator[Part | bytes] | None = None
    warnings: list[Issue] = field(default_factory=list)
    asking: Asking | None = None
    collected: Collected | None = None

    @property
    def type(self) -> str:
        """The resource type."""
        return self.entry.name

    @property
    def place(self) -> str:
        """The path of a search, below the base."""
        return f"{self.within}/{self.type or '*'}" if self.within else self.type


@dataclass(slots=True)
class Answer:
    """What an interaction answers: a status, the JSON of a resource (or nothing), and headers.

    ``version`` and ``dossier`` say for the record what was touched, ``updated`` when that version was made (microseconds, 0 for
    none), and ``refusal`` the code of the error that it tells of. ``media`` is the media type of a body that is not FHIR but the
    content of a Binary. ``recorded`` is set when the line of the record was written together with a change. ``keep`` is False for
    what nobody may keep a copy of, because it belongs to a source. ``stream`` is what comes instead of ``body``, ``length``
    bytes of it; ``detail`` is a word more for the record, ``warnings`` are told beside the answer. ``stored`` are all the stored
    bodies that stand whole in ``body``, where nothing else of a resource does; empty where that is not known.
    """

    status: int
    body: bytes = b""
    headers: Sequence[tuple[str, str]] = ()
    id: str = ""
    version: int = 0
    dossier: str = ""
    updated: int = 0
    media: str = ""
    recorded: bool = False
    keep: bool = True
    refusal: str = ""
    stream: AsyncIterator[bytes] | None = None
    length: int = 0
    detail: str = ""
    warnings: Sequence[Issue] = ()
    stored: Sequence[bytes] = ()


def resource_type_of(resource: Mapping[str, Any]) -> str:
    """Return ``resourceType``, "" when it is missing or no string."""
    name = resource.get("resourceType")
    return name if isinstance(name, str) else ""
