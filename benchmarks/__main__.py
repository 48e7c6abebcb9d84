"""``make bench``: every figure beside a floor of the same run, on both engines.

``make bench ARGS="--scale 1 --only growth,disk"`` takes a region of a million resources.
"""

import argparse
import os
from collections.abc import Callable, Iterator

from benchmarks.counting import counting
from benchmarks.creates import creates
from benchmarks.disk import disk
from benchmarks.growth import growth, three_way
from benchmarks.guarding import cost
from benchmarks.guarding import growth as gates
from benchmarks.measure import Figure, head, line
from benchmarks.messages import messages
from benchmarks.requests import requests
from benchmarks.sources import sources
from benchmarks.stage import ENGINES, Stage, stage
from benchmarks.stalls import stalls
from benchmarks.subscribing import subscribing

MEASURES: dict[str, Callable[[Stage], Iterator[Figure]]] = {
    "requests": requests,
    "growth": growth,
    "three": three_way,
    "count": counting,
    "creates": creates,
    "disk": disk,
    "stalls": stalls,
    "sources": sources,
    "guard": cost,
    "gate": gates,
    "messages": messages,
    "subscribing": subscribing,
}


def main() -> None:
    """Print one table per engine."""
    options = _options()
    for engine in options.engine:
        with stage(engine, options.scale) as found:
            if found is None:
                print(f"{engine}: left out, no PostgreSQL binaries found")
                continue
            print(head(f"{engine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"), flush=True)
            for figure in (figure for name in options.only for figure in MEASURES[name](found)):
                print(line(figure), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.05, help="the large region: 1 is a million resources (default 0.05)")
    parser.add_argument("--engine", type=_names(ENGINES), default=list(ENGINES), help="sqlite,postgresql")
    parser.add_argument("--only", type=_names(MEASURES), default=list(MEASURES), help=",".join(MEASURES))
    return parser.parse_args()


def _names(known: "tuple[str, ...] | dict[str, Callable[[Stage], Iterator[Figure]]]") -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        found = text.split(",")
        if wrong := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(wrong)} is none of {', '.join(known)}")
        return found

    return names


if __name__ == "__main__":
    main()
