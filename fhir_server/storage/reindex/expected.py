"""What the tables should hold of a resource, from its body."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from fhir_server.search.rows import Indexed
from fhir_server.storage.body import Bodies
from fhir_server.storage.circle import Circle
from fhir_server.storage.consent_rule import Rule, withdrawn
from fhir_server.storage.delta import circle_members, delta
from fhir_server.storage.reindex.database import COLUMNS, Row
from fhir_server.storage.repository import Change, Membership

Rebuild = Callable[[str, bytes], tuple[Indexed, Sequence[Membership], Sequence[Rule], Circle] | None]
"""From type and JSON to index, memberships, rules of consent and circle; None for a type that is not kept here (any more)."""
_LAST = "SELECT h.body FROM history h WHERE h.row = r.row AND NOT h.deleted ORDER BY h.version DESC LIMIT 1"
_LASTING: Final = ("Consent", "CommunicationRequest", "Communication", "Task", "Binary")
"""The types of which something counts after a deletion too: what a consent replaced, and among whom it was."""
RESOURCE: Final = (
    "r.row, r.type, r.id, r.version, r.updated, r.deleted, r.sort, r.dossier, r.circle,"
    f" CASE WHEN r.deleted AND r.type IN {_LASTING} THEN ({_LAST}) ELSE r.body END"
)


class Found(NamedTuple):
    """A row of ``resource``, read as RESOURCE. Of what was deleted and still counts ``body`` is what it said last."""

    row: int
    type: str
    id: str
    version: int
    updated: int
    deleted: bool
    sort: int
    dossier: int | None
    circle: int | None
    body: bytes


class Expected(NamedTuple):
    """What should be there: the columns sort, dossier and circle, and the rows of each table of COLUMNS."""

    sort: int
    dossier: int | None
    circle: int | None
    tables: dict[str, list[Row]]

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yield (table, row)."""
        return ((table, row) for table, rows in self.tables.items() for row in rows)


class Rebuilder:
    """Makes Expected of what is found; one per thread."""

    def __init__(self, rebuild: Rebuild) -> None:
        """Use ``rebuild``."""
        self._rebuild = rebuild
        self._unpack = Bodies().unpack

    def __call__(self, found: Found) -> Expected:
        """Return what should be there.

        Without a dossier or circle in the body the resource keeps the one it has: its creator's, or that of what it belongs to.
        """
        made = None if found.deleted and found.type not in _LASTING else self._rebuild(found.type, self._unpack(found.body))
        at = found.row
        if made is None:
            return Expected(found.sort, found.dossier, found.circle, {table: [] for table in COLUMNS})
        indexed, members, rules, circle = made
        change = Change(
            found.type, found.id, found.version - 1, found.updated, b"", indexed, members=members, rules=rules, circle=circle
        )
        if found.deleted:
            rows = delta(replace(change, indexed=None, rules=withdrawn(rules)))
            left: dict[str, list[Row]] = {table: [] for table in COLUMNS}
            left["consent_rule"] = [(*rule, at) for rule in rows.rules]
            left["circle"] = [(*each, at) for each in circle_members(change, found.dossier)]
            return Expected(found.sort, found.dossier, found.circle, left)
        rows = delta(change)
        dossier = found.dossier if rows.dossier is None else rows.dossier
        return Expected(
            rows.sort,
            dossier,
            found.circle if rows.circle is None else rows.circle,
            {
                "idx": [(key, sort, at, high) for key, sort, high in rows.added],
                "idx_date": [(key, at, low, high) for key, low, high in rows.dates_added],
                "idx_text": [(key, start, at, mark, rest) for key, start, mark, rest in rows.texts_added],
                "idx_order": [(at, *order) for order in rows.orders_added],
                "membership": [(member, dossier, at, *rest) for member, dossier, *rest in rows.members],
                "circle": [(*each, at) for each in circle_members(change, dossier)],
                "consent_rule": [(*rule, at) for rule in rows.rules],
            },
        )
