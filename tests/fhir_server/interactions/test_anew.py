"""Tests for doing anew what somebody else was faster with."""

import asyncio

import pytest

from fhir_server.errors import Conflict
from fhir_server.interactions.anew import anew
from fhir_server.storage.repository import VersionConflict


class _Busy:
    """Is overtaken ``times`` times before it comes through."""

    def __init__(self, times: int) -> None:
        self.left = times
        self.begun = 0

    async def __call__(self) -> str:
        self.begun += 1
        if self.left:
            self.left -= 1
            raise VersionConflict("somebody was first", "Task/1")
        return "done"


def test_it_begins_again_until_nobody_is_first() -> None:
    busy = _Busy(2)
    assert asyncio.run(anew(busy, "too busy")) == "done"
    assert busy.begun == 3


def test_who_is_overtaken_each_time_is_told_so() -> None:
    busy = _Busy(99)
    with pytest.raises(Conflict) as told:
        asyncio.run(anew(busy, "too busy", attempts=4))
    assert told.value.issues[0].text == "too busy"
    assert busy.begun == 4


def test_another_error_is_not_tried_again() -> None:
    begun: list[None] = []

    async def refused() -> None:
        begun.append(None)
        raise PermissionError

    with pytest.raises(PermissionError):
        asyncio.run(anew(refused, "too busy"))
    assert len(begun) == 1
