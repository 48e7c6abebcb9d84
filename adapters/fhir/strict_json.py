"""Reads the JSON of a source: strictly, and decimals as they are written (https://hl7.org/fhir/R4/json.html)."""

import json
from decimal import Decimal
from typing import Any, NoReturn

from adapters.contract import Resource, SourceError

_LONGEST_NUMBER = 18  # digits of what every reader takes for an integer


def read_resource(payload: bytes) -> Resource:
    """Return the resource that ``payload`` is; SourceError("structure") for what is none, or has a name twice in one object."""
    try:
        found = json.loads(
            payload, parse_float=Decimal, parse_int=_integer, parse_constant=_refused, object_pairs_hook=_without_doubles
        )
        if b"\\u" in payload:
            json.dumps(found, ensure_ascii=False, default=str).encode()  # half a letter is none
    except (ValueError, RecursionError) as error:
        raise SourceError("structure", f"the answer is no JSON, or not all of it ({type(error).__name__})") from None
    if not isinstance(found, dict) or not isinstance(found.get("resourceType"), str):
        raise SourceError("structure", "the answer is no FHIR resource")
    return found


def _integer(text: str) -> int | Decimal:
    return int(text) if len(text) <= _LONGEST_NUMBER else Decimal(text)


def _refused(_: str) -> NoReturn:
    raise ValueError


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found
