"""The watch over the clock: what it finds, and what it logs when."""

import asyncio
import logging
import sys

import pytest

from fhir_server.audit.clock import OFF, STEPPED, UNKEPT, ClockWatch, Kept, Look, found, kernel, steady

SECOND = 1_000_000
WELL = Kept(synchronised=True, error=2_000)
BEFORE = Look(100 * SECOND, 5 * SECOND, WELL)


@pytest.mark.parametrize(
    ("look", "wrong"),
    [
        (Look(160 * SECOND, 65 * SECOND, WELL), {}),
        (Look(161 * SECOND, 65 * SECOND, WELL), {}),  # a second is what it may be
        (Look(162 * SECOND, 65 * SECOND, WELL), {STEPPED: 2.0}),
        (Look(150 * SECOND, 65 * SECOND, WELL), {STEPPED: -10.0}),
        (Look(160 * SECOND, 65 * SECOND, Kept(synchronised=True, error=1_500_000)), {OFF: 1.5}),
        (Look(160 * SECOND, 65 * SECOND, Kept(synchronised=False, error=16 * SECOND)), {UNKEPT: 16.0}),
        (Look(160 * SECOND, 65 * SECOND, Kept(synchronised=False, error=0)), {UNKEPT: 0.0}),
        (Look(160 * SECOND, 65 * SECOND, None), {}),
        (Look(260 * SECOND, 65 * SECOND, None), {STEPPED: 100.0}),
    ],
)
def test_what_is_wrong(look: Look, wrong: dict[str, float]) -> None:
    assert found(look, BEFORE, 1.0) == wrong


class Machine:
    """A clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall, self.steady, self.kept = 0, 0, WELL

    def watch(self, limit: float = 1.0) -> ClockWatch:
        return ClockWatch(limit, lambda: self.wall, lambda: self.steady, lambda: self.kept)

    def passes(self, seconds: int, step: int = 0) -> None:
        self.wall += (seconds + step) * SECOND
        self.steady += seconds * SECOND


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[int, str]]:
    told = [(each.levelno, each.getMessage()) for each in caplog.records]
    caplog.clear()
    return told


def test_it_is_said_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    machine = Machine()
    watch = machine.watch()

    def looked(step: int = 0) -> list[tuple[int, str]]:
        machine.passes(60, step)
        asyncio.run(watch())
        return said(caplog)

    assert looked() == []
    assert watch.gauges()["fhir_clock_wrong"][1] == 0
    machine.kept = Kept(synchronised=False, error=SECOND)
    assert looked() == [(logging.ERROR, UNKEPT)]
    assert watch.gauges()["fhir_clock_wrong"][1] == 1
    assert watch.gauges()["fhir_clock_error_seconds"][1] == 1.0
    assert looked() == []  # it was said
    machine.kept = WELL
    assert looked() == [(logging.INFO, f"no longer so: {UNKEPT}")]
    assert looked(step=-30) == [(logging.ERROR, STEPPED)]
    assert looked() == []
    assert looked(step=30) == [(logging.ERROR, STEPPED)]


def test_nobody_looks_with_a_limit_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    watch = machine.watch(0)
    machine.passes(60, 1000)
    asyncio.run(watch())
    assert said(caplog) == []


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is Linux's")
def test_the_kernel_can_be_asked() -> None:
    told = kernel()
    assert told is None or (isinstance(told.synchronised, bool) and 0 <= told.error < 100_000 * SECOND)
    assert steady() <= steady()
