"""Makes the tree of a profile: that of its base, changed by each element of its differential."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from fhir_server.validation.snapshot.differential import facts_of, steps_of
from fhir_server.validation.snapshot.node import CHOICE, CORE, Node, SnapshotError, merged
from profiles.definitions import Element, UnknownType, type_definition

_DEEPEST: Final = 40
_BY_TYPE: Final = {"discriminator": [{"type": "type", "path": "$this"}], "rules": "open", "ordered": False}
_BY_URL: Final = {"discriminator": [{"type": "value", "path": "url"}], "rules": "open", "ordered": False}
_EXTENSIONS: Final = ("extension", "modifierExtension")
_OWN_CHILDREN: Final = ("BackboneElement", "Element")

Definitions = Callable[[str], "Mapping[str, Any] | None"]
"""From canonical URL to StructureDefinition."""


class Snapshots:
    """Makes trees of the profiles that ``definitions`` finds, and keeps them. A tree is not changed any more once it is kept."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._made: dict[str, Node] = {}

    def of(self, url: str, _under: tuple[str, ...] = ()) -> Node:
        """Return the root of the tree of the profile, extension or type with this canonical URL. Raises SnapshotError."""
        found = self._made.get(url)
        if found is None:
            found = self._made[url] = self._make(url, _under)
        return found

    def _make(self, url: str, under: tuple[str, ...]) -> Node:
        core = url.partition("|")[0].removeprefix(CORE)
        definition = self._definitions(url)
        if definition is None:
            return _type_root(core, url)
        if definition.get("derivation") != "constraint":
            raise SnapshotError(f"{url} defines a type of its own; only profiles of the types of R4 can be used")
        if url in under or len(under) > _DEEPEST:
            raise SnapshotError(f"{url} derives from itself")
        base = definition.get("baseDefinition")
        if not isinstance(base, str):
            raise SnapshotError(f"{url} does not say what it is based on")
        inside = (*under, url)
        root = self.of(base, inside).copy()
        for element in _elements(definition):
            self._apply(root, element, url, inside)
        return root

    def _apply(self, root: Node, element: Mapping[str, Any], url: str, under: tuple[str, ...]) -> None:
        node = root
        for name, slice_ in steps_of(element, url):
            node = self._child(node, name, url, under)
            if node.is_choice and name not in {node.name, node.name.removesuffix(CHOICE)}:
                node = _narrowed(node, name, slice_)
            for part in _parts(slice_):
                node = _sliced(node, part)
        node.own = merged(node.own, facts_of(element))
        if element.get("contentReference"):
            node.content = str(element["contentReference"]).partition("#")[2]

    def _child(self, node: Node, name: str, url: str, under: tuple[str, ...]) -> Node:
        children = self.children(node, under)
        found = children.get(name) or children.get(name + CHOICE)
        if found is None:
            found = next((each for each in children.values() if each.is_choice and _chosen(each, name)), None)
        if found is None:
            raise SnapshotError(f"{url} speaks of {node.name}.{name}, which is not there")
        return found

    def children(self, node: Node, under: tuple[str, ...] = ()) -> dict[str, Node]:
        """Return the children of ``node`` by name: from the profile of its type where it has one, else from R4 itself."""
        if node.children is None:
            node.children = dict(self._unfolded(node, under))
        return node.children

    def _unfolded(self, node: Node, under: tuple[str, ...]) -> Iterator[tuple[str, Node]]:
        profiles = [str(url) for each in node.types for url in each.get("profile", ())]
        if len(node.types) == len(profiles) == 1 and node.base is not None and self._definitions(profiles[0]) is not None:
            root = self.of(profiles[0], under)
            return ((name, each.inheriting()) for name, each in self.children(root, under).items())
        return ((each.name, _plain(type_name, each)) for type_name, each in _of_type(node))


def _elements(definition: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = definition.get("differential", definition.get("snapshot", {})).get("element", [])
    return [each for each in found if isinstance(each, dict)]


def _type_root(name: str, url: str) -> Node:
    try:
        type_definition(name)
    except UnknownType:
        raise SnapshotError(f"{url} is not known here; add the package that holds it") from None
    return Node(name, name, name)


def _plain(type_name: str, element: Element) -> Node:
    node = Node(element.name, type_name, element.content or element.path, element)
    if element.name in _EXTENSIONS:
        node.inherited["slicing"] = dict(_BY_URL)
    return node


def _of_type(node: Node) -> Iterator[tuple[str, Element]]:
    """Yield the elements below ``node`` in R4 itself, each with the type whose definition it is in."""
    inside = type_definition(node.type_name).elements.get(node.content)
    codes = [str(each.get("code")) for each in node.types]
    if inside is not None and (node.base is None or not codes or codes[0] in _OWN_CHILDREN):
        type_name = node.type_name
    else:
        type_name = codes[0] if len(codes) == 1 and "/" not in codes[0] else "Element"
        inside = type_definition(type_name).elements.get(type_name, ())
    return ((type_name, each) for each in inside or ())


def _chosen(choice: Node, name: str) -> bool:
    types = choice.own.get("narrowed", choice.types)
    return name.startswith(choice.name.removesuffix(CHOICE)) and bool(_types_of(types, choice, name))


def _parts(slice_: str) -> Iterator[str]:
    """Yield the slices that lead to ``slice_``: of ``a/b``, the slice b of the slice a."""
    names = slice_.split("/") if slice_ else []
    return ("/".join(names[: index + 1]) for index in range(len(names)))


def _narrowed(choice: Node, name: str, slice_: str) -> Node:
    """Return the slice for the one type that ``name`` names: where there are no slices yet, only types named so are left."""
    if not choice.slices and choice.fact("slicing") is None:
        choice.own["narrowed"], choice.own["type"] = choice.types, _types_of(choice.types, choice, name)
    elif "narrowed" in choice.own:
        more = _types_of(choice.own["narrowed"], choice, name)
        choice.own["type"] = [each for each in choice.own["narrowed"] if each in choice.own["type"] or each in more]
    return choice if slice_ == name else _sliced(choice, name)


def _types_of(types: Sequence[Mapping[str, Any]], choice: Node, name: str) -> list[Mapping[str, Any]]:
    stem = len(choice.name.removesuffix(CHOICE))
    return [each for each in types if str(each.get("code")).lower() == name[stem:].lower()]


def _sliced(node: Node, name: str) -> Node:
    found = node.slices.get(name)
    if found is None:
        found = node.slices[name] = _slice(node, name)
    return found


def _slice(node: Node, name: str) -> Node:
    result = node.inheriting()
    result.slice, result.slices = name, {}
    result.inherited.pop("slicing", None)
    result.inherited["min"] = 0
    if node.is_choice and _chosen(node, name):
        result.own["type"] = _types_of(node.types, node, name)
        if node.fact("slicing") is None:
            node.own["slicing"] = dict(_BY_TYPE)
    return result
