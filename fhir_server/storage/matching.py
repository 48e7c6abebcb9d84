"""Whether anything matches the criteria of a conditional write, as a statement for the transaction that writes."""

from collections.abc import Sequence
from dataclasses import replace

from fhir_server.search.rows import key
from fhir_server.search.tree import And, Node, Or
from fhir_server.storage import compile as text
from fhir_server.storage.dialect import Dialect
from fhir_server.storage.repository import Criteria
from fhir_server.storage.shape import Value

Question = tuple[str, Sequence[Value]]


def matches(dialect: Dialect, criteria: Criteria, rows: int = 1) -> Question:
    """Return SQL and parameters that give a row for each resource that matches, at most ``rows``."""
    search, values = text.search_values(criteria.grant, replace(criteria.query, count=rows - 1))
    statement = text.page(dialect, search)
    return statement.sql, statement.pick(values)


def identity(criteria: Criteria) -> int:
    """Return the number of the lock under which writers with the same criteria come one after another.

    The grant is left out: callers who see different parts of the dossier may mean the same resource.
    """
    return key("criteria", criteria.query.type, _canonical(criteria.query.where))


def _canonical(node: Node) -> str:
    if isinstance(node, (And, Or)):
        return f"{type(node).__name__}({','.join(sorted({_canonical(part) for part in node.parts}))})"
    return repr(node)
