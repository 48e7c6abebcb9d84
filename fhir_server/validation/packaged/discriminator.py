"""What tells the slices of an element apart (https://hl7.org/fhir/R4/profiling.html#discriminator)."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from fhir_server.validation.packaged.bound import bound
from fhir_server.validation.packaged.codes import Known, all_of, any_of
from fhir_server.validation.packaged.item import Item
from fhir_server.validation.packaged.judge import Judge
from fhir_server.validation.packaged.path import Step, Unresolved, follow, parse
from fhir_server.validation.packaged.report import Look
from fhir_server.validation.packaged.rule import Test
from fhir_server.validation.packaged.values import equals, matches
from fhir_server.validation.snapshot import Node
from fhir_server.validation.snapshot.node import CHOICE

_DEEPEST: Final = 4


def tests_of(slice_: Node, discriminators: Iterable[Mapping[str, Any]], judge: Judge) -> Iterator[Test]:
    """Yield a test for each discriminator: together they say whether a value is in the slice. Raises UnknownPath, SnapshotError."""
    told = False
    for each in discriminators:
        told = True
        steps = parse(str(each.get("path", "$this")))
        target = _target(slice_, steps, judge)
        make = _KINDS.get(str(each.get("type")))
        yield _unknown if target is None or make is None else make(target, steps, judge)
    if not told:
        yield _unknown


def _unknown(_item: Item, _look: Look) -> Known:
    return None


def _target(node: Node, steps: tuple[Step, ...], judge: Judge) -> Node | None:
    """Return the element that ``steps`` lead to in the tree, None where the tree does not say."""
    for step in steps:
        if step.kind == "resolve":
            continue  # what is said of the target stands at the reference, as its targetProfile
        if step.kind == "ofType":
            node = node.slices.get(node.name.removesuffix(CHOICE) + step.argument[:1].upper() + step.argument[1:], node)
            continue
        children = judge.snapshots.children(node)
        if step.kind == "extension":
            found = next(
                (each for each in children["extension"].slices.values() if step.argument in _profiles(each, "profile")), None
            )
            found = found or children["extension"]
        else:
            found = children.get(step.argument) or children.get(step.argument + CHOICE)
        if found is None:
            return None
        node = found
    return node


def _profiles(node: Node, key: str) -> tuple[str, ...]:
    return tuple(str(url) for each in node.types for url in each.get(key, ()))


def _values(node: Node, steps: tuple[Step, ...], judge: Judge) -> Test:
    """Test that a value is what ``node`` fixes, or what its pattern or its value set has."""
    facts = list(_facts(node, judge, _DEEPEST))

    def test(item: Item, look: Look) -> Known:
        found = list(follow(item, steps, look))
        if not facts:
            return bool(found)
        return any_of(None if isinstance(each, Unresolved) else all_of(fact(each) for fact in facts) for each in found)

    return test


def _facts(node: Node, judge: Judge, depth: int) -> Iterator[Callable[[Item], Known]]:
    """Yield tests of a value at ``node``; without any of its own those of what is below it."""
    told = False
    for key, value in {**node.inherited, **node.own}.items():
        if key.startswith(("fixed", "pattern")):
            told = True
            yield _is(equals if key.startswith("fixed") else matches, value)
    binding = node.fact("binding") or {}
    if not told and binding.get("strength") == "required" and isinstance(binding.get("valueSet"), str):
        told = True
        member = judge.codes.membership(binding["valueSet"])
        yield lambda item: bound(item, member)
    if not told and depth and (node.children is not None or _profiles(node, "profile")):
        for name, child in judge.snapshots.children(node).items():
            for fact in _facts(child, judge, depth - 1) if _is_told(name, child) else ():
                yield _below(name, fact)


def _is_told(name: str, child: Node) -> bool:
    return name not in {"id", "extension"} and bool(child.own or child.inherited or child.children)


def _is(holds: Callable[[Any, Any], bool], wanted: Any) -> Callable[[Item], Known]:  # noqa: ANN401 - JSON
    return lambda item: holds(item.value, wanted)


def _below(name: str, fact: Callable[[Item], Known]) -> Callable[[Item], Known]:
    steps = (Step("name", name.removesuffix(CHOICE)),)

    def test(item: Item) -> Known:
        return any_of(fact(each) for each in follow(item, steps, Look({})) if isinstance(each, Item))

    return test


def _exists(node: Node, steps: tuple[Step, ...], _judge: Judge) -> Test:
    """Test that there is something where ``node`` demands it, and nothing where it forbids it."""

    def test(item: Item, look: Look) -> Known:
        found = any(True for _ in follow(item, steps, look))
        return not found if node.max == 0 else found or not node.min

    return test


def _typed(node: Node, steps: tuple[Step, ...], judge: Judge) -> Test:
    """Test that a value, or what a reference points to, has one of the types of ``node``."""
    resolves = bool(steps) and steps[-1].kind == "resolve"
    codes = {str(each.get("code")) for each in node.types}

    def test(item: Item, look: Look) -> Known:
        types = {judge.type_of(url) for url in _profiles(node, "targetProfile")} if resolves else codes
        return any_of(None if not each.type else each.type in types for each in follow(item, steps, look))

    return test


def _profiled(node: Node, steps: tuple[Step, ...], judge: Judge) -> Test:
    """Test that a value, or what a reference points to, conforms to one of the profiles of ``node``."""
    resolves = bool(steps) and steps[-1].kind == "resolve"
    urls = _profiles(node, "targetProfile" if resolves else "profile")

    def one(found: Item | Unresolved, look: Look) -> Known:
        if isinstance(found, Unresolved):
            possible = {judge.type_of(url) for url in urls}
            return None if not found.type or "" in possible or found.type in possible else False
        return any_of(judge.conforms(found, url, look) for url in urls)

    def test(item: Item, look: Look) -> Known:
        return any_of(one(each, look) for each in follow(item, steps, look)) if urls else None

    return test


_KINDS: Final[Mapping[str, Callable[[Node, tuple[Step, ...], Judge], Test]]] = {
    "value": _values,
    "pattern": _values,
    "exists": _exists,
    "type": _typed,
    "profile": _profiled,
}
