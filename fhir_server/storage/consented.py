"""What the consents of a dossier permit, as an SQL condition on one resource: the same answer as ``access/consent.decide``.

The rules of the one dossier that the resource belongs to are probed, so that the cost is the same however many dossiers an actor
has. Those that match are one small set; the resource is open when a permit is in it, and no deny that none in it outdoes.
"""

from collections.abc import Sequence

from fhir_server.search.rows import key
from fhir_server.search.tree import Consented
from fhir_server.storage.consent_rows import EVERYONE, SPECIFICITY, item
from fhir_server.storage.consent_rule import HUB
from fhir_server.storage.shape import Items, Shape, Value
from fhir_server.storage.writer import Writer

_UNKNOWN = item("")  # stands in no list


def consented_shape(node: Consented, type_: str, values: list[Value]) -> Shape:
    """Return the shape of ``node`` and append its values."""
    keys, people = _keys(values, node.keys), _keys(values, node.people)
    slot = len(values)
    values += (node.at, item(node.purpose), item(node.category), item(node.action), item(HUB), key(type_, node.date))
    return ("consented", keys, people, slot, not node.purpose, bool(node.date), node.open_without)


def consented(writer: Writer, shape: Shape, at: str) -> str:
    """Return the condition on the resource ``r``, whose ``sort`` and ``row`` are in alias ``at``."""
    among = " AND ".join(f"e.{name} >= d.{name}" for name in SPECIFICITY)
    more = " + ".join("e.{0} - d.{0}".format(name) for name in SPECIFICITY)
    outdone = f"EXISTS (SELECT 1 FROM m e WHERE {among} AND {more} > 0)"
    denied = f"EXISTS (SELECT 1 FROM m d WHERE d.effect = 'deny' AND NOT {outdone})"
    matching = f"SELECT c.effect, {', '.join(f'c.{name}' for name in SPECIFICITY)} FROM consent_rule c WHERE {_matches(writer, shape, at)}"
    permitted = f"WITH m AS MATERIALIZED ({matching}) SELECT 1 FROM m WHERE m.effect = 'permit' AND NOT {denied} LIMIT 1"
    if not shape[-1]:
        return f"({permitted}) IS NOT NULL"
    return f"((SELECT 1 FROM consent_rule o WHERE o.dossier = r.dossier LIMIT 1) IS NULL OR ({permitted}) IS NOT NULL)"


def _keys(values: list[Value], names: Sequence[str]) -> Items:
    values.append(tuple(map(key, names)))
    return len(values) - 1, False
