"""What the consents of a dossier permit, as an SQL condition on one resource: the same answer as ``access/consent.decide``.

The rules of the one dossier that the resource belongs to are probed, so that the cost is the same however many dossiers an actor
has. Those that match are one small set; the resource is open when a permit is in it, and no deny that none in it outdoes.
"""

from collections.abc import Sequence

from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.storage.consent_rows import EVERYONE, SPECIFICITY
from fhir_server.storage.consent_rule import LABELS, TEAM, UNKNOWN
from fhir_server.storage.shape import Items, Shape
from fhir_server.storage.writer import Writer


def consented(writer: Writer, shape: Shape, at: str) -> str:
    """Return the condition on the resource ``r``, whose ``sort`` and ``row`` are in alias ``at``."""
    return _open(shape, _permitted(writer, _matches(writer, shape, at)))


def _open(shape: Shape, permitted: str) -> str:
    """Return the condition ``permitted``, or, where that is enough, that there is no rule."""
    without = "(SELECT 1 FROM consent_rule o WHERE o.dossier = r.dossier LIMIT 1) IS NULL"
    return f"({without} OR {permitted})" if shape[-1] else permitted


def _permitted(writer: Writer, matches: str) -> str:
    """Return the condition that the rules (alias ``c``) that match permit."""
    among = " AND ".join(f"x.{name} >= y.{name}" for name in SPECIFICITY)
    more = " + ".join(f"x.{name} - y.{name}" for name in SPECIFICITY)
    outdone = f"EXISTS (SELECT 1 FROM m x WHERE {among} AND {more} > 0)"
    denied = f"EXISTS (SELECT 1 FROM m y WHERE y.effect = 'deny' AND NOT {outdone})"
    found = ", ".join(f"c.{name}" for name in SPECIFICITY)
    matching = f"SELECT c.effect, {found} FROM consent_rule c WHERE {matches}"
    rules = f"WITH m AS {writer.dialect.few} ({matching})"
    return f"({rules} SELECT 1 FROM m WHERE m.effect = 'permit' AND NOT {denied} LIMIT 1) IS NOT NULL"


def unrefused(writer: Writer, shape: Shape, at: str) -> str:
    """Return the condition on the resource ``r`` that no rule denies it for this purpose by name: not even one that gives way."""
    denied = f"SELECT 1 FROM consent_rule c WHERE {_matches(writer, shape, at)} AND c.effect = 'deny' AND c.purposes <> ''"
    return f"({denied} LIMIT 1) IS NULL"


def agreed(writer: Writer, shape: Shape) -> str:
    """Return the condition that ``consented`` holds for all of the dossier ``r.dossier``, no rule being about some of it only."""
    limits = " OR ".join(f"c.{name} <> ''" for name in _OF_ITEMS)
    limited = f"SELECT 1 FROM consent_rule c WHERE c.dossier = r.dossier AND ({limits} OR NOT {_ALWAYS}) AND NOT EXISTS ({_NEWER})"
    return _open(shape, f"(({limited} LIMIT 1) IS NULL AND {_permitted(writer, _counts(writer, shape))})")


def _matches(writer: Writer, shape: Shape, at: str) -> str:
    """Return the condition that a rule (alias ``c``) counts, and is about this resource and who asks for it."""
    _, _, _, slot, _, dated, author, coded, *_ = shape
    instance = f"{writer.at(slot + _US)} || r.type || '/' || r.id || {writer.at(slot + _US)}"
    return " AND ".join(
        (
            _counts(writer, shape),
            _listed(writer, "instances", slot, instance),
            _dependents(writer, slot, instance, at),
            _authored(writer, slot, author, at),
            _labelled(writer, slot, coded, at),
            _dated(writer, slot + _DATE, at) if dated else f"({_ALWAYS} OR c.effect = 'deny')",
        )
    )


def _counts(writer: Writer, shape: Shape) -> str:
    """Return the condition that a rule (alias ``c``) of the dossier ``r.dossier`` counts, and is about who asks for such data."""
    _, keys, people, slot, purposed, _, _, _, unknown, left, _ = shape
    now = writer.at(slot + _NOW)
    return " AND ".join(
        (
            f"c.dossier = r.dossier AND c.effect <> 'none' AND c.starts <= {now} AND {now} < c.ends",
            _recipient(writer, keys, _team(writer, people, left, now), unknown),
            _listed(writer, "purposes", slot, writer.at(slot + _PURPOSE) if purposed else ""),
            _listed(writer, "categories", slot, writer.at(slot + _CATEGORY)),
            _listed(writer, "actions", slot, writer.at(slot + _ACTION)),
            _listed(writer, "holders", slot, writer.at(slot + _HOLDER)),
            f"NOT EXISTS ({_NEWER})",
        )
    )


_NOW, _PURPOSE, _CATEGORY, _ACTION, _HOLDER, _UNKNOWN, _US, _DATE, _LABEL, _LABELS = range(10)
_NEWER = "SELECT 1 FROM consent_rule n WHERE n.dossier = c.dossier AND n.choice = c.choice AND n.made > c.made"
_OF_ITEMS = ("instances", "dependents", "authors", "labels")
_ALWAYS = f"(c.data_low = {EARLIEST} AND c.data_high = {LATEST})"


