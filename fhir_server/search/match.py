"""The tree carried out in memory, on the same index rows that storage keeps: one meaning for both."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.catalog.catalog import Entry
from fhir_server.search import position, tree, values
from fhir_server.search.extract import extract
from fhir_server.search.references import reference_key
from fhir_server.search.rows import EARLIEST, Indexed, IndexRow, TextRow, key, system_key


def matches(node: tree.Node, resource: Mapping[str, Any], entry: Entry, base: str = "") -> bool:
    """Tell whether ``resource`` of the type ``entry`` is among what ``node`` describes.

    Raises ValueError for MemberOf and TeamMate, which only the store can answer.
    """
    return _holds(node, _Subject(entry.name, resource, extract(resource, entry, base)))


def holds(node: tree.Node, resource: Mapping[str, Any], entry: Entry, indexed: Indexed) -> bool:
    """Tell the same of a ``resource`` that was ``indexed`` already."""
    return _holds(node, _Subject(entry.name, resource, indexed))


@dataclass(frozen=True, slots=True)
class _Subject:
    type: str
    resource: Mapping[str, Any]
    indexed: Indexed

    def rows(self, *parts: str) -> Iterable[IndexRow]:
        wanted = key(self.type, *parts)
        return (row for row in self.indexed.rows if row.key == wanted)

    def texts(self, param: str) -> Iterable[TextRow]:
        wanted = key(self.type, param)
        return (row for row in self.indexed.texts if row.key == wanted)


def _holds(node: tree.Node, subject: _Subject) -> bool:  # noqa: C901, PLR0912 - one line for each kind of node
    match node:
        case tree.And(parts):
            return all(_holds(part, subject) for part in parts)
        case tree.Or(parts):
            return any(_holds(part, subject) for part in parts)
        case tree.Not(part):
            return not _holds(part, subject)
        case tree.Missing(_, place):
            return any(not row.high >> place & 1 for row in subject.rows())
        case tree.Everything():
            return True
        case tree.Nothing():
            return False
        case tree.Token(param, code, system):
            return any(system is None or row.high == system_key(system) for row in subject.rows(param, code))
        case tree.ReferenceTo(param, value):
            wanted = reference_key(subject.type, param, value)
            return any(row.key == wanted for row in subject.indexed.rows)
        case tree.Uri(param, value):
            return any(True for _ in subject.rows(param, value))
        case tree.TokenIn(param, codes, system):
            return any(_holds(tree.Token(param, code, system), subject) for code in codes)
        case tree.Date(param, prefix, low, high) | tree.Number(param, prefix, low, high):
            return any(compares(prefix, low, high, row.sort, row.high) for row in subject.rows(param))
        case tree.Near():
            return any(position.holds(node, row.sort, row.high) for row in subject.rows(node.param))
        case tree.Text():
            return any(_reads(node, row) for row in subject.texts(node.param))
        case tree.Id(ids):
            return subject.resource.get("id") in ids
        case tree.LastUpdated(prefix, low, high):
            return compares(prefix, low, high, *_updated(subject.resource))
        case tree.Dossier(patients):
            return subject.indexed.dossier in patients
        case _:
            raise ValueError(f"{type(node).__name__} can only be answered by the store")


def compares(prefix: tree.Prefix, low: int, high: int, start: int, end: int) -> bool:
    """Tell whether the range ``[start, end)`` of a resource compares with ``[low, high)`` of a query as ``prefix`` says.

    https://hl7.org/fhir/R4/search.html#prefix
    """
    match prefix:
        case "eq":
            return low <= start and end <= high
        case "ne":
            return not (low <= start and end <= high)
        case "gt":
            return end > high
        case "ge":
            return end > high or start >= low
        case "lt":
            return start < low
        case "le":
            return start < low or end <= high
        case "sa":
            return start >= high
        case "eb":
            return end <= low
        case "ap":
            return start < high and end > low


def _reads(node: tree.Text, row: TextRow) -> bool:
    match node.mode:
        case "starts":
            return row.normal.startswith(node.value)
        case "exact":
            return row.exact == node.value
        case "contains":
            return node.value in row.normal


def _updated(resource: Mapping[str, Any]) -> values.Range:
    text = resource.get("meta", {}).get("lastUpdated")
    return values.span(text) if text else values.Range(EARLIEST, EARLIEST)
