"""A search as a tree: what parsing and the gate produce, and what storage and ``search/match`` carry out.

A leaf with a ``param`` holds for the rows that the index keeps under it: mostly the code of a search parameter, sometimes more
(``search/rows``). The tree knows neither HTTP nor SQL.

Instants are microseconds since 1970-01-01T00:00:00Z. References are ``"Type/id"``.
"""

from dataclasses import dataclass, field
from typing import Literal

Prefix = Literal["eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap"]


@dataclass(frozen=True, slots=True)
class Everything:
    """Every resource of the type."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """No resource at all."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token equals ``code``; ``system`` None means any system, "" means no system."""

    param: str
    code: str
    system: str | None = None


@dataclass(frozen=True, slots=True)
class TokenIn:
    """A token equals one of ``codes``, at least one; ``system`` as in ``Token``."""

    param: str
    codes: tuple[str, ...]
    system: str | None = None


@dataclass(frozen=True, slots=True)
class ReferenceTo:
    """A reference points to ``target`` ("Type/id", or an absolute URL of another server)."""

    param: str
    target: str


@dataclass(frozen=True, slots=True)
class Uri:
    """A uri equals ``value``."""

    param: str
    value: str


@dataclass(frozen=True, slots=True)
class Date:
    """A date compares with the range ``[low, high)`` that the given value and its precision span.

    ``main`` tells that ``param`` is the type's main date, by which its rows are sorted. ``point`` tells that its values are dates
    or instants, at most a year long, and never Periods: then a lower bound is found quickly as well.
    """

    param: str
    prefix: Prefix
    low: int
    high: int
    main: bool = False
    point: bool = False


@dataclass(frozen=True, slots=True)
class Number:
    """A number compares with the range ``[low, high)``, as ``search/numbers`` writes it; a quantity has its unit in ``param``."""

    param: str
    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Near:
    """A position lies so near to the point ``x``, ``y``, ``z`` that the square of the straight line is ``most`` at most.

    All as ``search/position`` writes it.
    """

    param: str
    x: int
    y: int
    z: int
    most: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string starts with, equals or contains ``value``; normalised (``search/values.normalise``) unless ``exact``.

    So does a uri, which is never normalised, under a parameter of its own (``:below``).
    """

    param: str
    value: str
    mode: Literal["starts", "exact", "contains"] = "starts"


@dataclass(frozen=True, slots=True)
class Id:
    """The logical id is one of ``values``."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LastUpdated:
    """``meta.lastUpdated`` compares with the range ``[low, high)``."""

    prefix: Prefix
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Dossier:
    """The resource belongs to the dossier of one of ``patients`` ("Patient/id")."""

    patients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemberOf:
    """The resource belongs to a dossier of which one of ``people`` is a member at the instant ``at``.

    Who is so on behalf of one of the organisations ``left`` ("Organization/id") does not count.
    """

    people: tuple[str, ...]
    at: int
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TeamMate:
    """The resource is itself a member of a dossier of which one of ``people`` is a member, both at the instant ``at``.

    ``left`` as in ``MemberOf``, of ``people``.
    """

    people: tuple[str, ...]
    at: int
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InCircle:
    """One of ``people`` stands in the resource's circle by name, or the circle is the whole network of the resource's dossier.

    Or, with ``networks``, a care team of that dossier stands there of which one of ``members`` is a member. Either way one of
    ``members`` is a member of the dossier (``at`` and ``left`` as in ``MemberOf``). A circle counts in the dossier of the resource
    that makes it only. ``own``: the circle that the resource itself makes, also when it belongs to another one.
    """

    people: tuple[str, ...]
    members: tuple[str, ...]
    at: int
    left: tuple[str, ...] = ()
    own: bool = False
    networks: bool = True


@dataclass(frozen=True, slots=True)
class CircleNames:
    """One of ``names`` stands in the resource's circle; ``alone``: as somebody who needs no place in the dossier.

    ``own`` as in ``InCircle``; ``others``: only in the circle that another resource makes.
    """

    names: tuple[str, ...]
    own: bool = False
    alone: bool = False
    others: bool = False


@dataclass(frozen=True, slots=True)
class Coded:
    """What has one of ``codes`` of one of ``systems`` (whichever goes with which) under ``param``, and no label, has ``label``."""

    param: str
    codes: tuple[str, ...]
    systems: tuple[str, ...]
    label: str


