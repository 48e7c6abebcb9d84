"""The store as the rest of the server sees it: every call carries a grant, and what the grant does not cover is not there."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol

from fhir_server.search.lines import Lines
from fhir_server.search.rows import Indexed
from fhir_server.search.tree import Cursor, MemberOf, Node, Query, SortValue
from fhir_server.search.versions import Versions
from fhir_server.storage.attachments.store import AttachmentStore, Claim
from fhir_server.storage.authorization.store import AuthorizationStore
from fhir_server.storage.circle import Circle
from fhir_server.storage.consent_rule import Rule
from fhir_server.storage.reindex.database import IndexDatabase
from fhir_server.storage.seat import Seat
from fhir_server.storage.subscriptions.store import Subscribing, SubscriptionStore

if TYPE_CHECKING:
    from fhir_server.storage.erasure import Erasure  # which knows Change


@dataclass(frozen=True, slots=True)
class Grant:
    """What one actor may see of one resource type; made by ``access/gate`` and by nobody else (a test holds this).

    ``made`` is where the store keeps what it made of ``where``, since a grant serves many requests.
    """

    actor: str
    type: str
    where: Node
    made: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)


TEAMS: Final = "CareTeam"
"""Stands for a dossier: its members are those of all teams about no patient, so that these are found by their members."""


@dataclass(frozen=True, slots=True)
class Membership:
    """``member`` ("Type/id") belongs to the dossier ``dossier`` from ``start`` until ``end`` (microseconds).

    ``through`` is the Organization on whose behalf, "" for none. ``in_function`` names a dossier for each function in a network.
    """

    member: str
    dossier: str
    start: int
    end: int
    through: str = ""


class AuditRow(NamedTuple):
    """One line of the record: who did what to which resource, with which outcome (HTTP status).

    ``organisation`` is whom the actor acts for, ``client`` the OAuth client, ``basis`` what permitted or refused it (codes of
    reasons, and rules), ``trace`` "traceid-spanid" (W3C), ``address`` the caller's on the network, ``source`` the source that was
    asked, ``category`` the category of the data, ``reason`` the free text with which a glass was broken, ``detail`` a short text.
    """

    recorded: int
    actor: str
    role: str
    action: Literal["C", "R", "U", "D", "E"]
    interaction: str
    status: int
    type: str = ""
    id: str = ""
    version: int = 0
    dossier: str = ""
    query: str = ""
    purpose: str = ""
    request: str = ""
    organisation: str = ""
    client: str = ""
    basis: str = ""
    trace: str = ""
    address: str = ""
    source: str = ""
    category: str = ""
    reason: str = ""
    detail: str = ""


class Logged(NamedTuple):
    """A line as it stands in the record: ``row`` is its place in the table, ``chain`` and ``seq`` that in the chain of hashes."""

    row: int
    chain: str
    seq: int
    line: AuditRow


class Stored(NamedTuple):
    """A stored version. ``body`` is the resource's JSON; it is empty when ``deleted`` or when not ``visible`` to the grant.

    ``sort`` is the value by which the search that found it was sorted, ``then`` those of its further keys: ``cursor`` is where the
    next page starts. ``dossier`` is the key (``rows.key``) of the dossier that it belongs to, 0 for none.
    ``put`` (of a history) tells that this version was made by PUT where there was nothing to update.
    """

    row: int
    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    visible: bool
    body: bytes
    sort: SortValue = 0
    then: tuple[SortValue, ...] = ()
    dossier: int = 0
    put: bool = False

    @property
    def cursor(self) -> Cursor:
        """The place right after this resource in the search that found it."""
        return Cursor(self.sort, self.row, self.then)


class Moved(NamedTuple):
    """A resource that changed after a snapshot: as it is now, and the version (time and JSON) that the snapshot saw."""

    stored: Stored
    updated: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Change:
    """One write: the next version of ``type``/``id``, to follow version ``expected`` (0: nothing is stored yet).

    ``body`` is the whole JSON with its meta, empty for a delete. ``indexed`` is the new index content (None for a delete) and
    ``previous`` that of the version which it follows. ``members`` are the memberships that the new version gives,
    ``rules`` what it says as a consent; these are kept as made by this change, a deletion's too.
    ``circle`` is among whom it is; a deletion leaves it as it was.
    ``keeps_dossier``: the resource stays in the dossier it is in, when ``indexed`` names none.

    ``by_hub`` tells that the hub makes the change itself, as a consequence of another one: no grant is asked for it.

    ``requires`` are the resources ("Type/id") that must be there, not deleted, when all is written, ``versions`` those of their
    versions ("Type/id/_history/n"). ``links`` are keys of the index under which nothing may be left then: those of what refers to a
    resource that is deleted. ``unseen`` are those of ``requires`` that count as missing, though they may be there. ``claims`` are
    the attachments that belong to the resource from now on.
    ``subscription`` is what a Subscription says, kept with it. ``told`` are the subscriptions that hear of a deletion.
    ``put``: it is made by PUT, which found nothing to update.
    """

    type: str
    id: str
    expected: int
    updated: int
    body: bytes
    indexed: Indexed | None
    previous: Indexed | None = None
    members: Sequence[Membership] = field(default_factory=tuple)
    rules: Sequence[Rule] = ()
    circle: Circle = field(default_factory=Circle)
    keeps_dossier: bool = False
    requires: Sequence[str] = ()
    versions: Sequence[str] = ()
    links: Sequence[int] = ()
    unseen: Sequence[str] = ()
    claims: Sequence[Claim] = ()
    by_hub: bool = False
    subscription: Subscribing | None = None
    told: Sequence[str] = ()
    put: bool = False

    @property
    def reference(self) -> str:
        """The relative reference, "Type/id"."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search; ``more`` tells whether another one follows.

    Where the query asked for it, ``seen`` tells what had been written when the page was read (``Snapshot.seen``), ``total`` how
    many match, None where not counted, ``many`` whether there is too much for ``count_few``, None where nobody looked.
    """

    resources: Sequence[Stored]
    more: bool
    seen: str = ""
    many: bool | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Criteria:
    """By what a conditional write knows its resource: what matches ``query`` and lies within ``grant``, of the same type."""

    grant: Grant
    query: Query


class VersionConflict(Exception):
    """The stored version of ``reference`` ("Type/id", "" where that is not known) is not the one expected."""

    def __init__(self, text: str = "", reference: str = "") -> None:
        """Tell ``text``, which names no resource."""
        super().__init__(text)
        self.reference = reference


class Matched(VersionConflict):
    """A resource matches criteria that nothing was to match any more: somebody else stored it meanwhile."""


class Doubled(Exception):
    """Two resources of one commit match criteria that were to name one resource at most."""


class OutOfGrant(Exception):
    """The resource as stored, or as it would be stored, lies outside the grant."""


class TooManyMoved(Exception):
    """More resources changed since the snapshot than can be put back in their places."""


class SearchTooSlow(TimeoutError):
    """The search took longer than a search may; it was stopped."""


class Unavailable(RuntimeError):
    """The database does not answer, or cannot write: nothing was read; what was to be written may or may not be there."""


class StorageFull(RuntimeError):
    """The database has no room left: nothing was written."""


class Repository(Protocol):
    """The two engines (``storage/sqlite``, ``storage/postgres``) implement this and give the same answers."""

    async def read(self, grant: Grant, type_: str, id_: str) -> Stored | None:
        """Return the current version (deleted and invisible ones too, without body), None if the id was never used."""
        ...

    async def find(self, grant: Grant, self_: int) -> Stored | None:
        """Return, as ``read`` does, the resource of the grant's type whose reference has the key ``self_`` (``rows.key``)."""
        ...

    async def vread(self, grant: Grant, type_: str, id_: str, version: int) -> Stored | None:
        """Return one version; visibility is decided on the current version."""
        ...

    async def search(self, grant: Grant, query: Query) -> Page:
        """Return one page of what matches the query and lies within the grant."""
        ...

    def moved(self, grant: Grant, query: Query) -> AsyncIterator[Sequence[Moved]]:
        """Yield, a few at a time, what matches the query, lies within the grant, and changed since the query's snapshot.

        Left out is what did not exist then. Call it after ``search``, so that nothing falls between the two; what changed between
        them is in both. Raises TooManyMoved.
        """
        ...

    async def count(self, grant: Grant, query: Query, tally: tuple[str, ...] = ()) -> int:
        """Return exactly how many resources match the query within the grant; ``tally`` is that of the type (``Entry.tally``)."""
        ...

    async def count_few(self, grant: Grant, query: Query) -> int | None:
        """Return the same where it is cheap to know, None where there is much to look at."""
        ...

    async def history(self, grant: Grant, versions: Versions) -> Page:
        """Return one page of versions, newest first; visibility is decided on the current version."""
        ...

    async def count_versions(self, grant: Grant, versions: Versions) -> int:
        """Return exactly how many versions of visible resources there are, whatever page ``versions`` is."""
        ...

    async def fetch(self, grants: Sequence[Grant], references: Sequence[str]) -> Sequence[Stored]:
        """Return the current, visible resources among ``references`` ("Type/id"), each under the grant of its type."""
        ...

    async def commit(
        self, grants: Sequence[Grant], changes: Sequence[Change], audit: Sequence[AuditRow], unmatched: Sequence[Criteria] = ()
    ) -> None:
        """Write all changes and audit rows in one transaction, or nothing.

        Before anything is written, and in the same transaction, nothing may match one of ``unmatched``: of several commits with
        the same criteria one is made. When several changes are written, one resource at most may match each of them afterwards.
        Raises Matched, Doubled, VersionConflict (also when somebody else claimed an attachment first), OutOfGrant when the old or
        the new version of a resource lies outside the grant of its type; Dangling or StillReferred when a change leaves a reference
        without its target.
        """
        ...

    async def record(self, row: AuditRow) -> None:
        """Append a line to the record; return when it is durable."""
        ...

    async def reason(self, dossier: str, sealed: str) -> str | None:
        """Return the free text that stands in a line about ``dossier``, None when it was erased."""
        ...

    async def erase_reasons(self, dossier: str) -> None:
        """Destroy what opens the free texts in lines about ``dossier``; the lines stay as they are."""
        ...

    async def project_record(self) -> None:
        """Return when every line that was durable before is in audit_event, for whoever reads the record there."""
        ...

    async def lines(self, grant: Grant, asked: Lines) -> Sequence[Logged]:
        """Return lines of the record within ``grant``, and all of those for which ``asked`` holds among as many as it counts."""
        ...

    async def figures(self, grant: Grant, since: int, until: int) -> Sequence[tuple[str, str, str, str, str, int, int]]:
        """Return how many lines of each kind the record has from ``since`` to ``until``, for a ``grant`` on all of it.

        A kind is organisation, actor, role, interaction, type and status; the number comes last.
        """
        ...

    async def is_member(self, members: MemberOf, dossier: str) -> bool:
        """Tell whether ``members`` holds for ``dossier``."""
        ...

    async def members_among(self, members: MemberOf, dossier: str) -> Sequence[str]:
        """Return those of the people of ``members`` for whom alone it would hold for ``dossier``, in their order."""
        ...

    async def teams_of(self, people: Sequence[str], at: int, left: Sequence[str] = ()) -> Sequence[str]:
        """Return the CareTeams ("CareTeam/id") about no patient of which one of ``people`` is a member (as in ``MemberOf``)."""
        ...

    async def networks_of(self, members: MemberOf, patient: str) -> Sequence[str]:
        """Return the CareTeams ("CareTeam/id") by which ``members`` holds for the dossier of ``patient`` ("Patient/id")."""
        ...

    async def employers_of(self, people: Sequence[str], at: int) -> Sequence[str]:
        """Return the organisations ("Organization/id") on whose behalf one of ``people`` takes part in a network at ``at``."""
        ...

    async def rules(self, dossier: str) -> Sequence[Rule]:
        """Return the rules that the consents of ``dossier`` make now, those included that others with their choice replace."""
        ...

    async def seats(self, members: MemberOf, teams: Sequence[str], dossier: str) -> Sequence[Seat]:
        """Return the places of ``members``, at whatever time, in those of ``teams`` that belong to ``dossier`` or to none."""
        ...

    async def parameters_number(self) -> int:
        """Return a number that grows when search parameters are registered, get ready or retire."""
        ...

    def index(self) -> IndexDatabase:
        """Return the database for work on its index, to be used in a thread and closed there. To be called on the loop."""
        ...

    def authorization(self) -> AuthorizationStore:
        """Return what the authorization server remembers. To be called on the loop."""
        ...

    def subscriptions(self) -> SubscriptionStore:
        """Return what is kept of subscriptions. To be called on the loop."""

    def alone(self, name: str) -> AbstractAsyncContextManager[bool]:
        """Tell whether nobody else, in whatever process, does what ``name`` names; nobody else begins before it is left."""
        ...

    def erasure(self) -> "Erasure":
        """Return what removes resources physically. To be called on the loop."""
        ...

    def attachments(self) -> AttachmentStore:
        """Return what is known of attachments. To be called on the loop."""
        ...

    async def ready(self) -> bool:
        """Tell whether the database answers."""
        ...

    async def writable(self) -> bool:
        """Tell whether it takes what is written: that last written succeeded, or a trial does, and there is room."""
        ...

    async def close(self) -> None:
        """Finish what is being written and close every connection."""
        ...
