"""The one decision: what an actor may do with a type, as the predicate that every call of the repository carries."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fhir_server.access.actor import ROLES, Actor, Role
from fhir_server.access.bsn import BsnRules
from fhir_server.access.circle import conversations, origins, tasks
from fhir_server.access.consented import DISCLOSE, MESSAGE, by_part, consented, own, settled
from fhir_server.access.emergency import is_emergency, reach, require_reading
from fhir_server.access.invited import invited
from fhir_server.access.private import private
from fhir_server.access.roles import Roles
from fhir_server.access.scope import LETTERS, levels
from fhir_server.catalog.catalog import Catalog, Entry
from fhir_server.errors import Forbidden, NotAllowed, NotFound
from fhir_server.search.tree import And, Dossier, Everything, Id, MemberOf, Node, Not, Nothing, Or, ReferenceTo, TeamMate
from fhir_server.storage.repository import Grant

_CODES = {"search": "search-type", "history": "history-instance"}
_SECOND = 1_000_000
RECORD = "AuditEvent"
"""The type as which the record is read."""
CONSENT = "Consent"
"""The type in which the client says who may see what."""
_WRITES = frozenset({"create", "update", "patch", "delete"})
_MESSAGES = ("Communication", "CommunicationRequest")


@dataclass(frozen=True, slots=True)
class FederationGrant:
    """Whether sources may be asked for ``type`` about ``patient`` ("Patient/id") in the name of ``actor``.

    ``condition`` is Everything (yes), Nothing (no), or MemberOf: yes if the repository answers ``is_member`` of the patient's
    dossier.

    What the client consented to decides on each source besides. ``categories`` ("system|code") are those of which one must be open,
    ``of_type`` the category of every type whose resources need one of their own to be shown.
    """

    actor: str
    type: str
    patient: str
    purpose: str
    condition: Everything | Nothing | MemberOf
    categories: tuple[str, ...] = ()
    of_type: Mapping[str, str] = field(default_factory=dict)


class Gate:
    """Decides by catalogue, token scopes, role matrix, membership and consent, in this order. ``clock`` gives microseconds."""

    def __init__(self, catalogue: Catalog, roles: Roles, clock: Callable[[], int]) -> None:
        self._catalogue = catalogue
        self._roles = roles
        self._clock = clock
        self._second = 0
        self._grants: dict[tuple[int, str, str], tuple[Actor, Grant]] = {}

    def grant(self, actor: Actor, interaction: str, type_: str) -> Grant:
        """Return what ``actor`` may reach with ``interaction`` on the own store's resources of ``type_``.

        A decision holds for the second in which it was made: memberships count in whole seconds. Raises NotFound (no such type),
        NotAllowed (the type has no such interaction), Forbidden (scope or role does not cover it).
        """
        second = self._clock() // _SECOND
        if second != self._second:
            self._second = second
            self._grants.clear()
        # The actor is kept beside the grant: as long as it is, no other object has its identity.
        known = self._grants.get((id(actor), interaction, type_))
        if known is not None and known[0] is actor:
            return known[1]
        grant = self._decide(actor, interaction, type_)
        self._grants[id(actor), interaction, type_] = actor, grant
        return grant

    def _decide(self, actor: Actor, interaction: str, type_: str) -> Grant:
        entry = self._entry(interaction, type_)
        bound = _bound(actor, interaction, type_)
        if _is_outside(actor) or LETTERS[interaction] not in self._roles.letters(actor.role, type_):
            raise Forbidden(f"The role {actor.role} may not {interaction} {type_}.")
        if is_emergency(actor):
            require_reading(interaction)
            return Grant(actor.reference, type_, reach(actor, entry, self._now()))
        return Grant(actor.reference, type_, self._where(actor, interaction, entry, bound))

    def settled(self, grant: Grant, patient: str, networks: Sequence[str], *, permit: bool) -> Grant:
        """Return ``grant`` with what the consents of ``patient`` ("Patient/id") decide for all that is in that dossier.

        ``networks`` are the care teams of the client that the actor is in. The new grant covers the same resources, and costs less
        where many of them are looked at: the store need not decide on each.
        """
        mine = Dossier((patient,))
        known = And((mine, settled(grant.where, networks, permit=permit)))
        return Grant(grant.actor, grant.type, Or((known, And((Not(mine), grant.where)))))

    def disclosing(self, actor: Actor, type_: str) -> Grant:
        """Return which resources of ``type_`` that ``actor`` may read they may pass on to others. Raises as ``grant`` does."""
        self.grant(actor, "read", type_)
        where = self._where(actor, DISCLOSE, self._catalogue.types[type_], _bound(actor, "read", type_))
        return Grant(actor.reference, type_, Nothing() if is_emergency(actor) else where)

    def permitted(self, actor: Actor, interaction: str, types: Iterable[str]) -> tuple[Grant, ...]:
        """Return a grant for each of ``types`` that ``actor`` may use, and none for the others."""
        return tuple(grant for type_ in types if (grant := self._try(actor, interaction, type_)) is not None)

    def out_of_scope(self, actor: Actor, interaction: str, types: Iterable[str]) -> tuple[str, ...]:
        """Return those of ``types`` that are open to the role of ``actor``, and that the scopes of the token leave out."""
        letter = LETTERS[interaction]
        return tuple(
            type_
            for type_ in types
            if letter in self._roles.letters(actor.role, type_)
            and not _is_outside(actor)
            and not _in_scope(actor, interaction, type_)
        )

    def together(self, grants: Iterable[Grant]) -> tuple[Grant, ...]:
        """Return one grant for each type, which covers no more than every one of ``grants`` on that type does."""
        wheres: dict[tuple[str, str], dict[Node, None]] = {}
        for grant in grants:
            wheres.setdefault((grant.actor, grant.type), {})[grant.where] = None
        return tuple(Grant(*key, next(iter(each)) if len(each) == 1 else And(tuple(each))) for key, each in wheres.items())

    def federated(self, actor: Actor, type_: str, patient: str, interaction: str = "search") -> FederationGrant:
        """Return whether sources may be asked for ``type_`` about ``patient`` ("Patient/id").

        Raises NotFound, NotAllowed and Forbidden as ``grant`` does: these depend on the type only, never on the patient.
        """
        entry = self._entry(interaction, type_)
        bound = _bound(actor, interaction, type_)
        if _is_outside(actor) or not self._roles.asks_sources(actor.role, type_):
            raise Forbidden(f"The role {actor.role} may not ask source systems for {type_}.")
        if is_emergency(actor):
            require_reading(interaction)
        closed = bound not in {"", patient}
        condition = Nothing() if closed else self._condition(actor, patient)
        categories = self._categories()
        own = (categories[type_], *(of.category_coding for _, of in entry.of_parts)) if type_ in categories else categories.values()
        return FederationGrant(actor.reference, type_, patient, actor.purpose, condition, tuple(dict.fromkeys(own)), categories)

    def require_scope(self, actor: Actor, interaction: str, type_: str) -> None:
        """Refuse ``interaction`` on what the server publishes about itself, for every role alike, where no scope names the type.

        Raises NotFound, NotAllowed and Forbidden as ``grant`` does.
        """
        self._entry(interaction, type_)
        _bound(actor, interaction, type_)

    def locating(self, type_: str) -> Grant:
        """Return the hub's own view of ``type_``: which patient an id means, which sources may be asked, what follows from a write.

        Nothing that is read under it goes into an answer, and no source is asked before ``federated`` has decided.
        """
        return Grant("hub", type_, Everything())

    @property
    def bsn(self) -> BsnRules:
        """Which citizen service numbers an actor sees in what the grants let through."""
        return self._roles.bsn

    def record(self, actor: Actor, interaction: str, represented: Iterable[str] = ()) -> Grant:
        """Return which lines of the record ``actor`` may read, as a grant on AuditEvent.

        The client reads all that touched the own dossier, a representative all that touched the dossiers of the ``represented``
        ("Patient/id"), an inspector all of it, everybody else what they did themselves. Raises as ``grant`` does; the roles that
        see no patient data have no letter for AuditEvent.
        """
        entry = self._entry(interaction, RECORD)
        bound = _bound(actor, interaction, entry.name)
        if LETTERS[interaction] not in self._roles.letters(actor.role, entry.name):
            raise Forbidden(f"The role {actor.role} may not read the record.")
        if is_emergency(actor):
            require_reading("record")
        every = self.inspects(actor)
        return Grant(actor.reference, entry.name, _all_lines(bound) if every else _lines(actor, bound, tuple(represented)))

    def inspects(self, actor: Actor) -> bool:
        """Tell whether ``actor`` reads the record of everybody."""
        return actor.role == "system" or actor.role in self._roles.inspectors

    def figures(self, actor: Actor) -> Grant:
        """Return the whole record, for counting only; raises Forbidden for all but those who run the hub."""
        if actor.role not in {"system", "operator"} or actor.patient:
            raise Forbidden(f"The role {actor.role} may not read the figures of the record.")
        return Grant(actor.reference, RECORD, Everything())

    @property
    def representatives(self) -> frozenset[str]:
        """The relationships ("system|code") by which a RelatedPerson represents the client."""
        return self._roles.representatives

    def require_overseer(self, actor: Actor, patient: str, represented: Collection[str]) -> None:
        """Refuse who may not be told who sees what of ``patient`` ("Patient/id").

        The client may, whoever represents the client (``represented``: the clients whom the actor does), and who runs the server.
        Raises Forbidden as ``grant`` does for scopes.
        """
        bound = _bound(actor, "search", CONSENT)
        if bound not in {"", patient} or not (
            actor.role in {"system", "operator"} or patient in represented or (actor.role == "patient" and patient in actor.people)
        ):
            raise Forbidden("Who sees what of this dossier is told to its client, and to who represents the client.")

    def operating(self, actor: Actor, operation: str) -> str:
        """Return the one patient ("Patient/id") about whom ``actor`` may call ``operation`` ("Type/$code"), "" for anybody.

        It changes resources of that type, and so a token must let it. Raises Forbidden as ``grant`` does; what the caller may
        change in which dossier says the operation's own rule.
        """
        bound = _bound(actor, "update", operation.partition("/")[0])
        if actor.role not in self._roles.operations.get(operation, ()):
            raise Forbidden(f"The role {actor.role} may not call {operation}.")
        if is_emergency(actor):
            require_reading("update")
        return bound

    def readers(self, type_: str) -> frozenset[Role]:
        """Return the roles that may ever search the own store's resources of ``type_``."""
        return frozenset(role for role in ROLES if LETTERS["search"] in self._roles.letters(role, type_))

    def askers(self, type_: str) -> frozenset[Role]:
        """Return the roles in whose name sources may ever be asked for ``type_``."""
        return frozenset(role for role in ROLES if self._roles.asks_sources(role, type_))

    def posting(self, actor: Actor, dossier: str = "") -> Everything | Nothing | MemberOf:
        """Return under which condition ``actor`` may put a file aside for a message in ``dossier`` ("Patient/id", or a team's own).

        It is as for sources: MemberOf holds where the repository says so. Raises Forbidden when neither scope nor role covers a
        message, whatever the dossier.
        """
        types = [grant.type for grant in self.permitted(actor, "create", _MESSAGES)]
        if not types:
            self.grant(actor, "create", _MESSAGES[0])
        if not {_bound(actor, "create", type_) for type_ in types} & {"", dossier}:
            return Nothing()
        return Everything() if actor.role == "system" else MemberOf(_members(actor), self._now(), actor.left)

    def require_eraser(self, actor: Actor, patient: str) -> None:
        """Refuse who may not remove everything of ``patient`` ("Patient/id") for good: all but `system`. Raises Forbidden."""
        if _bound(actor, "delete", "Patient") not in {"", patient} or actor.role != "system":
            raise Forbidden("Only the system that runs the network erases a dossier.")

    def naming(self, type_: str) -> Grant:
        """Return the view on ``type_`` by which the reader of a line learns the name of who it tells of, and nothing else of them.

        Who read a dossier is told to its client whether or not they share a network (NEN 7513).
        """
        return Grant("record", type_, Everything())

    def obliged(self, type_: str, patient: str) -> Grant:
        """Return what the hub itself does with ``type_`` in the dossier of ``patient`` ("Patient/id") when a glass is broken."""
        return Grant("hub", type_, Dossier((patient,)))

    def _categories(self) -> Mapping[str, str]:
        """Return the category of every type that sources are asked for; what only comes along with these has none of its own."""
        types = self._catalogue.types
        return {name: types[name].category_coding for name in self._roles.sources if types[name].category}

    def _now(self) -> int:
        return self._clock() // _SECOND * _SECOND

    def _entry(self, interaction: str, type_: str) -> Entry:
        entry = self._catalogue.types.get(type_)
        if entry is None:
            raise NotFound("There is no such resource type here; /metadata lists those that are.", detail="unknown-type")
        if _CODES.get(interaction, interaction) not in entry.interactions:
            raise NotAllowed(f"{type_} has no interaction {interaction} here; /metadata lists those that it has.")
        return entry

    def _try(self, actor: Actor, interaction: str, type_: str) -> Grant | None:
        try:
            return self.grant(actor, interaction, type_)
        except (NotFound, NotAllowed, Forbidden):
            return None

    def _condition(self, actor: Actor, patient: str) -> Everything | Nothing | MemberOf:
        if is_emergency(actor):
            return Everything() if actor.role == "practitioner" and actor.patient == patient else Nothing()
        if actor.role == "system":
            return Everything()
        if actor.is_client:
            return Everything() if actor.reference == patient else Nothing()
        return MemberOf(_members(actor), self._now(), actor.left)

    def _where(self, actor: Actor, interaction: str, entry: Entry, bound: str) -> Node:
        if not entry.is_stored:
            return Nothing()
        if actor.role == "system":
            return self._system(entry, bound)
        node = _either(self._reach(actor, interaction, entry, bound), self._self(actor, entry))
        if entry.name == "Task" and interaction not in _WRITES:
            node = _either(node, invited(actor, bound))
        author = self._roles.author.get(entry.name)
        return And((node, _made_by(author, actor))) if author and interaction in _WRITES else node

    def _system(self, entry: Entry, bound: str) -> Node:
        if not bound or entry.name in self._roles.directory:
            return Everything()
        return Dossier((bound,)) if entry.patient else Nothing()

    def _reach(self, actor: Actor, interaction: str, entry: Entry, bound: str) -> Node:
        at = self._now()
        if entry.name in self._roles.directory:
            mates = TeamMate(_members(actor), at, actor.left)
            return And((mates, TeamMate((bound,), at))) if bound else mates
        if entry.name in self._roles.common and interaction not in _WRITES:
            return Everything()
        if entry.name in self._roles.personal:
            node = _made_by(self._roles.author[entry.name], actor)
        elif entry.patient:
            node = self._dossiers(actor, interaction, entry, at)
        elif entry.name in self._roles.private:  # it never names a dossier: it is its maker's alone
            return Dossier(tuple(map(private, actor.people)))
        else:
            return Nothing()
        node = And((node, Dossier((bound,)))) if bound else node
        if entry.name in self._roles.private and bound in {"", actor.reference}:
            return _either(node, Dossier(tuple(map(private, actor.people))))
        return node

    def _dossiers(self, actor: Actor, interaction: str, entry: Entry, at: int) -> Node:
        told = replace(entry, category=MESSAGE) if entry.name in self._roles.origin else entry
        mine = own(actor, told)
        if actor.is_client and interaction in _WRITES:
            # The client decides in the own dossier only: being in someone else's network gives no hand in their record.
            return mine
        node = self._network(actor, interaction, told, at)
        if entry.category:
            node = And((node, by_part(entry, lambda of: consented(actor, interaction, of, at))))
        if entry.name == "CareTeam":
            # A team can itself be a member of a network (a department that takes part), and is then seen like any other member.
            node = Or((node, TeamMate(_members(actor), at, actor.left)))
        return Or((node, mine)) if actor.is_client else node

    def _network(self, actor: Actor, interaction: str, entry: Entry, at: int) -> Node:
        if entry.name in self._roles.circle:
            return conversations(actor, at, writes=interaction in _WRITES)
        if entry.name in self._roles.assigned:
            return tasks(actor, at)
        if entry.name in self._roles.origin:
            return origins(actor, at, consented(actor, interaction, entry, at))
        return MemberOf(_members(actor), at, actor.left)

    def _self(self, actor: Actor, entry: Entry) -> Node:
        own = tuple(each.partition("/")[2] for each in actor.people if each.startswith(f"{entry.name}/"))
        return Id(own) if own else Nothing()


