"""The primitive types: which JSON value and which format each takes (https://hl7.org/fhir/R4/datatypes.html#primitive).

Stricter than the pattern that FHIR gives where its text is: dates must exist, and a string has something else than blanks and no
control characters (XML cannot carry them).
"""

import binascii
import math
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fhir_server.model.xhtml import problem
from fhir_server.validation.walk import Finding

LONGEST_STRING = 1024 * 1024
_LARGEST_INTEGER = 2**31 - 1
_LAST_DAY_OF_EVERY_MONTH = "28"

_DAY = r"(?!0000)[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_PARTIAL_DAY = r"(?!0000)[0-9]{4}(?:-(?:0[1-9]|1[0-2]))?"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"

_date = re.compile(f"{_DAY}|{_PARTIAL_DAY}").fullmatch
_date_time = re.compile(f"{_DAY}(?:T{_TIME}{_ZONE})?|{_PARTIAL_DAY}").fullmatch
_instant = re.compile(f"{_DAY}T{_TIME}{_ZONE}").fullmatch
_time = re.compile(_TIME).fullmatch
_id = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_oid = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+").fullmatch
_uuid = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
_code = re.compile(r"\S+(?:\s\S+)*").fullmatch
_unprintable = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]").search


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive type: ``accepts`` tells whether a JSON value is one, ``json`` and ``hint`` say how to write it.

    ``unlisted`` is what to say of a code that is well written and not in the list that binds it.
    """

    name: str
    json: str
    accepts: Callable[[Any], bool]
    hint: str
    unlisted: Finding | None = None

    def explain(self, value: object) -> Finding:
        """Say why ``value`` is not accepted, without showing it."""
        if value is None:
            return Finding("structure", "null", "null is not a value. Leave the element out.")
        if not _has_json_type(self.json, value):
            return Finding("structure", "wrong-type", f"A {self.name} is a JSON {self.json}. {self.hint}")
        if value == "":
            return Finding("structure", "empty", "An empty string is not a value. Leave the element out.")
        if self.unlisted and _is_code(value):
            return self.unlisted
        return Finding("value", "bad-format", f"This is not a valid {self.name}. {self.hint}")


def _has_json_type(json: str, value: object) -> bool:
    if json == "boolean":
        return isinstance(value, bool)
    if json == "number":
        return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return isinstance(value, str)


def _is_string(value: object) -> bool:
    if not isinstance(value, str) or len(value) > LONGEST_STRING:
        return False
    return (value.isprintable() or not _unprintable(value)) and value != "" and not value.isspace()


def _is_uri(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and " " not in value and value != ""


def _is_code(value: object) -> bool:
    return isinstance(value, str) and value.isprintable() and _code(value) is not None


def _is_whole_from(least: int) -> Callable[[Any], bool]:
    def accepts(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and least <= value <= _LARGEST_INTEGER

    return accepts


def _is_decimal(value: object) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_boolean(value: object) -> bool:
    return value is True or value is False


def _is_base64(value: object) -> bool:
    if not isinstance(value, str) or not value:
        return False
    try:
        return binascii.a2b_base64("".join(value.split()), strict_mode=True) != b""
    except ValueError:
        return False


def _is_narrative(value: object) -> bool:
    return isinstance(value, str) and value.startswith("<div") and problem(value) is None


def _is_like(pattern: Callable[[str], object | None]) -> Callable[[Any], bool]:
    def accepts(value: object) -> bool:
        return isinstance(value, str) and pattern(value) is not None

    return accepts


def _is_date_like(pattern: Callable[[str], object | None]) -> Callable[[Any], bool]:
    def accepts(value: object) -> bool:
        return isinstance(value, str) and pattern(value) is not None and (value[8:10] <= _LAST_DAY_OF_EVERY_MONTH or _exists(value))

    return accepts


def _exists(date: str) -> bool:
    return int(date[8:10]) <= monthrange(int(date[:4]), int(date[5:7]))[1]


_URI_HINT = "Write it without blanks."
_TEXT_HINT = "Write at least one character that is not a blank, no control characters, and at most 1 MB."

PRIMITIVES = {
    each.name: each
    for each in (
        Primitive("boolean", "boolean", _is_boolean, "Write true or false, without quotes."),
        Primitive(
            "integer",
            "number",
            _is_whole_from(-(2**31)),
            "Write a whole number between -2147483648 and 2147483647, without quotes or fraction.",
        ),
        Primitive(
            "unsignedInt", "number", _is_whole_from(0), "Write a whole number from 0 to 2147483647, without quotes or fraction."
        ),
        Primitive(
            "positiveInt", "number", _is_whole_from(1), "Write a whole number from 1 to 2147483647, without quotes or fraction."
        ),
        Primitive("decimal", "number", _is_decimal, "Write a finite number, without quotes."),
        Primitive("string", "string", _is_string, _TEXT_HINT),
        Primitive("markdown", "string", _is_string, _TEXT_HINT),
        Primitive(
            "xhtml",
            "string",
            _is_narrative,
            "Write one well-formed <div> in the XHTML namespace, with text, and without active content.",
        ),
        Primitive("code", "string", _is_code, "Write it without blanks at the ends and with at most one blank in a row."),
        Primitive("id", "string", _is_like(_id), "Write 1 to 64 characters from A-Z a-z 0-9 - and dot."),
        Primitive("uri", "string", _is_uri, _URI_HINT),
        Primitive("url", "string", _is_uri, _URI_HINT),
        Primitive("canonical", "string", _is_uri, _URI_HINT),
        Primitive("oid", "string", _is_like(_oid), "Write urn:oid: and the number with its dots."),
        Primitive("uuid", "string", _is_like(_uuid), "Write urn:uuid: and the UUID in lower case."),
        Primitive("base64Binary", "string", _is_base64, "Write base64 with its padding."),
        Primitive("date", "string", _is_date_like(_date), "Write YYYY, YYYY-MM or YYYY-MM-DD, a day that exists."),
        Primitive(
            "dateTime",
            "string",
            _is_date_like(_date_time),
            "Write YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a time zone, a day that exists.",
        ),
        Primitive("instant", "string", _is_date_like(_instant), "Write YYYY-MM-DDThh:mm:ss with a time zone, a day that exists."),
        Primitive("time", "string", _is_like(_time), "Write hh:mm:ss, without a time zone."),
    )
}
"""The primitive types of R4 by name."""
