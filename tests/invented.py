"""Invented resources for tests of the store: changes with index rows, made from a few words."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fhir_server.search.rows import START, Indexed, IndexRow, OrderRow, TextRow, key, storable
from fhir_server.search.tree import Everything, Node
from fhir_server.storage.repository import AuditRow, Change, Grant, Membership, Repository

Run = Callable[[Callable[[Repository], Awaitable[Any]]], Any]
LINE = AuditRow(recorded=1, actor="Practitioner/p", role="practitioner", action="C", interaction="create", status=201)
PLACES = {"code": 0, "identifier": 1, "subject": 2, "url": 3, "main": 4, "size": 5, "requester": 6, "other": 61, "name": 62}
"""The numbers of the parameters, as ``Missing`` names them."""


@dataclass(frozen=True)
class Thing:
    """A resource; a token is (param, code, system), a date or number (param, low, high), a text (param, normal, exact)."""

    id: str
    type: str = "Task"
    sort: int = 0
    dossier: str = ""
    tokens: tuple[tuple[str, str, str], ...] = ()
    references: tuple[tuple[str, str], ...] = ()
    uris: tuple[tuple[str, str], ...] = ()
    dates: tuple[tuple[str, int, int], ...] = ()
    texts: tuple[tuple[str, str, str], ...] = ()
    updated: int = 1_000_000
    body: bytes = b'{"resourceType":"Task"}'

    @property
    def values(self) -> tuple[tuple[tuple[Any, ...], ...], ...]:
        return self.tokens, self.references, self.uris, self.dates, self.texts

    @property
    def indexed(self) -> Indexed:
        params = {one[0] for found in self.values for one in found}
        rows = [IndexRow(key(self.type), self.sort, sum(1 << PLACES[param] for param in params if param in PLACES))]
        tokens = ((key(self.type, param, code), key(system) if system else 0) for param, code, system in self.tokens)
        rows += [IndexRow(at, self.sort, system) for at, system in tokens]
        rows += [IndexRow(key(self.type, param, target), self.sort, 0) for param, target in self.references]
        rows += [IndexRow(key(self.type, param, value), self.sort, 0) for param, value in self.uris]
        rows += [IndexRow(key(self.type, param), low, high) for param, low, high in self.dates]
        texts = [TextRow(key(self.type, param), normal, exact) for param, normal, exact in self.texts]
        orders = [OrderRow(key(self.type, param, "sort"), storable(normal)[:START]) for param, normal, _ in self.texts]
        orders += [OrderRow(key(self.type, param, "sort"), storable(code)) for param, code, _ in self.tokens]
        return Indexed(self.sort, self.dossier, tuple(rows), tuple(texts), tuple(orders))


def created(thing: Thing, members: Sequence[Membership] = ()) -> Change:
    return Change(thing.type, thing.id, 0, thing.updated, thing.body, thing.indexed, None, members)


def updated(old: Thing, new: Thing, expected: int = 1, members: Sequence[Membership] = ()) -> Change:
    return Change(new.type, new.id, expected, new.updated, new.body, new.indexed, old.indexed, members)


def deleted(old: Thing, expected: int = 1, at: int = 2_000_000) -> Change:
    return Change(old.type, old.id, expected, at, b"", None, old.indexed)


def grant(type_: str = "Task", where: Node | None = None) -> Grant:
    return Grant("Practitioner/p", type_, where or Everything())


def open_grants(things: Iterable[Thing]) -> list[Grant]:
    return [grant(type_) for type_ in sorted({thing.type for thing in things})]


async def put(repository: Repository, *things: Thing) -> None:
    """Create all of them in one commit under open grants."""
    await repository.commit(open_grants(things), [created(thing) for thing in things], ())
