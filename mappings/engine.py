"""Executes mapping rows: an element of the source becomes FHIR resources, and every row that wrote something is named.

Resources are plain dicts; decimals stay ``Decimal``. The result depends on the source alone: same bytes, same ids.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mappings.functions import Call, Unmappable
from mappings.paths import select
from mappings.rows import Row, Table
from mappings.targets import has, in_order, place, required_names
from mappings.tree import Node

Resource = dict[str, object]
ID_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Use:
    """A row that wrote something: its id, the path that it read, the FHIR element that it wrote."""

    row: str
    source: str
    target: str


@dataclass(slots=True)
class Result:
    """What came of it: the resources in the order in which they were completed, the rows that wrote them, and remarks.

    A remark names a row or a resource type and what was left out; it holds nothing of the patient. ``given`` holds elements that
    are known beforehand of resources that others refer to, by type and name (the subject, say).
    """

    resources: dict[str, Resource] = field(default_factory=dict)
    used: list[Use] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    given: Mapping[str, Mapping[str, object]] = field(default_factory=dict)

    def add(self, resource: Resource) -> Resource:
        """Add a resource; one with the same type and id is the same thing and only gets the elements that it lacks."""
        known = self.resources.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)
        for name, value in resource.items():
            known.setdefault(name, value)
        return known

    def take(self, part: "Result") -> None:
        """Take over what ``part`` holds."""
        for resource in part.resources.values():
            self.add(resource)
        self.used.extend(part.used)
        self.remarks.extend(part.remarks)


class Incomplete(ValueError):
    """A resource lacks an element that FHIR requires, so it cannot be made; the text names type and element."""


class Engine:
    """Executes the ``tables`` of one source format; ``display`` gives the text with which a reference to a resource is shown."""

    def __init__(self, tables: Mapping[str, Table], display: Callable[[Resource], str]) -> None:
        """Keep the tables."""
        self._tables = tables
        self._display = display

    def make(
        self,
        table: str,
        context: Node,
        given: Mapping[str, object] | None = None,
        below: Mapping[str, Mapping[str, object]] | None = None,
    ) -> tuple[Resource, Result]:
        """Make the resource of ``table``, and the resources that it refers to, from ``context``; Incomplete when that cannot be.

        ``given`` holds elements that are known beforehand, by name (the subject, say); ``below`` the same of the resources that
        it refers to, by their type.
        """
        result = Result(given=below or {})
        return self._resource(self._tables[table], context, result, given or {}), result

    def _resource(self, table: Table, context: Node, result: Result, given: Mapping[str, object]) -> Resource:
        resource: Resource = {"resourceType": table.name, **given}
        self._fill(table, context, resource, result)
        resource.setdefault("id", content_id(resource))
        return result.add(in_order(resource))

    def _fill(self, table: Table, context: Node, made: Resource, result: Result) -> None:
        for row in table.rows:
            for value in self._values(row, context, result):
                if place(made, row.steps, value):
                    result.used.append(Use(row.id, row.source, row.target))
        for name in required_names(table.name):
            if not has(made, name):
                raise Incomplete(f"{table.name} has no {name}")

    def _values(self, row: Row, context: Node, result: Result) -> list[object]:
        nodes = select(row.paths, row.clauses, context)
        if not nodes:
            return []
        if row.literal:
            return [row.literal]
        if row.mapping:
            return [value for node in nodes for value in self._mapped(row, node, result)]
        assert row.function is not None
        groups = [nodes] if row.function.whole else [[node] for node in nodes]
        values: list[object] = []
        for group in groups:
            call = Call(row.table, context)
            value: object = None
            try:
                value = row.function.apply(group, call)
            except Unmappable as error:
                call.remarks.append(str(error))
            result.remarks.extend(f"{row.id}: {remark}" for remark in call.remarks)
            if value is not None and value not in ("", [], {}):
                values.append(value)
        return values

    def _mapped(self, row: Row, node: Node, result: Result) -> list[Resource]:
        table = self._tables[row.mapping]
        try:
            if table.is_resource:
                return [self.reference(self._resource(table, node, result, result.given.get(table.name, {})))]
            element: Resource = {}
            self._fill(table, node, element, result)
        except Incomplete as error:
            result.remarks.append(f"{row.id}: {error}")
            return []
        return [element] if element else []

    def reference(self, resource: Resource) -> Resource:
        """Return a Reference to ``resource``, with type and display."""
        reference: Resource = {"reference": f"{resource['resourceType']}/{resource['id']}", "type": resource["resourceType"]}
        display = self._display(resource)
        return reference | {"display": display} if display else reference


def content_id(content: object) -> str:
    """Return an id that depends on ``content`` (JSON with Decimals) and on nothing else."""
    return hash_id(json.dumps(content, sort_keys=True, default=str, ensure_ascii=False))


def hash_id(text: str) -> str:
    """Return a FHIR id that depends on ``text`` alone: 32 hexadecimal characters of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]