def _recipient(writer: Writer, keys: Items, team: str, unknown: Sequence[str]) -> str:
    """Return the condition that the rule speaks to the actor, or denies to somebody whom the actor may be."""
    denied = [f"c.recipient IN ('', '{UNKNOWN}')", *(f"substr(c.recipient, 1, {len(each)}) = '{each}'" for each in unknown)]
    return f"(c.who {writer.among(keys)} OR {team} OR (c.effect = 'deny' AND ({' OR '.join(denied)})))"


def _team(writer: Writer, people: Items, left: Items | None, now: str) -> str:
    """Return the condition that one of ``people`` has a place with what the recipient is.

    That is a team of which they are a member, in this dossier or by itself, or a function that they have in this network.
    """
    active = f"a.starts <= {now} AND {now} < a.ends"
    active += "" if left is None else f" AND NOT a.through {writer.among(left)}"
    seat = f"SELECT 1 FROM membership a WHERE a.dossier = c.seat AND a.member {writer.among(people)}"
    team = f"SELECT 1 FROM resource t JOIN membership a ON a.row = t.row AND a.member {writer.among(people)} AND {active}"
    seated = f"c.seat <> {EVERYONE} AND ({seat} AND {active} LIMIT 1) IS NOT NULL"
    there = f"{team} AND a.dossier IN (c.dossier, c.who) WHERE t.self = c.who"
    return f"((c.spec_recipient = {TEAM} AND ({there} LIMIT 1) IS NOT NULL) OR ({seated}))"


def _listed(writer: Writer, column: str, slot: int, item: str) -> str:
    """Return the condition that a list limits nothing or has ``item``; what is not known ("") on either side is denied."""
    doubt = f"{_has(writer, column, writer.at(slot + _UNKNOWN))} AND c.effect = 'deny'" if item else "c.effect = 'deny'"
    found = f"{_has(writer, column, item)} OR " if item else ""
    return f"(c.{column} = '' OR {found}({doubt}))"


def _dependents(writer: Writer, slot: int, instance: str, at: str) -> str:
    """Return the condition that the resource is one of those whose dependents are meant, or refers to one."""
    refers = _found(f"p.key {writer.dialect.numbers('c.dependent_keys')}", at)
    return f"({_listed(writer, 'dependents', slot, instance)} OR {refers})"


def _authored(writer: Writer, slot: int, author: int | None, at: str) -> str:
    """Return the condition on who made the resource, who may have done so in a role; who that is may be unknown."""
    if author is None:
        return _listed(writer, "authors", slot, "")
    made = _found(f"p.key {writer.dialect.numbers('c.author_keys')}", at)
    role = f"p.key IN (SELECT e.high FROM idx e WHERE e.key {writer.dialect.numbers('c.role_keys')})"
    nobody = _found(f"p.key = {writer.at(author)} AND (p.high & {writer.at(author + 1)}) = 0", at)
    doubt = f"{_has(writer, 'authors', writer.at(slot + _UNKNOWN))} OR {nobody} OR {_found(f'p.key = {writer.at(author + 2)}', at)}"
    return f"(c.authors = '' OR {made} OR {_found(role, at)} OR (c.effect = 'deny' AND ({doubt})))"


def _found(rows: str, at: str) -> str:
    return f"(SELECT 1 FROM idx p WHERE {rows} AND p.sort = {at}.sort AND p.row = {at}.row LIMIT 1) IS NOT NULL"


def _has(writer: Writer, column: str, item: str) -> str:
    return f"{writer.dialect.position}(c.{column}, {item}) > 0"


def _labelled(writer: Writer, slot: int, coded: tuple[Items, Items, int] | None, at: str) -> str:
    """Return the condition on the labels: a permit has all of them, a deny one.

    What has no label has that of its code, or else of its type.
    """
    label = writer.at(slot + _LABEL)
    if coded is not None:
        codes, systems, special = coded
        found = _found(f"p.key {writer.among(codes)} AND p.high {writer.among(systems)}", at)
        label = f"CASE WHEN {found} THEN 0 + {writer.at(special)} ELSE 0 + {label} END"
    probes = (
        f"CASE WHEN (SELECT 1 FROM idx p WHERE p.key = {writer.at(slot + _LABELS + number)} AND p.sort = {at}.sort"
        f" AND p.row = {at}.row LIMIT 1) IS NULL THEN 0 ELSE {1 << number} END"
        for number in range(len(LABELS))
    )
    mask = f"SELECT coalesce(nullif({' + '.join(probes)}, 0), {label}) AS mask"
    denied = f"i.mask = 0 OR (i.mask & c.mask) <> 0 OR {_has(writer, 'labels', writer.at(slot + _UNKNOWN))}"
    permitted = "i.mask <> 0 AND (i.mask & ~c.mask) = 0"
    return f"(c.labels = '' OR (SELECT CASE c.effect WHEN 'deny' THEN {denied} ELSE {permitted} END FROM ({mask}) i))"


def _dated(writer: Writer, slot: int, at: str) -> str:
    """Return the condition on the date of the data: a permit covers the whole of it, a deny is about any part of it."""
    end = f"(SELECT p.high FROM idx p WHERE p.key = {writer.at(slot)} AND p.sort = {at}.sort AND p.row = {at}.row LIMIT 1)"
    within = f"c.effect = 'permit' AND {at}.sort >= c.data_low AND {end} <= c.data_high"
    touched = f"c.effect = 'deny' AND coalesce({at}.sort < c.data_high AND {end} > c.data_low, 1 = 1)"
    return f"({_ALWAYS} OR ({within}) OR ({touched}))"
