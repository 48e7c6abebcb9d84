"""JSON of resources (https://hl7.org/fhir/R4/json.html): a strict reader, an exact writer, and the splice of server meta.

The reader parses in C and looks for trouble with a few searches over the bytes; only a body that looks suspicious is walked, by
``json_fault``, to see whether and where it is wrong.
"""

import json
import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson

from fhir_server.errors import Malformed, TooLarge
from fhir_server.model.body import Limits, decimal, decimal_text, integer
from fhir_server.model.json_fault import FORBIDDEN, refuse_constant, require_sound

_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"
_NAME = r'[ \t\n\r]*"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)"[ \t\n\r]*:[ \t\n\r]*'
_first_name = re.compile(r"[ \t\n\r]*\{" + _NAME).match
_next_name = re.compile(r"[ \t\n\r]*," + _NAME).match
_end = re.compile(r"[ \t\n\r]*\}[ \t\n\r]*\Z").match
_space = re.compile(r"[ \t\n\r]*").match
_comma = re.compile(r"[ \t\n\r]*,?[ \t\n\r]*").match
_OPEN_ONLY = bytes.maketrans(b"{}", b"[]")
_NO_BRACKET = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True, slots=True)
class Document:
    """A resource as it was read, and for each of its members the JSON text of the value as the client wrote it."""

    resource: dict[str, Any]
    members: Mapping[str, str]


class _Suspect(Exception):
    """The fast path met something that it does not take."""


def read(body: bytes, limits: Limits = Limits()) -> Document:  # noqa: B008 - immutable
    """Read a JSON object strictly (RFC 8259, UTF-8; a byte order mark is skipped).

    Decimals come as Decimal and keep their text. Refused are, anywhere: duplicate members; empty objects, arrays and strings; null
    as the value of a member (in an array it is left to validation); NaN and Infinity; numbers out of all proportion; lone
    surrogates and characters that XML cannot carry. Raises Malformed with the place, without content; TooLarge.
    """
    if len(body) > limits.size:
        raise TooLarge(f"The body is larger than {limits.size} bytes: send less at a time.")
    try:
        text = body.removeprefix(_BOM).decode()
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8 (byte {error.start}): encode it as UTF-8.") from None
    try:
        document = _members(text)
    except (_Suspect, ValueError, RecursionError):
        require_sound(text, limits)
        raise Malformed("The body is not a JSON object.") from None
    if _suspicious(body, text, limits):
        require_sound(text, limits)
    return document


def own(body: bytes) -> dict[str, Any]:
    """Return the resource in ``body``, which this server wrote itself: it was looked through when it came, and is only parsed."""
    resource: dict[str, Any] = _own(body.decode())
    return resource


def own_slowly(body: bytes) -> Generator[None, None, dict[str, Any]]:
    """Return the same, with a stop after each item of a list in the root, such as the entries of a Bundle."""
    text = body.decode()
    resource: dict[str, Any] = {}
    match = _first_name(text)
    while match is not None:
        start = match.end()
        if text[start] == "[":
            value, end = yield from _listed(text, start + 1)
        else:
            value, end = _scan_own(text, start)
        resource[json.loads(f'"{match[1]}"')] = value
        match = _next_name(text, end)
    return resource


def _listed(text: str, start: int) -> Generator[None, None, tuple[list[Any], int]]:
    """Read the rest of a list, and return where it ends."""
    items: list[Any] = []
    start = _space(text, start).end()  # type: ignore[union-attr] # it matches nothing too
    while text[start] != "]":
        value, end = _scan_own(text, start)
        items.append(value)
        yield
        start = _comma(text, end).end()  # type: ignore[union-attr] # in the same way
    return items, start + 1


def write(value: object, *, pretty: bool = False) -> bytes:
    """Return ``value`` (dicts, lists, strings, numbers) as UTF-8 JSON with decimals as they were written; ``pretty`` indents."""
    return orjson.dumps(value, _unusual, orjson.OPT_INDENT_2 if pretty else 0)


def rewritten(source: Document, resource: Mapping[str, Any]) -> bytes:
    """Return the JSON of ``resource``, which was made of ``source``; what is as it was there keeps its text."""
    texts = (
        (name, source.members[name] if value is source.resource.get(name) else write(value).decode())
        for name, value in resource.items()
    )
    return ("{" + ",".join(f"{write(name).decode()}:{text}" for name, text in texts) + "}").encode()


def document(resource: Mapping[str, Any]) -> Document:
    """Return a Document for a resource that did not come as JSON."""
    return Document(dict(resource), {name: write(value).decode() for name, value in resource.items()})


def splice(source: Document, *, id: str, version: int | str, updated: str) -> bytes:  # noqa: A002 - FHIR's word
    """Return the JSON to store: the client's own text with the server's id, ``meta.versionId`` and ``meta.lastUpdated``.

    Everything else, the rest of meta included, stays; ``updated`` is a FHIR instant.
    """
    meta = {"versionId": str(version), "lastUpdated": updated}
    meta |= {name: value for name, value in source.resource.get("meta", {}).items() if name not in meta}
    head = write({"resourceType": source.resource["resourceType"], "id": id, "meta": meta})
    rest = "".join(
        f",{_quoted(name)}:{text}" for name, text in source.members.items() if name not in {"resourceType", "id", "meta"}
    )
    return head[:-1] + rest.encode() + b"}"


def _quoted(name: str) -> str:
    return f'"{name}"' if name.isidentifier() else write(name).decode()


def _unusual(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value))
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} has no JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if not found or len(found) != len(pairs):
        raise _Suspect
    return found


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=decimal, parse_int=integer, parse_constant=refuse_constant)
_own = json.JSONDecoder(parse_float=decimal, parse_int=integer).decode
_scan_own = json.JSONDecoder(parse_float=decimal, parse_int=integer).scan_once  # type: ignore[attr-defined] # see below
_scan = _decoder.scan_once  # type: ignore[attr-defined] # what raw_decode calls: it gives a value and where it ends


def _members(text: str) -> Document:
    """Parse the members of the root one by one, so that the text of each is known."""
    resource: dict[str, Any] = {}
    members: dict[str, str] = {}
    end = 0
    match = _first_name(text)
    while match is not None:
        name = match[1] if "\\" not in match[1] else json.loads(f'"{match[1]}"')
        start = match.end()
        try:
            value, end = _scan(text, start)
        except StopIteration:
            raise _Suspect from None
        if name in resource:
            raise _Suspect
        resource[name] = value
        members[name] = text[start:end]
        match = _next_name(text, end)
    if not resource or _end(text, end) is None:
        raise _Suspect
    return Document(resource, members)


def _suspicious(body: bytes, text: str, limits: Limits) -> bool:
    """Say whether the body may hold something to refuse that parsing does not find; false alarms are allowed."""
    dense = body.translate(None, _SPACE)
    if b'""' in dense or b"[]" in dense or b":null" in dense:
        return True
    if (b"\\" in body or b"\xef" in body) and FORBIDDEN.search(text):
        return True
    return body.count(b"[") + body.count(b"{") > limits.depth and _deeper(body, limits.depth)


def _deeper(body: bytes, depth: int) -> bool:
    """Say whether the brackets of well-formed JSON, those in strings left out, nest deeper than ``depth``.

    Each round removes the innermost pairs.
    """
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    brackets = b"".join(body.split(b'"')[::2]).translate(_OPEN_ONLY, _NO_BRACKET)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return bool(brackets)
