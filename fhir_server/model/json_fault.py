"""Finds what is wrong with a JSON body, and where: the slow half of the JSON reader."""

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

from fhir_server.errors import Malformed
from fhir_server.model.body import Limits, decimal, element_name, integer
from profiles.definitions import resource_types

FORBIDDEN = re.compile(r"\\u(?:[dD][89a-fA-F]|00[01]|[fF]{3}[eEfF])|\\[bf]|[\ufffe\uffff]")
"""What can stand for a character that no FHIR string may hold, in JSON text (with false alarms: a legal surrogate pair)."""

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class _Members(list[tuple[str, Any]]):
    """The members of an object in order, duplicates included."""


class _Number(Exception):
    """A number that is no number of FHIR."""


def refuse_constant(_: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python's parser takes for numbers."""
    raise ValueError("not a number of JSON")


def require_sound(text: str, limits: Limits) -> None:
    """Raise Malformed with the place of the first fault of ``text``; return when there is none."""
    try:
        root = json.loads(text, object_pairs_hook=_Members, parse_float=_float, parse_int=_int, parse_constant=_constant)
    except json.JSONDecodeError as error:
        what = error.msg.partition(":")[0]
        raise Malformed(f"The body is not JSON: {what}, line {error.lineno}, column {error.colno}.") from None
    except _Number:
        raise Malformed("The body has a number that JSON or FHIR does not allow: NaN, Infinity, or one far too long.") from None
    except RecursionError:
        raise _too_deep(limits) from None
    if not isinstance(root, _Members):
        raise Malformed("The body is not a JSON object: send one resource.")
    _inspect(root, _root_name(root), 1, limits)


def _root_name(root: _Members) -> str:
    name = next((value for key, value in root if key == "resourceType"), "")
    return name if isinstance(name, str) and name in resource_types() else "Resource"


def _inspect(value: object, path: str, depth: int, limits: Limits) -> None:
    if isinstance(value, str):
        _inspect_string(value, path)
    elif isinstance(value, _Members):
        _inspect_object(value, path, depth, limits)
    elif isinstance(value, list):
        if not value:
            raise _at(path, "an empty array: leave the member out")
        _require_depth(depth, limits)
        for index, item in enumerate(value):
            _inspect(item, f"{path}[{index}]", depth + 1, limits)


def _inspect_object(members: _Members, path: str, depth: int, limits: Limits) -> None:
    if not members:
        raise _at(path, "an empty object: leave the member out")
    _require_depth(depth, limits)
    seen: set[str] = set()
    for name, value in members:
        inside = f"{path}.{element_name(name)}"
        if name in seen:
            raise _at(inside, "a member that stands there twice: send it once")
        if value is None:
            raise _at(inside, "null: leave the member out")
        seen.add(name)
        _inspect_string(name, inside)
        _inspect(value, inside, depth + 1, limits)


def _inspect_string(value: str, path: str) -> None:
    if not value:
        raise _at(path, "an empty string: leave the member out")
    if _ILLEGAL.search(value):
        raise _at(path, "a character that FHIR does not allow: a control character, a lone surrogate or a non-character")


def _require_depth(depth: int, limits: Limits) -> None:
    if depth > limits.depth:
        raise _too_deep(limits)


def _too_deep(limits: Limits) -> Malformed:
    return Malformed(f"The body is nested deeper than {limits.depth} levels.")


def _at(path: str, what: str) -> Malformed:
    return Malformed(f"The body holds {what}, at {path}.", expression=path)


def _float(text: str) -> Decimal:
    try:
        return decimal(text)
    except ValueError:
        raise _Number from None


def _int(text: str) -> int | Decimal:
    try:
        return integer(text)
    except ValueError:
        raise _Number from None


def _constant(_: str) -> NoReturn:
    raise _Number
