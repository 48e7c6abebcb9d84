"""The one form of a JSON value that is signed: the JSON Canonicalization Scheme (RFC 8785, https://www.rfc-editor.org/rfc/rfc8785)."""

import json
from typing import Any, Final

_EXACT: Final = 2**53  # from here on a number of JSON is not the same integer everywhere


def canonical(value: object) -> bytes:
    """Return the canonical form of a value of JSON, in UTF-8.

    Numbers are whole ones: raises ValueError for others, and for those that not everybody reads the same.
    """
    return json.dumps(_ordered(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _ordered(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case dict():
            return {name: _ordered(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
        case list() | tuple():
            return [_ordered(each) for each in value]
        case bool() | str() | None:
            return value
        case int() if abs(value) < _EXACT:
            return value
    raise ValueError("only whole numbers below 2^53 have a canonical form here")
