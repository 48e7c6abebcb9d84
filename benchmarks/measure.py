"""What a measurement gives: figures beside a floor of the same run, and the goal for their ratio."""

import time
from collections.abc import Awaitable, Callable, Sequence
from statistics import median
from typing import NamedTuple


class Figure(NamedTuple):
    """``ours`` and ``floor`` in ``unit``, with the most that their ratio may be; ``least``: it is the least instead."""

    name: str
    ours: float
    floor: float
    unit: str
    goal: float | None = None
    least: bool = False

    @property
    def ratio(self) -> float:
        """Return how many times the floor ours is."""
        return self.ours / self.floor

    @property
    def verdict(self) -> str:
        """Say whether the goal is met, "" where there is none."""
        if self.goal is None:
            return ""
        return "met" if (self.ratio >= self.goal if self.least else self.ratio <= self.goal) else "missed"


def head(title: str) -> str:
    """Return the title and the head of a table for people."""
    return f"\n{title}\n{'measure':<60}{'ours':>11}{'floor':>11} {'unit':<6}{'ratio':>8}{'goal':>9}"


def line(figure: Figure) -> str:
    """Return the row of a figure."""
    goal = "-" if figure.goal is None else f"{'>=' if figure.least else '<='} {figure.goal:g}"
    amounts = f"{figure.ours:>11,.4g}{figure.floor:>11,.4g} {figure.unit:<6}{figure.ratio:>8.2f}"
    return f"{figure.name:<60}{amounts}{goal:>9} {figure.verdict}"


async def side_by_side(acts: Sequence[Callable[[int], Awaitable[object]]], rounds: int, warm_up: int) -> list[float]:
    """Return the median microseconds of each of ``acts``, done by turns so that other work disturbs them alike.

    An act is given the number of the round, to ask something else each time.
    """
    times: list[list[float]] = [[] for _ in acts]
    for number in range(-warm_up, rounds):
        for act, taken in zip(acts, times, strict=True):
            begin = time.perf_counter()
            await act(number % rounds)
            if number >= 0:
                taken.append(time.perf_counter() - begin)
    return [median(taken) * 1e6 for taken in times]
