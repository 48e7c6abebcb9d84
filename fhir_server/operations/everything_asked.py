"""What is asked of ``Patient/{id}/$everything``: ``_type``, ``start``, ``end``, ``_since`` and ``_count``."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.catalog.catalog import LAST_UPDATED, Entry
from fhir_server.errors import BadRequest
from fhir_server.interactions.call import Call
from fhir_server.interactions.parameters import largest_page
from fhir_server.operations.asked_parameters import asked
from fhir_server.search.criteria import shown
from fhir_server.search.match import holds
from fhir_server.search.paging import Position
from fhir_server.search.parse import parse
from fhir_server.search.results import COUNT
from fhir_server.search.rows import Indexed
from fhir_server.search.several import named
from fhir_server.search.tree import Node, Or
from fhir_server.search.values import DateError, span
from profiles.operations import takes

NAMES: Final = takes("everything")
_DATES: Final = ("start", "end", "_since")
_BESIDE: Final = frozenset({"_format", "_pretty", "_page"})
_DIGITS: Final = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``types`` are those that ``_type`` names, () for all; ``count`` the resources of one page, ``parameters`` all as they came.

    ``start``, ``end`` (of the care that is told of) and ``since`` (of the last change) are dates or instants, "" without.
    """

    types: tuple[Entry, ...]
    count: int
    parameters: tuple[tuple[str, str], ...]
    start: str = ""
    end: str = ""
    since: str = ""

    def covers(self, type_: str) -> bool:
        """Tell whether resources of ``type_`` are wanted."""
        return not self.types or any(each.name == type_ for each in self.types)

    def criteria(self, entry: Entry) -> list[Node]:
        """Return what resources of a type have to be: what has no date of care is wanted whatever the period."""
        nodes = [_of(entry, LAST_UPDATED, f"ge{self.since}")] if self.since else []
        if entry.main_date != LAST_UPDATED:
            undated = _of(entry, f"{entry.main_date}:missing", "true")
            limits = (f"ge{self.start}" if self.start else "", f"le{self.end}" if self.end else "")
            nodes += [Or((_of(entry, entry.main_date, each), undated)) for each in limits if each]
        return nodes

    def holds(self, resource: Mapping[str, Any], entry: Entry, indexed: Indexed) -> bool:
        """Tell whether an ``indexed`` resource of a source is wanted: also one of which the source does not say when it changed."""
        dated = "lastUpdated" in resource.get("meta", {})
        wanted = self if dated else Wanted(self.types, self.count, self.parameters, self.start, self.end)
        return all(holds(node, resource, entry, indexed) for node in wanted.criteria(entry))


def wanted(call: Call) -> tuple[Wanted, Position | None]:
    """Read the parameters, of the request or of the page token in it, and where the page begins; raises BadRequest."""
    given = _given(call)
    tokens = [value for name, value in given if name == "_page"]
    if not tokens:
        return _read(call, tuple(each for each in given if each[0] in NAMES)), None
    position = call.services.pager.open_(tokens[-1], call.actor.view, place(call), call.now)
    return _read(call, position.parameters), position


def place(call: Call) -> str:
    """Return the path below the base."""
    return f"Patient/{call.id}/$everything"


def _given(call: Call) -> list[tuple[str, str]]:
    if call.body.strip():
        parts = asked(call)
        return [(name, str(value)) for name in NAMES for _, value in parts.all(name)]
    for name, _ in call.parameters:
        if name not in NAMES and not name.startswith("_"):
            text = f"'{shown(name)}' is no parameter of $everything: there are {', '.join(NAMES)}."
            raise BadRequest(text, detail="search-parameter-unknown")
    return [each for each in call.parameters if each[0] in NAMES or each[0] in _BESIDE]


def _read(call: Call, parameters: tuple[tuple[str, str], ...]) -> Wanted:
    single = {name: _once(name, [value for given, value in parameters if given == name]) for name in NAMES if name != "_type"}
    for name in _DATES:
        _require_date(name, single[name])
    together = ",".join(value for name, value in parameters if name == "_type")
    types = named([("_type", together)], call.services.catalog) if together else ()
    count = single["_count"] or str(COUNT)
    if not _DIGITS.fullmatch(count):
        raise BadRequest("'_count' is not a whole number from 1 up.", detail="search-value")
    return Wanted(types, min(int(count), largest_page(call)), parameters, single["start"], single["end"], single["_since"])


def _once(name: str, values: Sequence[str]) -> str:
    if len(values) > 1:
        raise BadRequest(f"'{name}' is given twice; give it once.", detail="search-value")
    return values[0] if values else ""


def _require_date(name: str, value: str) -> None:
    try:
        if value:
            span(value)
    except DateError as error:
        raise BadRequest(f"'{name}' is no date: {error}.", detail="search-value") from error


def _of(entry: Entry, name: str, value: str) -> Node:
    return parse(entry, [(name, value)]).query.where
