"""A BSN in a search: the index knows it sealed, and no link repeats it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from fhir_server.model.bsn import SYSTEMS, is_bsn
from fhir_server.search import tree, values
from fhir_server.search.rows import US

Sealing = Callable[[str], Sequence[str]]
"""Gives what may be stored in the place of a BSN: several texts while its key is being replaced."""
_REDACTED: Final = "redacted"


def sealed_in(node: tree.Node, seal: Sealing) -> tree.Node:
    """Return ``node`` with the numbers in it as ``seal`` makes them.

    A number without a system may be one of another kind too, and is then looked for as both.
    """
    match node:
        case tree.And(parts):
            return tree.And(tuple(sealed_in(part, seal) for part in parts))
        case tree.Or(parts):
            return tree.Or(tuple(sealed_in(part, seal) for part in parts))
        case tree.Not(part):
            return tree.Not(sealed_in(part, seal))
        case tree.Chain() | tree.Has():
            return replace(node, part=sealed_in(node.part, seal))
        case tree.Token():
            return _token(node, seal)
    return node


def has_number(node: tree.Node) -> bool:
    """Tell whether there is in ``node`` what ``sealed_in`` may change."""
    match node:
        case tree.And(parts) | tree.Or(parts):
            return any(map(has_number, parts))
        case tree.Not(part) | tree.Chain(_, _, part) | tree.Has(_, _, part):
            return has_number(part)
        case tree.Token():
            return is_bsn(node.code.rpartition(US)[2])
    return False


def _token(node: tree.Token, seal: Sealing) -> tree.Node:
    kind, separator, text = node.code.rpartition(US)  # of ":of-type" a code comes first, which is no system
    if not is_bsn(text):
        return node
    found = tuple(replace(node, code=f"{kind}{separator}{each}") for each in seal(text))
    if not separator and node.system in SYSTEMS:
        return found[0] if len(found) == 1 else tree.Or(found)
    return tree.Or((node, *found)) if separator or node.system is None else node


def without_numbers(parameters: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return ``parameters`` without any BSN that would be refused in a URL."""
    return [
        (name, ",".join(map(_redacted, values.split(value, ","))) if "identifier" in name else value) for name, value in parameters
    ]


def _redacted(value: str) -> str:
    parts = values.split(value, "|")
    system = values.unescape(parts[-2]) if len(parts) == 2 else ""  # noqa: PLR2004 - system and code; of-type has three
    if not is_bsn(values.unescape(parts[-1])) or (system and system not in SYSTEMS):
        return value
    return "|".join([*parts[:-1], _REDACTED])