@dataclass(frozen=True, slots=True)
class Consented:
    """The rules of consent of the resource's dossier permit ``action`` on it, at the instant ``at`` and for ``purpose``.

    ``keys`` are the recipients ("Type/id", "kind:system|code", "function:system|code") that the actor is, ``people`` those by whom
    the actor is found in care teams (``left`` as in ``MemberOf``). Of recipients that begin like one of ``unknown`` it is not known
    whether the actor is one. ``category`` ("system|code") is that of the data, ``purpose`` "" when it is unknown. ``date`` is the
    parameter of the type's main date, "" when it has none, ``label`` the confidentiality of what has no label, "" when that is
    unknown, ``coded`` that of what has certain codes, ``author`` the condition that it names no author, None when nothing of the
    type does. A dossier without any rule is open if ``open_without``. What decides, and which of several rules, says
    ``access/consent.decide``.
    """

    keys: tuple[str, ...]
    people: tuple[str, ...]
    purpose: str
    category: str
    action: str
    at: int
    date: str = ""
    label: str = ""
    open_without: bool = False
    unknown: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    author: "Missing | None" = None
    coded: Coded | None = None


@dataclass(frozen=True, slots=True)
class Unrefused:
    """No rule of consent of the resource's dossier denies by name the purpose that is ``asked``, whatever else the rules say.

    ``asked`` without a category is about the dossier as a whole. What it means says ``access/break_glass.decide_in_emergency``.
    """

    asked: Consented


@dataclass(frozen=True, slots=True)
class Missing:
    """The resource has no value for ``param``, whose number among the parameters of its type is ``place``."""

    param: str
    place: int


@dataclass(frozen=True, slots=True)
class Chain:
    """``param`` points to a resource of ``type`` for which ``part`` holds.

    Whoever carries it out asks for that resource under the caller's grant for its type, and replaces the node by what was found
    (``interactions/resolve``): storage and ``search/match`` never see it.
    """

    param: str
    type: str
    part: "Node"


@dataclass(frozen=True, slots=True)
class Has:
    """A resource of ``type`` for which ``part`` holds points here by its ``param``; carried out as ``Chain`` is."""

    type: str
    param: str
    part: "Node"


@dataclass(frozen=True, slots=True)
class Not:
    """``part`` does not hold."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class And:
    """All of ``parts`` hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of ``parts`` holds."""

    parts: tuple["Node", ...]


Valued = Token | TokenIn | ReferenceTo | Uri | Date | Number | Text
Placed = Dossier | MemberOf | TeamMate | InCircle | CircleNames | Consented | Unrefused
Leaf = Valued | Near | Id | LastUpdated | Missing | Placed | Everything | Nothing
Node = Leaf | Chain | Has | Not | And | Or


SortValue = int | str


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of the answer: by the first key, then by those of ``then``; ties by creation order, in the last key's direction.

    A key is the type's main date, ``_lastUpdated``, ``_id``, or the parameter ``param``: "date" is one that has ranges (a number or
    a quantity too), "string" one of strings, "token" one whose text the catalogue keeps for sorting. Of several values the first
    one counts, or the last one when ``descending``; what has no value comes at the end either way.
    """

    by: Literal["main", "_lastUpdated", "_id", "date", "string", "token"] = "main"
    descending: bool = True
    param: str = ""
    then: tuple["Sort", ...] = ()

    @property
    def keys(self) -> tuple["Sort", ...]:
        """All keys, the first one first."""
        return (self, *self.then)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the previous page ended: the sort value and the row of its last resource, ``then`` the values of ``Sort.then``."""

    sort: SortValue
    row: int
    then: tuple[SortValue, ...] = ()

    @property
    def values(self) -> tuple[SortValue, ...]:
        """All sort values, the first one first."""
        return (self.sort, *self.then)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was written when the first page was read, so that the pages after it keep every resource in the place it had then.

    ``seen`` says it in the engine's own words, "" asks the engine to tell. What was updated before ``since`` had been written then.
    """

    since: int
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """A search of one type: which resources, in which order, how many, from where.

    With a ``snapshot`` whose ``seen`` is known, only what had been written then and has not changed since. One that asks the engine
    to tell asks for the number of matches too, where that is cheap and ``counted``.
    """

    type: str
    where: Node = field(default_factory=Everything)
    sort: Sort = field(default_factory=Sort)
    count: int = 20
    after: Cursor | None = None
    snapshot: Snapshot | None = None
    counted: bool = True
