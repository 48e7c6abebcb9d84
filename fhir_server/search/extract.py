"""From a resource to its index rows, by a function per type that is generated from the paths of its search parameters.

Generated source runs 30 times faster than FHIRPath: one walk serves all parameters that share the way. What is compiled comes from
the catalogue only, whose grammar (``catalog/expression``) lets nothing but names and quoted literals through.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any

from fhir_server.catalog.catalog import Entry
from fhir_server.catalog.definitions import OWN, SearchParameter, narrowing
from fhir_server.catalog.expression import Path, Step
from fhir_server.model import references
from fhir_server.search import leaves, position, quantity, sort_texts, values
from fhir_server.search.authorship import authorship
from fhir_server.search.composite import composite
from fhir_server.search.links import uncovered
from fhir_server.search.parts import Part, Parts
from fhir_server.search.rows import EARLIEST, PRESENT, Indexed, IndexRow, TextRow, key
from fhir_server.search.tally import tallied
from fhir_server.search.walk import walk

Json = Any
Accessor = Callable[[Mapping[str, Json], int, list[IndexRow], list[TextRow], str], int]

_TOKEN = {
    "Coding": "coding",
    "CodeableConcept": "concept",
    "ContactPoint": "identifier",
    "Identifier": "identifier",
    "Patient.deceased": "deceased",
    "boolean": "boolean",
}
_MORE = {
    "Coding": "; coding_text(texts, {prefix}, {at})",
    "CodeableConcept": "; concept_text(texts, {prefix}, {at})",
    "Identifier": "; identifier_type(rows, texts, {prefix}, {at}, sort)",
}
_STRING = {"HumanName": "human_name", "Address": "address"}
_DATE = {"Period": "period", "Timing": "timing"}


def extract(resource: Mapping[str, Json], entry: Entry, base: str = "", dossier: str = "", parts: Parts | None = None) -> Indexed:
    """Return the index rows of a valid ``resource`` of the type ``entry``.

    ``base`` is the server's FHIR base without a slash at the end; absolute references to it are indexed as relative ones.
    ``dossier`` is the dossier of a resource that names none itself (a reply belongs to that of its conversation). With ``parts``
    nothing is made out anew that another resource had in common with this one.
    """
    rows: list[IndexRow] = []
    texts: list[TextRow] = []
    accessors = _accessors(entry)
    present = accessors.main(resource, 0, rows, texts, base)
    sort = rows[0].sort if rows else _updated(resource)
    if parts is None or not accessors.apart:
        present |= accessors.rest(resource, sort, rows, texts, base)
        targets: Iterable[str] = references.targets(resource, base) if entry.is_stored else ()
    else:
        found = list(parts.of(resource, sort, partial(_part, accessors.rest, sort, base)))
        for part in found:
            rows += part.rows
            texts += part.texts
            present |= part.present
        targets = dict.fromkeys(target for part in found for target in part.targets)
    rows += uncovered(targets, entry, rows, sort)
    if entry.author or entry.authored:
        rows += authorship(resource, entry, base, sort)
    rows.append(IndexRow(accessors.all, sort, present))
    named, literal = _dossier(resource, entry, base)
    orders = tuple(dict.fromkeys(sort_texts.orders(texts, accessors.strings)))
    tallies = tallied(resource, entry, base, literal) if entry.tally else ()
    return Indexed(
        sort, named or dossier, tuple(dict.fromkeys(rows)), tuple(dict.fromkeys(row for row in texts if row.exact)), orders, tallies
    )


def _part(rest: Accessor, sort: int, base: str, resource: Mapping[str, Json]) -> Part:
    rows: list[IndexRow] = []
    texts: list[TextRow] = []
    present = rest(resource, sort, rows, texts, base)
    return Part(rows, texts, present, references.targets(resource, base))


def _updated(resource: Mapping[str, Json]) -> int:
    updated = resource.get("meta", {}).get("lastUpdated")
    return values.instant(updated) if updated else EARLIEST


def _dossier(resource: Mapping[str, Json], entry: Entry, base: str) -> tuple[str, str]:
    """Return the dossier that the resource names, and as it is written where that is a reference; "" for none."""
    for path in entry.dossier:
        for value in walk(resource, path):
            literal = value.get("reference", "")
            found = leaves.target(literal, base)
            if found.startswith("Patient/"):
                return found, literal
    return (f"{entry.name}/{resource['id']}" if entry.own_dossier and "id" in resource else ""), ""


@dataclass(frozen=True, slots=True)
class _Accessors:
    """``all`` is the key of the row that every resource has, ``main`` indexes the main date (it has one value at most).

    ``strings`` are the keys under which strings are sorted, by those under which they are found. ``apart``: no parameter looks at
    more than one element of the resource, so that each element can be indexed by itself.
    """

    all: int
    main: Accessor
    rest: Accessor
    strings: Mapping[int, int]
    apart: bool


@dataclass
class _Node:
    """The parameters whose values are here, the composites (by number) whose element this is, and the steps that lead on."""

    here: list[tuple[SearchParameter, Path]] = field(default_factory=list)
    elements: list[tuple[SearchParameter, int]] = field(default_factory=list)
    on: dict[Step, "_Node"] = field(default_factory=dict)

    def at(self, path: Path) -> "_Node":
        """Return the node at the end of ``path``."""
        node = self
        for step in path.steps:
            node = node.on.setdefault(step, _Node())
        return node


_made: dict[int, tuple[Entry, _Accessors]] = {}


def _accessors(entry: Entry) -> _Accessors:
    found = _made.get(id(entry))
    if found is None or found[0] is not entry:
        main = [found for code, found in entry.search.items() if code == entry.main_date]
        rest = [found for code, found in entry.search.items() if code != entry.main_date]
        rest += [replace(entry.search[code], type="sort") for code in entry.sort]
        strings = (one.index_code for one in entry.search.values() if one.type == "string")
        order = {key(entry.name, code): sort_texts.sort_key(entry.name, code) for code in strings}
        root = _tree(rest)
        apart = not (root.here or root.elements)
        made = _Accessors(key(entry.name), accessor(entry.name, main), accessor(entry.name, rest), order, apart)
        found = _made[id(entry)] = (entry, made)
    return found[1]


def accessor(resource_type: str, parameters: list[SearchParameter]) -> Accessor:
    """Compile the function ``(resource, sort, rows, texts, base)`` that appends the rows of ``parameters``.

    It returns which of them have a value in the resource, a bit each (``SearchParameter.place``).
    """
    space: dict[str, Any] = {name: getattr(leaves, name) for name in dir(leaves) if not name.startswith("_")}
    space |= {"number": quantity.number, "quantity": quantity.quantity, "composite": composite, "position": position.position}
    space["composites"] = {parameter.code: parameter.composites for parameter in parameters}
    space["sort_text"] = sort_texts.sort_text
    exec(source(resource_type, parameters), space)  # noqa: S102 - the text is made here from names that the grammar checked
    made: Accessor = space["accessor"]
    return made


def source(resource_type: str, parameters: list[SearchParameter]) -> str:
    """Write the source of an accessor."""
    lines = _lines(_tree(parameters), "resource", resource_type, 1, count())
    head = ["def accessor(resource, sort, rows, texts, base):", "    present = 0"]
    return "\n".join([*head, *lines, "    return present"])


def _tree(parameters: list[SearchParameter]) -> _Node:
    root = _Node()
    for parameter in parameters:
        for path in () if parameter.union else parameter.paths:
            root.at(path).here.append((parameter, path))
        for number, made in () if parameter.union else enumerate(parameter.composites):
            root.at(made.at).elements.append((parameter, number))
    return root


def _lines(node: _Node, at: str, resource_type: str, depth: int, names: Iterator[int]) -> Iterator[str]:
    indent = "    " * depth
    for parameter, path in node.here:
        narrow = narrowing(resource_type, parameter.index_code)
        wide = f"{resource_type}\x1f{narrow.wide}\x1f" if narrow else ""
        call = _call(parameter, path, at, f"{resource_type}\x1f{parameter.index_code}\x1f", wide)
        yield f"{indent}{call}; {_present(parameter, resource_type)}"
    for parameter, number in node.elements:
        prefix = f"{resource_type}\x1f{parameter.code}\x1f"
        call = f"composite(rows, texts, {prefix!r}, {at}, sort, base, composites[{parameter.code!r}][{number}])"
        yield f"{indent}if {call}: present |= {1 << parameter.place}"
    for step, following in node.on.items():
        name = f"v{next(names)}"
        if step.many:
            yield f"{indent}for {name} in {at}.get({step.name!r}, ()):"
        else:
            yield f"{indent}{name} = {at}.get({step.name!r})"
        condition = f"{name}.get({step.only[0]!r}) == {step.only[1]!r}" if step.only else f"{name} is not None"
        yield f"{indent}    if {condition}:" if step.many else f"{indent}if {condition}:"
        yield from _lines(following, name, resource_type, depth + (2 if step.many else 1), names)


def _present(parameter: SearchParameter, resource_type: str) -> str:
    """Write what keeps that there is a value: a bit of the row that every resource has, or of one without a place a row of its own.

    With a row, a new parameter changes no row that is stored already.
    """
    if parameter.place != OWN:
        return f"present |= {1 << parameter.place}"
    prefix = f"{resource_type}\x1f{parameter.index_code}:{PRESENT}\x1f"
    return f"boolean(rows, {prefix!r}, True, sort)"


def _call(parameter: SearchParameter, path: Path, at: str, prefix: str, wide: str) -> str:
    """Write the call that indexes the value in ``at``; ``wide`` is the prefix of the parameter that this one narrows, or ""."""
    match parameter.type:
        case "token":
            more = _MORE.get(path.type, "").format(prefix=repr(prefix), at=at)
            return f"{_TOKEN.get(path.type, 'code')}(rows, {prefix!r}, {at}, sort){more}"
        case "reference":
            guard = f"if points_to({at}, {path.target!r}): " if path.target else ""
            if path.type == "canonical":
                return f"canonical(rows, {prefix!r}, {at}, sort, base); uri_below(texts, {prefix!r}, {at})"
            kind = "narrowed" if wide else "reference"
            return f"{guard}{kind}(rows, {prefix!r}, {f'{wide!r}, ' if wide else ''}{at}, sort, base)"
        case "date":
            return f"{_DATE.get(path.type, 'date')}(rows, {prefix!r}, {at})"
        case "sort":
            guard = f"if points_to({at}, {path.target!r}): " if path.target else ""
            return f"{guard}sort_text(texts, {prefix!r}, {at}, base)"
        case "string":
            return f"{_STRING.get(path.type, 'string')}(texts, {prefix!r}, {at})"
        case "number" | "quantity":
            return f"{parameter.type}(rows, {prefix!r}, {at})"
        case "special":
            return f"position(rows, {prefix!r}, {at})"
        case _:
            below = "profile_below" if parameter.code == "_profile" else "uri_below"
            kind = "uri_of_version" if path.type == "canonical" else "uri"
            return f"{kind}(rows, {prefix!r}, {at}, sort); {below}(texts, {prefix!r}, {at})"
