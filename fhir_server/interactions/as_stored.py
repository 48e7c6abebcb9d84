"""Answers on their way out: each reader sees what is for them of what is stored, which mostly is all of it."""

from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Final

from fhir_server.access.left_out import Signs, left_out_of
from fhir_server.interactions import bsn, messages, minimised
from fhir_server.interactions.call import Answer, Call
from fhir_server.interactions.stored_signs import in_any

_CURRENT: Final = frozenset({"read", "search-type"})
"""What answers with current versions only."""


async def answered(call: Call, answer: Answer) -> Answer:
    """Return ``answer`` as the caller may see it: its numbers, its messages, and what the role gets of it."""
    if answer.stored and call.interaction in _CURRENT and not _differs_in(call.actor.role, call.actor.kinds)(answer.stored):
        return answer
    return minimised.answered(call, await messages.answered(call, await bsn.answered(call, answer)))


@lru_cache(maxsize=1024)
def _differs_in(role: str, kinds: tuple[str, ...]) -> Callable[[Sequence[bytes]], bool]:
    """Return whether one of several stored bodies may be shown otherwise to a ``role`` in organisations of ``kinds``."""
    if role == "system":
        return _numbers
    return _parts(left_out_of(role, kinds).signs)


_numbers = in_any(bsn.has_number)


@cache
def _parts(signs: Signs) -> Callable[[Sequence[bytes]], bool]:
    return in_any(lambda body: bsn.has_number(body) or messages.may_differ(body) or minimised.may_matter(body, signs))
