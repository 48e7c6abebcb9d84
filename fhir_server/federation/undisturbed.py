"""No search for garbage among all objects while the answer of a source is held: with thousands of resources that takes long.

What is garbage among younger objects is still found; the full collection comes when the answer was let go.
"""

import gc
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
_NEVER: Final = 1_000_000


class _Postponed:
    """How many hold an answer now, and the ``threshold`` of full collections when nobody does."""

    def __init__(self) -> None:
        self.holding = 0
        self.threshold = 0

    def __enter__(self) -> None:
        if not self.holding:
            young, middle, self.threshold = gc.get_threshold()
            gc.set_threshold(young, middle, _NEVER)
        self.holding += 1

    def __exit__(self, *_: object) -> None:
        self.holding -= 1
        if not self.holding:
            young, middle, _never = gc.get_threshold()
            gc.set_threshold(young, middle, self.threshold)


_postponed: Final = _Postponed()


def undisturbed(work: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Return ``work``, which holds answers of sources, without full collections as long as it runs."""

    @wraps(work)
    async def worked(*args: P.args, **kwargs: P.kwargs) -> R:
        with _postponed:
            return await work(*args, **kwargs)

    return worked
