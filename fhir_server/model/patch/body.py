"""Reads the JSON of a patch: unlike a resource it may be an array, and hold null, empty strings and empty objects."""

import json
from typing import Any

from fhir_server.errors import Malformed, TooLarge
from fhir_server.model.body import Limits, decimal, integer
from fhir_server.model.json import write
from fhir_server.model.json_fault import FORBIDDEN, refuse_constant


def read_patch(body: bytes, limits: Limits) -> Any:  # noqa: ANN401 - JSON
    """Read any JSON value strictly (RFC 8259): no duplicate members, no NaN; decimals keep their text.

    Raises Malformed, TooLarge.
    """
    if len(body) > limits.size:
        raise TooLarge(f"The patch is larger than {limits.size} bytes: send less at a time.")
    try:
        text = body.decode("utf-8-sig")
        found = json.loads(
            text,
            object_pairs_hook=_object,
            parse_float=decimal,
            parse_int=integer,
            parse_constant=refuse_constant,
        )
    except json.JSONDecodeError as error:
        what = error.msg.partition(":")[0]
        raise Malformed(f"The patch is not JSON: {what}, line {error.lineno}, column {error.colno}.") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"The patch is not UTF-8 (byte {error.start}): encode it as UTF-8.") from None
    except ValueError:
        raise Malformed("The patch has a member that stands twice in one object, or a number that FHIR does not allow.") from None
    except RecursionError:
        raise _too_deep(limits) from None
    if deeper(found, limits.depth):
        raise _too_deep(limits)
    if FORBIDDEN.search(text) and not _writable(found):
        raise Malformed("The patch has a lone surrogate, which is no character.")
    return found


def deeper(value: object, most: int) -> bool:
    """Tell whether objects and arrays nest deeper than ``most`` levels in ``value``."""
    level: list[Any] = [value]
    for _ in range(most + 1):
        level = [each for each in level if isinstance(each, dict | list)]
        if not level:
            return False
        level = [inner for each in level for inner in (each.values() if isinstance(each, dict) else each)]
    return True


def _writable(value: object) -> bool:
    try:
        write(value)
    except TypeError:
        return False
    return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands twice")
    return found


def _too_deep(limits: Limits) -> Malformed:
    return Malformed(f"The patch is nested deeper than {limits.depth} levels.")
