"""A bound on what a regular expression may cost, before it is tried on a text.

Python's engine goes back and forth: a repetition inside a repetition takes exponential time, and each repetition after another one
multiplies by the length of the text. Both can be read off the pattern.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

_MOST_STEPS: Final = 2_000_000
_MOST_PATTERN: Final = 1_000
_MOST_TEXT: Final = 100_000
_REPEATS: Final = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_SIMPLE: Final = (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN, codes.AT)


class TooCostlyPattern(ValueError):
    """A regular expression might take longer than is given to it."""


def found(pattern: str, text: str) -> bool:
    """Tell whether ``pattern`` occurs in ``text``. Raises TooCostlyPattern, and ValueError for what is no pattern."""
    compiled, repeats = _read(pattern)
    if len(text) > _MOST_TEXT or max(len(text), 1) ** (repeats + 1) > _MOST_STEPS:
        raise TooCostlyPattern
    return compiled.search(text) is not None


@lru_cache(maxsize=500)
def _read(pattern: str) -> tuple[re.Pattern[str], int]:
    """Return the pattern compiled, and how many repetitions in it follow each other at most."""
    if len(pattern) > _MOST_PATTERN:
        raise TooCostlyPattern
    try:
        return re.compile(pattern, re.DOTALL), _repeats(parser.parse(pattern))
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError("no regular expression") from error


def _repeats(parsed: Iterable[Any]) -> int:
    count = 0
    for operation, argument in parsed:
        if operation in _REPEATS and argument[1] > 1:
            inside = _repeats(argument[2])
            if inside or _branches(argument[2]):
                raise TooCostlyPattern
            count += argument[0] != argument[1]
        else:
            count += _below(operation, argument)
    return count


def _below(operation: Any, argument: Any) -> int:  # noqa: ANN401 - opaque parts of the parser's own
    if operation is codes.SUBPATTERN:
        return _repeats(argument[3])
    if operation is codes.BRANCH:
        return max(map(_repeats, argument[1]))
    if operation in _REPEATS:
        return _repeats(argument[2])
    if operation in {codes.ASSERT, codes.ASSERT_NOT}:
        return _repeats(argument[1])
    if operation in _SIMPLE:
        return 0
    raise TooCostlyPattern


def _branches(parsed: Iterable[Any]) -> bool:
    return any(
        operation is codes.BRANCH or (operation is codes.SUBPATTERN and _branches(argument[3])) for operation, argument in parsed
    )
