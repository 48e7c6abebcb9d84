"""``_summary`` and ``_elements``: which part of each resource an answer shows (https://hl7.org/fhir/R4/search.html#summary)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fhir_server.errors import BadRequest, Issue
from fhir_server.model.shape import shape_of
from fhir_server.model.subset import WHOLE, Data, Names, Summary, Text, Wish, base_name, subset
from fhir_server.search.search import Summary as SummaryChoice
from profiles.definitions import resource_types

DEEPEST: Final = 16
"""Names in one path of ``_elements``."""
MOST: Final = 200
"""Paths in ``_elements``."""
Path = tuple[str, ...]
_FEW = 3
_WHOLE_ONLY: Final = ("payload",)
"""Shown whole or not at all: for whom a payload of a message is, stands in it."""
_EXAMPLES: Final = "status or name.family"
_WISHES: Final[Mapping[str, Wish]] = {"true": Summary(), "text": Text(), "data": Data()}


@dataclass(frozen=True, slots=True)
class Subset:
    """What an answer shows: of every resource (``summary``), of the matches by their type, of whatever else by its type.

    ``ignored`` tells of the elements that were asked for and do not exist.
    """

    summary: Wish = WHOLE
    matches: Mapping[str, Wish] = field(default_factory=dict)
    others: Mapping[str, Wish] = field(default_factory=dict)
    ignored: tuple[Issue, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether everything is shown of everything."""
        return self.summary is WHOLE and not self.matches and not self.others

    def of(self, body: bytes, type_: str, *, match: bool = True) -> bytes:
        """Return what is shown of the resource ``body``, which was searched for (``match``) or came along."""
        if self.summary is not WHOLE:
            return subset(body, self.summary)
        return subset(body, (self.matches if match else self.others).get(type_, WHOLE))


def subset_of(types: Collection[str], summary: SummaryChoice, elements: Sequence[str], *, strict: bool = True) -> Subset:
    """Return the subset for an answer whose matches are of ``types``.

    A name in ``elements`` is meant for the matches, one with a type in front ("Patient.name") for every resource of that type.
    ``strict``: an element that the type does not have is refused. Raises BadRequest.
    """
    if summary and elements:
        raise BadRequest("'_summary' and '_elements' are not given together; choose one.", detail="search-value")
    if not elements:
        return Subset(_WISHES.get(summary, WHOLE))
    if len(elements) > MOST:
        raise BadRequest(f"'_elements' has {len(elements)} names; at most {MOST} are taken.", detail="search-value")
    general, named, unknown = _sorted_out(types, elements)
    if unknown and strict:
        raise BadRequest(unknown[0].text, detail="search-value")
    matches = {type_: _tree([*(each for each in general if has(type_, each)), *named.get(type_, ())]) for type_ in types}
    return Subset(
        matches=matches if general else {type_: matches[type_] for type_ in named if type_ in matches},
        others={type_: _tree(paths) for type_, paths in named.items()},
        ignored=unknown,
    )


def _sorted_out(types: Collection[str], elements: Sequence[str]) -> tuple[list[Path], dict[str, list[Path]], tuple[Issue, ...]]:
    """Return the paths meant for the matches, those with a type in front by that type, and what there is to say of the others."""
    general: list[Path] = []
    named: dict[str, list[Path]] = {}
    unknown: list[Issue] = []
    for number, name in enumerate(elements, 1):
        first, *rest = name.split(".")
        typed = bool(rest) and first in resource_types()
        path = tuple(rest) if typed else (first, *rest)
        path = path[:1] if path[:1] == _WHOLE_ONLY else path
        if not any(has(type_, path) for type_ in ([first] if typed else types)):
            unknown.append(_unknown(first if typed else "/".join(types) if len(types) <= _FEW else "No type", number))
        elif typed:
            named.setdefault(first, []).append(path)
        else:
            general.append(path)
    return general, named, tuple(unknown)


def _unknown(where: str, number: int) -> Issue:
    # The name itself is not repeated: what is no element may be anything, a person's name too.
    text = f"'_elements': {where} has no element as the one given as number {number}. Give names of elements, such as {_EXAMPLES}."
    return Issue("invalid", text, severity="warning", detail="search-value")


def has(type_: str, path: Path) -> bool:
    """Tell whether ``type_`` has the element ``path``; of a choice the name alone and the one with a type both count."""
    if len(path) > DEEPEST:
        return False
    if path == ("resourceType",):
        return True  # JSON alone has it; clients ask for what they show anyway
    places = {(type_, type_)}
    for depth, name in enumerate(path):
        children = (child for place in places for child in shape_of(*place).members.values())
        found = [child for child in children if name in {child.name, base_name(child)}]
        if not found:
            return False
        if depth + 1 < len(path):
            places = {(child.owner, child.content) for child in found if child.kind == "complex"}
    return True


def _tree(paths: Sequence[Path]) -> Wish:
    """Return one wish for all ``paths``: an element that is named itself is wanted whole, whatever is named of its children."""
    whole = {path[0] for path in paths if len(path) == 1}
    deeper: dict[str, list[Path]] = {}
    for first, *rest in paths:
        if first not in whole:
            deeper.setdefault(first, []).append(tuple(rest))
    return Names({**dict.fromkeys(whole, WHOLE), **{name: _tree(below) for name, below in deeper.items()}})
