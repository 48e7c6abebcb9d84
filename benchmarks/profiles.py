"""``python -m benchmarks.profiles --package FILE.tgz RESOURCE...``: what judging resources by the profiles they claim costs.

In milliseconds of CPU per resource, once its profiles are ready, beside the check against R4 alone that each write passes too.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

from fhir_server.catalog.packages.canonical import Canonicals
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.model import json, xml
from fhir_server.validation import validate
from fhir_server.validation.packaged.engine import Profiles
from fhir_server.validation.packaged.inside import claims

_TIMES = 20
Resource = dict[str, Any]


def main() -> None:
    """Print a line each for making ready, for R4 and for the profiles."""
    parser = argparse.ArgumentParser("python -m benchmarks.profiles", description=__doc__)
    parser.add_argument("--package", action="append", type=Path, required=True, help="a FHIR package; may be given again")
    parser.add_argument("resources", nargs="+", type=Path, metavar="RESOURCE", help="a file of JSON or XML")
    options = parser.parse_args()
    resources = [_read(path) for path in options.resources]
    with TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        for file in options.package:
            shelf.add(file)
        profiles = Profiles(Canonicals(shelf.packages()))
        claimed = [(each, [url for url in claims(each) if profiles.knows(url)]) for each in resources]
        began = time.process_time()
        for each, urls in claimed:
            profiles.examine(each, urls)
        print(f"{len(claimed)} resources, the profiles of {sum(bool(urls) for _, urls in claimed)} are known")
        print(f"making the profiles ready: {1000 * (time.process_time() - began):.0f} ms of CPU in all")
        _tell("R4 alone", [_cost(lambda each=each: validate(each)) for each, _ in claimed])
        _tell("profiles", [_cost(lambda each=each, urls=urls: profiles.examine(each, urls)) for each, urls in claimed])


def _read(path: Path) -> Resource:
    data = path.read_bytes()
    return xml.read(data) if path.suffix == ".xml" else json.read(data).resource


def _cost(work: Callable[[], object]) -> float:
    """Return the milliseconds of CPU that ``work`` takes."""
    began = time.process_time()
    for _ in range(_TIMES):
        work()
    return 1000 * (time.process_time() - began) / _TIMES


def _tell(what: str, costs: Sequence[float]) -> None:
    tenths = quantiles(costs, n=10)
    print(f"{what}: median {tenths[4]:.2f} ms, nine of ten within {tenths[8]:.2f} ms, at most {max(costs):.2f} ms")


if __name__ == "__main__":
    main()