def _is_outside(actor: Actor) -> bool:
    """Tell whether a PGO comes by another way than a data service: there it reaches nothing."""
    return actor.role == "pgo" and not actor.service


def _all_lines(bound: str) -> Node:
    return Dossier((bound,)) if bound else Everything()


def _lines(actor: Actor, bound: str, represented: tuple[str, ...]) -> Node:
    node: Node = Dossier(actor.people) if actor.role == "patient" else _made_by("agent", actor)
    node = _either(node, Dossier(represented)) if represented else node
    return And((node, Dossier((bound,)))) if bound and node != Dossier((bound,)) else node


def _bound(actor: Actor, interaction: str, type_: str) -> str:
    """Return the one patient that the token gives access to, "" for no such limit; raises Forbidden outside the token's scopes."""
    if not _in_scope(actor, interaction, type_):
        raise _insufficient_scope(interaction, type_)
    return _patient(actor) if levels(actor.scopes, type_, interaction) == {"patient"} else actor.patient


def _patient(actor: Actor) -> str:
    return actor.patient or (actor.reference if actor.is_client else "")


def _in_scope(actor: Actor, interaction: str, type_: str) -> bool:
    found = levels(actor.scopes, type_, interaction)
    return bool(found) and (found != {"patient"} or bool(_patient(actor)))


def _insufficient_scope(interaction: str, type_: str) -> Forbidden:
    error = Forbidden(f"The token's scopes do not cover {interaction} of {type_}.", detail="insufficient_scope")
    error.headers = ((b"www-authenticate", b'Bearer error="insufficient_scope"'),)
    return error


def _members(actor: Actor) -> tuple[str, ...]:
    """Return what makes the actor a member: the person, and the teams of which the person is one."""
    return (*actor.people, *actor.teams)


def _made_by(parameter: str, actor: Actor) -> Node:
    return _either(*(ReferenceTo(parameter, person) for person in actor.people))


def _either(*nodes: Node) -> Node:
    parts = tuple(node for node in nodes if node != Nothing())
    return parts[0] if len(parts) == 1 else Or(parts) if parts else Nothing()
