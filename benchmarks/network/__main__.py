"""Write a made-up region as NDJSON: ``python -m benchmarks.network --clients 110 --out region.ndjson``."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import orjson

from benchmarks.network.region import region
from benchmarks.network.scale import MAXIMUM, Scale, of_scale

_STEP = 10_000


def main() -> None:
    """Write the resources, one a line, and how far it is on stderr."""
    options = _options()
    scale = Scale(options.clients, options.seed) if options.clients else of_scale(options.scale, options.seed)
    if scale.clients > MAXIMUM:
        sys.exit(f"at most {MAXIMUM} clients: there are no more BSNs that nobody has")
    count = 0
    with _output(options.out) as out:
        for count, resource in enumerate(region(scale), 1):
            out.write(orjson.dumps(resource, option=orjson.OPT_APPEND_NEWLINE))
            if count % _STEP == 0:
                sys.stderr.write(f"\r{count} resources")
    sys.stderr.write(f"\r{count} resources about {scale.clients} clients\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m benchmarks.network", description=__doc__)
    parser.add_argument("--clients", type=int, help="how many clients; the others are in proportion")
    parser.add_argument("--scale", type=float, default=0.01, help="1: 11,000 clients, about a million resources (default 0.01)")
    parser.add_argument("--seed", type=int, default=0, help="another number gives another region")
    parser.add_argument("--out", default="-", help="file to write (default: the standard output)")
    return parser.parse_args()


@contextmanager
def _output(path: str) -> Iterator[BinaryIO]:
    if path == "-":
        yield sys.stdout.buffer
        return
    with open(path, "wb") as file:  # noqa: PTH123 - a path as it was typed
        yield file


if __name__ == "__main__":
    main()
