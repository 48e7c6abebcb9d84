"""The parameters that shape the answer of a search: ``_sort``, ``_count``, ``_include``, ``_total`` and their kin."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar, get_args

from fhir_server.catalog.catalog import LAST_UPDATED, Catalog, Entry
from fhir_server.errors import BadRequest
from fhir_server.search import include_values
from fhir_server.search.search import Include, Summary, Total
from fhir_server.search.tree import Sort

COUNT = 20
_Choice = TypeVar("_Choice", Total, Summary)
RESULTS = frozenset(
    {"_count", "_elements", "_format", "_include", "_page", "_pretty", "_revinclude", "_sort", "_summary", "_total", "_score"}
)
_REPEATED = frozenset({"_include", "_revinclude"})
_ELEMENT = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")
_DIGITS = re.compile(r"[0-9]{1,9}")


@dataclass
class Results:
    """What the result parameters say so far; ``limit`` is the largest ``_count``, a larger one becomes it."""

    entry: Entry
    limit: int
    catalog: Catalog | None = None
    count: int = COUNT
    sort: Sort = field(default_factory=Sort)
    includes: list[Include] = field(default_factory=list)
    reverse: list[Include] = field(default_factory=list)
    total: Total = ""
    summary: Summary = ""
    elements: tuple[str, ...] = ()
    count_only: bool = False
    page: str = ""
    seen: set[str] = field(default_factory=set)

    def read(self, code: str, modifier: str, value: str) -> None:
        """Take in one parameter. Raises BadRequest."""
        if code not in _REPEATED and code in self.seen:
            raise BadRequest(f"'{code}' is given twice; give it once.", detail="search-value")
        self.seen.add(code)
        if modifier and code not in _REPEATED:
            raise BadRequest(f"'{code}' takes no modifier here.", detail="search-modifier")
        match code:
            case "_count":
                self._count(value)
            case "_sort":
                self._sort(value)
            case "_include":
                self.includes.append(include_values.forward(self.entry, self.catalog, modifier, value))
            case "_revinclude":
                self.reverse.append(include_values.backward(self.entry, self.catalog, modifier, value))
            case "_score":
                raise BadRequest(f"'{code}' is not supported by this server.", detail="search-not-supported")
            case "_elements":
                self._elements(value)
            case _:
                self._choice(code, value)

    def _choice(self, code: str, value: str) -> None:
        if code == "_total":
            self.total = _one_of(code, value, {one: one for one in get_args(Total) if one})
        elif code == "_summary":
            self.summary = _one_of(code, value, {one: one for one in get_args(Summary) if one})
            self.count_only = self.count_only or value == "count"
        elif code == "_page":
            self.page = value

    def _count(self, value: str) -> None:
        if _DIGITS.fullmatch(value) is None:
            raise BadRequest("'_count' is not a whole number from 0 up.", detail="search-value")
        self.count = min(int(value), self.limit)
        self.count_only = self.count_only or self.count == 0

    def _sort(self, value: str) -> None:
        descending, code = value.startswith("-"), value.removeprefix("-")
        dates = [code for code, parameter in self.entry.search.items() if parameter.type == "date"]
        if code == LAST_UPDATED:
            self.sort = Sort("_lastUpdated", descending)
        elif code == self.entry.main_date:
            self.sort = Sort("main", descending)
        elif code in dates:
            self.sort = Sort("date", descending, self.entry.search[code].index_code)
        else:
            possible = ", ".join(dict.fromkeys((self.entry.main_date, LAST_UPDATED, *dates)))
            text = f"{self.entry.name} can be sorted by one of: {possible} (with '-' in front: descending)."
            raise BadRequest(text, detail="search-sort")

    def _elements(self, value: str) -> None:
        names = tuple(dict.fromkeys(value.split(",")))
        if not all(_ELEMENT.fullmatch(name) for name in names):
            raise BadRequest("'_elements' is a list of element names between commas.", detail="search-value")
        self.elements = names


def _one_of(code: str, value: str, known: Mapping[str, _Choice]) -> _Choice:
    if value not in known:
        raise BadRequest(f"'{code}' can be {', '.join(known)}.", detail="search-value")
    return known[value]
