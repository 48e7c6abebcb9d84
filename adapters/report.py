"""Report how much of published expected results an adapter gives: ``python -m adapters.report ADAPTER PAIRS_DIR [--paths]``.

``PAIRS_DIR`` holds ``input/NAME.xml`` and, as FHIR XML, ``expected-derived/NAME.xml`` or ``expected/NAME.xml``.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from adapters.contract import SourceAdapter, SourceError
from adapters.registry import UnknownAdapter, load
from mappings.compare import Score, compare
from mappings.fhir_xml import read_resource

Resource = dict[str, object]


class Incomparable(ValueError):
    """There is nothing to compare, or nothing to compare it with; the text says what."""


def scores(adapter: SourceAdapter, folder: Path) -> Iterator[tuple[str, Score]]:
    """Yield the name and the score of every pair in ``folder``; Incomparable when there is none, or one cannot be read."""
    messages = sorted((folder / "input").glob("*.xml"))
    if not messages:
        raise Incomparable(f"no messages in {folder / 'input'}")
    for message in messages:
        resources, addresses = _expected(folder, message.name)
        try:
            translated = adapter.translate(message.read_bytes()).resources
        except SourceError as error:
            raise Incomparable(f"{message}: {error.text}") from error
        yield message.stem, compare(resources, translated, addresses)


def _expected(folder: Path, name: str) -> tuple[list[Resource], dict[str, str]]:
    path = next((path for kind in ("expected-derived", "expected") if (path := folder / kind / name).is_file()), None)
    if path is None:
        raise Incomparable(f"nothing is expected of {name}: {folder} has no expected-derived/{name} and no expected/{name}")
    try:
        return expected_resources(path.read_bytes())
    except (etree.XMLSyntaxError, LookupError) as error:
        raise Incomparable(f"{path} is no Bundle in FHIR XML") from error


def expected_resources(payload: bytes) -> tuple[list[Resource], dict[str, str]]:
    """Return the resources of a Bundle in FHIR XML, OperationOutcomes left out, and "Type/id" by the full url of their entries."""
    bundle = read_resource(payload)
    entries = bundle.get("entry", [])
    assert isinstance(entries, list)
    found = [entry for entry in entries if entry["resource"]["resourceType"] != "OperationOutcome"]
    addresses = {entry.get("fullUrl", ""): f"{entry['resource']['resourceType']}/{entry['resource'].get('id')}" for entry in found}
    return [entry["resource"] for entry in found], addresses


def main(arguments: list[str]) -> int:
    """Print the report; 0 when every pair could be compared, 1 when one could not."""
    parser = argparse.ArgumentParser(prog="python -m adapters.report", description="Compare an adapter with expected results.")
    parser.add_argument("adapter", help="id of the adapter, kind/system")
    parser.add_argument("pairs", type=Path, help="folder with input/ and expected/ or expected-derived/")
    parser.add_argument("--paths", action="store_true", help="list the paths that are not equal")
    chosen = parser.parse_args(arguments)
    try:
        _report(chosen)
    except UnknownAdapter:
        return _failed(f"no adapter {chosen.adapter}; `fhir-server adapter list` lists them")
    except (Incomparable, OSError) as error:
        return _failed(str(error))
    return 0


def _failed(why: str) -> int:
    sys.stderr.write(f"adapters.report: {why}\n")
    return 1


def _report(chosen: argparse.Namespace) -> None:
    adapter = load(chosen.adapter)
    total = Score()
    write = sys.stdout.write
    write(f"{'file':<45}{'expected':>9}{'equal':>8}{'missing':>9}{'different':>11}{'extra':>7}{'percent':>9}\n")
    for name, score in scores(adapter, chosen.pairs):
        total.add(score)
        write(_line(name, score))
    write(_line("total", total))
    if chosen.paths:
        for (kind, path), count in sorted(total.paths.items(), key=lambda item: -item[1]):
            write(f"{count:>6} {kind:<10} {path}\n")


def _line(name: str, score: Score) -> str:
    counts = f"{score.expected:>9}{score.equal:>8}{score.missing:>9}{score.different:>11}{score.extra:>7}"
    return f"{name:<45}{counts}{score.percentage:>9.2f}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
