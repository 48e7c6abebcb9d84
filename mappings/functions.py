"""The named functions that mapping rows may call, and what they get.

A function is pure: it gets an element (or all elements that the row found) and gives the FHIR value, or None when there is nothing
to say. It raises ``Unmappable`` for a source that cannot be expressed; the row then writes nothing and a warning says why.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from mappings.tree import Node
from terminology.concept_maps import ConceptMap


class Unmappable(ValueError):
    """The source cannot be put into FHIR; the text says why and quotes nothing of it."""


@dataclass(slots=True)
class Call:
    """What a function gets beside its elements: the ConceptMap of the row, the context, and a place for remarks.

    A remark tells a reader that something was left as text or left out; like a warning it holds nothing of the patient.
    """

    table: ConceptMap | None
    context: Node
    remarks: list[str] = field(default_factory=list)

    @property
    def concept_map(self) -> ConceptMap:
        """The ConceptMap of the row, where the function needs one."""
        assert self.table is not None
        return self.table


@dataclass(frozen=True, slots=True)
class Function:
    """A function that rows may name; ``whole``: it gets all elements at once. ``needs_table``: the row must name a ConceptMap."""

    name: str
    whole: bool
    needs_table: bool
    apply: "OfAll"


OfOne = Callable[[Node, Call], object]
OfAll = Callable[[list[Node], Call], object]


class Functions:
    """The functions of one source format, by name."""

    def __init__(self, parts: Iterable["Functions"] = ()) -> None:
        """Start with the functions of ``parts``; ValueError when two have the same name."""
        self._by_name: dict[str, Function] = {}
        for part in parts:
            for function in part.by_name.values():
                self._add(function)

    @property
    def by_name(self) -> Mapping[str, Function]:
        """The functions by the name that rows call them by."""
        return self._by_name

    def each(self, name: str, *, needs_table: bool = False) -> Callable[[OfOne], OfOne]:
        """Register a function that is called once for every element that a row found."""

        def register(function: OfOne) -> OfOne:
            self._add(Function(name, False, needs_table, lambda nodes, call: function(nodes[0], call)))
            return function

        return register

    def whole(self, name: str) -> Callable[[OfAll], OfAll]:
        """Register a function that is called once with all elements that a row found."""

        def register(function: OfAll) -> OfAll:
            self._add(Function(name, True, False, function))
            return function

        return register

    def _add(self, function: Function) -> None:
        if function.name in self._by_name:
            raise ValueError(f"two mapping functions are called {function.name!r}")
        self._by_name[function.name] = function
