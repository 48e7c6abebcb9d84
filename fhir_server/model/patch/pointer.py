"""JSON Pointer (RFC 6901): a path to one value in a JSON document."""

import re
from typing import Any

from fhir_server.model.body import element_name
from fhir_server.model.patch.failure import Impossible

Pointer = tuple[str, ...]
DEEPEST = 64
"""More reference tokens than this lead to nothing that a resource can have."""

_BAD_ESCAPE = re.compile(r"~(?![01])")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")


def parse(text: str) -> Pointer:
    """Return the reference tokens of ``text``, unescaped; () is the whole document. ValueError when it is no JSON Pointer."""
    if not text:
        return ()
    if not text.startswith("/") or _BAD_ESCAPE.search(text):
        raise ValueError("no JSON Pointer")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/"))


def shown(pointer: Pointer) -> str:
    """Write ``pointer`` as an error may repeat it: names of elements and indices stay, anything else becomes "?"."""
    tokens = (token if token == "-" or _INDEX.fullmatch(token) else element_name(token) for token in pointer)  # noqa: S105 - RFC 6901
    return "".join(f"/{token}" for token in tokens) or "the whole document"


def get(document: Any, pointer: Pointer) -> Any:  # noqa: ANN401 - JSON
    """Return the value at ``pointer``; raises Impossible when there is none."""
    for token in pointer:
        document = document[key(document, token)]
    return document


def key(holder: object, token: str) -> Any:  # noqa: ANN401 - str for an object, int for an array
    """Return what picks an existing value out of ``holder``; raises Impossible when ``token`` points at none."""
    if isinstance(holder, dict) and token in holder:
        return token
    if isinstance(holder, list) and (index := position(token)) < len(holder):
        return index
    raise Impossible("there is nothing at this place")


def position(token: str) -> int:
    """Return the array index that ``token`` is: digits without leading zeros; raises Impossible."""
    if not _INDEX.fullmatch(token):
        raise Impossible("an array is indexed with digits, without leading zeros")
    return int(token)
