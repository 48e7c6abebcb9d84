"""Random rows and random trees, and what the trees say of the rows: a naive evaluation in memory."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st
from invented import PLACES, Thing

from fhir_server.search import tree
from fhir_server.search.numbers import ordered
from fhir_server.search.tree import Node, Sort
from fhir_server.search.values import normalise
from fhir_server.storage.repository import Membership

CODES, SYSTEMS, TARGETS = ("a", "b", "c"), ("", "s", "t"), ("Patient/1", "Patient/2", "Practitioner/3")
WORDS = (
    "",
    "jan",
    "Jan",
    "janssen",
    "JANSSEN",
    "j\u00e4n",
    "x%_\\y",
    "x" * 70,
    "x" * 70 + "y",
    "x" * 64,
    "\0nul",
    "\ud7ff",
    "\U0010ffff",
)
DOSSIERS, PEOPLE = ("", "Patient/1", "Patient/2"), ("Practitioner/3", "RelatedPerson/4")
ORGANISATIONS = ("Organization/5", "Organization/6")
NOW = 50

numbers = st.integers(0, 100)
spans = st.tuples(numbers, st.integers(1, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))
prefixes = st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap"])
sizes = numbers | st.sampled_from([float("-inf"), -1e300, -2.5, 0.5, 2.5, 7e22, float("inf")]).map(ordered)
ranges = st.tuples(sizes, sizes).map(lambda pair: (min(pair), max(pair) + 1))


BILLION = 10**9
points = st.sampled_from(
    [(BILLION, 0, 0), (-BILLION, 0, 0), (0, -BILLION, 0), (0, 0, BILLION), (6 * 10**8, 8 * 10**8, 0), (6 * 10**8, 0, 50)]
)


def few(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=3, unique=True).map(tuple)


@st.composite
def things(draw: st.DrawFn) -> list[Thing]:
    made = []
    for number in range(draw(st.integers(0, 8))):
        main = draw(st.none() | spans)
        words = draw(few(st.sampled_from(WORDS)))
        made.append(
            Thing(
                id=f"t{number}",
                sort=main[0] if main else draw(numbers),
                dossier=draw(st.sampled_from(DOSSIERS)),
                tokens=draw(
                    few(st.tuples(st.sampled_from(("code", "identifier")), st.sampled_from(CODES), st.sampled_from(SYSTEMS)))
                ),
                references=draw(few(st.tuples(st.just("subject"), st.sampled_from(TARGETS)))),
                uris=draw(few(st.tuples(st.just("url"), st.sampled_from(CODES)))),
                dates=(
                    *((("main", *main),) if main else ()),
                    *draw(few(spans.map(lambda span: ("other", *span)))),
                    *draw(few(ranges.map(lambda range_: ("size", *range_)))),
                    *draw(few(points.map(lambda point: ("place", point[2], (point[0] + BILLION) * 2**31 + point[1] + BILLION)))),
                ),
                texts=tuple(("name", normalise(word), word) for word in words),
                updated=draw(numbers) * 500,
            )
        )
    return made


def dates(draw_main: bool) -> st.SearchStrategy[Node]:  # noqa: FBT001
    param = "main" if draw_main else "other"
    return st.builds(lambda prefix, span: tree.Date(param, prefix, *span, main=draw_main, point=draw_main), prefixes, spans)


left = st.lists(st.sampled_from(ORGANISATIONS), max_size=2, unique=True).map(tuple)
leaves: st.SearchStrategy[Node] = st.one_of(
    st.just(tree.Everything()),
    st.just(tree.Nothing()),
    st.builds(tree.Token, st.sampled_from(("code", "identifier")), st.sampled_from(CODES), st.none() | st.sampled_from(SYSTEMS)),
    st.builds(tree.ReferenceTo, st.just("subject"), st.sampled_from(TARGETS)),
    st.builds(tree.Uri, st.just("url"), st.sampled_from(CODES)),
    dates(True),
    dates(False),
    st.builds(
        lambda point, most: tree.Near("place", *point, most), points, st.sampled_from([0, 1, 10**18, 2 * 10**18, 4 * 10**18])
    ),
    st.builds(lambda prefix, range_: tree.Number("size", prefix, *range_), prefixes, ranges),
    st.builds(
        lambda param, codes, more, system: tree.TokenIn(param, (*codes, *(f"no{number}" for number in range(more))), system),
        st.sampled_from(("code", "identifier")),
        few(st.sampled_from(CODES)).filter(bool),
        st.sampled_from((0, 10)),
        st.none() | st.sampled_from(SYSTEMS),
    ),
    st.builds(lambda word: tree.Text("name", normalise(word), "starts"), st.sampled_from(WORDS)),
    st.builds(lambda word: tree.Text("name", normalise(word)[1:], "contains"), st.sampled_from(WORDS)),
    st.builds(lambda word: tree.Text("name", word, "exact"), st.sampled_from(WORDS)),
    st.builds(tree.Id, few(st.sampled_from(("t0", "t1", "t7", "no")))),
    st.builds(lambda prefix, span: tree.LastUpdated(prefix, span[0] * 500, span[1] * 500), prefixes, spans),
    st.builds(lambda param: tree.Missing(param, PLACES[param]), st.sampled_from(sorted(PLACES))),
    st.builds(tree.Dossier, few(st.sampled_from(DOSSIERS[1:]))),
    st.builds(tree.MemberOf, few(st.sampled_from(PEOPLE)), st.just(NOW), left),
    st.builds(tree.TeamMate, few(st.sampled_from(PEOPLE)), st.just(NOW), left),
)
trees: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(tree.Not, inner)
        | st.lists(inner, max_size=4).map(tuple).flatmap(lambda parts: st.sampled_from([tree.And(parts), tree.Or(parts)]))
    ),
    max_leaves=6,
)
members = st.builds(tree.MemberOf, st.just(PEOPLE[:1]) | st.just(PEOPLE), st.just(NOW), left)
reached: st.SearchStrategy[Node] = st.one_of(
    members,
    st.tuples(members, trees).map(tree.And),
    st.tuples(members, st.builds(tree.Dossier, few(st.sampled_from(DOSSIERS[1:])))).map(tree.Or),
)
"""What the gate grants of dossiers: all in them, some, and the own one."""
memberships = st.lists(
    st.builds(
        lambda member, dossier, span, through: Membership(member, dossier, *span, through),
        st.sampled_from((*PEOPLE, "Task/t0", "Task/t1")),
        st.sampled_from(DOSSIERS[1:]),
        spans,
        st.sampled_from(("", *ORGANISATIONS)),
    ),
    max_size=4,
)


@dataclass
class Naive:
    """What the docstrings of the tree say, word for word."""

    things: list[Thing]
    members: list[Membership]

    def found(self, node: Node, where: Node, sort: Sort) -> list[str]:
        hits = [(number, thing) for number, thing in enumerate(self.things) if self.holds(node, thing) and self.holds(where, thing)]
        hits.sort(key=lambda hit: hit[0], reverse=sort.keys[-1].descending)
        things = [thing for _, thing in hits]
        for key in reversed(sort.keys):  # a sort is stable
            things = self.sorted(things, key)
        return [thing.id for thing in things]

    def sorted(self, things: list[Thing], key: Sort) -> list[Thing]:
        best = max if key.descending else min
        there = [thing for thing in things if self.values(thing, key)]
        there.sort(key=lambda thing: best(self.values(thing, key)), reverse=key.descending)
        return there + [thing for thing in things if not self.values(thing, key)]

    def values(self, thing: Thing, sort: Sort) -> list[Any]:
        match sort.by:
            case "date":
                return [start for param, start, _ in thing.dates if param == sort.param]
            case "string":
                return [normal.replace("\0", "\ufffd")[:64] for param, normal, _ in thing.texts if param == sort.param]
            case "token":
                return [code for param, code, _ in thing.tokens if param == sort.param]
            case _:
                return [{"main": thing.sort, "_lastUpdated": thing.updated, "_id": thing.id}[sort.by]]

    def holds(self, node: Node, thing: Thing) -> bool:  # noqa: C901, PLR0912 - one line per kind of node
        match node:
            case tree.Everything():
                return True
            case tree.Nothing():
                return False
            case tree.Token(param, code, system):
                return any((p, c) == (param, code) and system in {None, s} for p, c, s in thing.tokens)
            case tree.ReferenceTo(param, target):
                return (param, target) in thing.references
            case tree.Uri(param, value):
                return (param, value) in thing.uris
            case tree.TokenIn(param, codes, system):
                return any(p == param and c in codes and system in {None, s} for p, c, s in thing.tokens)
            case tree.Date(param, prefix, low, high) | tree.Number(param, prefix, low, high):
                return any(p == param and compares(prefix, (start, end), (low, high)) for p, start, end in thing.dates)
            case tree.Near(param, x, y, z, most):
                there = [(high // 2**31 - BILLION, high % 2**31 - BILLION, low) for p, low, high in thing.dates if p == param]
                return any(sum((a - b) ** 2 for a, b in zip(one, (x, y, z), strict=True)) <= most for one in there)
            case tree.Text(param, value, mode):
                return any(reads(mode, value, normal, exact) for _, normal, exact in thing.texts)
            case tree.Id(values):
                return thing.id in values
            case tree.LastUpdated(prefix, low, high):
                return compares(prefix, (thing.updated, thing.updated + 1000), (low, high))
            case tree.Dossier(patients):
                return thing.dossier in patients
            case tree.MemberOf():
                return thing.dossier in self.dossiers(node)
            case tree.TeamMate(_, at):
                mates = {one.member for one in self.members if one.dossier in self.dossiers(node) and one.start <= at < one.end}
                return f"Task/{thing.id}" in mates
            case tree.Missing(param, _):
                return not any(param in {one[0] for one in found} for found in thing.values)
            case tree.Chain() | tree.Has():
                raise AssertionError("links are replaced before the store is asked")
            case tree.Not(part):
                return not self.holds(part, thing)
            case tree.And(parts):
                return all(self.holds(part, thing) for part in parts)
            case tree.Or(parts):
                return any(self.holds(part, thing) for part in parts)

    def dossiers(self, node: tree.MemberOf | tree.TeamMate) -> set[str]:
        mine = [one for one in self.members if one.member in node.people and one.through not in node.left]
        return {one.dossier for one in mine if one.start <= node.at < one.end}


def reads(mode: str, value: str, normal: str, exact: str) -> bool:
    value, normal, exact = (text.replace("\0", "\ufffd") for text in (value, normal, exact))
    return {"starts": normal.startswith(value), "contains": value in normal, "exact": exact == value}[mode]


def compares(prefix: str, target: tuple[int, int], value: tuple[int, int]) -> bool:
    contained = value[0] <= target[0] and target[1] <= value[1]
    above, below = target[1] > value[1], target[0] < value[0]
    return {
        "eq": contained,
        "ne": not contained,
        "gt": above,
        "lt": below,
        "ge": above or contained,
        "le": below or contained,
        "sa": target[0] >= value[1],
        "eb": target[1] <= value[0],
        "ap": target[1] > value[0] and target[0] < value[1],
    }[prefix]


@dataclass
class Case:
    """What is stored, what then becomes of it by number, and what is asked: tree, grant, order, page size."""

    made: list[Thing]
    members: list[Membership]
    changed: dict[int, Thing]
    gone: set[int]
    queries: list[tuple[Node, Node, Sort, int]]


keys = st.one_of(
    st.builds(Sort, st.sampled_from(["main", "_lastUpdated", "_id"]), st.booleans()),
    st.builds(Sort, st.just("date"), st.booleans(), st.sampled_from(["main", "other"])),
    st.builds(Sort, st.just("string"), st.booleans(), st.just("name")),
    st.builds(Sort, st.just("token"), st.booleans(), st.sampled_from(["code", "identifier"])),
)
sorts = st.lists(keys, min_size=1, max_size=3).map(lambda several: replace(several[0], then=tuple(several[1:])))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    made, others = draw(things()), draw(things())
    queries = draw(
        st.lists(st.tuples(trees, trees | reached | st.just(tree.Everything()), sorts, st.integers(1, 4)), min_size=1, max_size=4)
    )
    changed = {number: replace(other, id=f"t{number}") for number, other in enumerate(others[: len(made)]) if draw(st.booleans())}
    gone = draw(st.sets(st.integers(0, len(made) - 1), max_size=2)) if made else set()
    return Case(made, draw(memberships), changed, gone, queries)
