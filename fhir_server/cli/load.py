"""``fhir-server load PATH...``: store resources from Bundles, NDJSON files or single resources."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fhir_server.bootstrap import load_resources
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.errors import FhirError
from fhir_server.model.body import Limits
from fhir_server.model.json import read
from fhir_server.settings import Settings

_STEP = 500
_LIMITS = Limits(size=1 << 30)


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("load", help="store resources from files", description=__doc__)
    command.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="JSON (a resource or a Bundle) or .ndjson")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Store everything as the system would; stop at the first that is refused."""
    try:
        count = load_resources(settings, (each for path in options.paths for each in resources(path)), _progress)
    except FhirError as error:
        raise CommandFailed("; ".join(f"{issue.expression or 'resource'}: {issue.text}" for issue in error.issues)) from error
    print(f"{count} resources stored")
    return 0


def _progress(count: int) -> None:
    if count % _STEP == 0:
        sys.stderr.write(f"{count} resources\n")


def resources(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the resources of a file: of each line (.ndjson), of each entry (a Bundle), or the one resource that it is."""
    try:
        with path.open("rb") as file:
            for document in file if path.suffix == ".ndjson" else [file.read()]:
                if document.strip():
                    yield from _entries(read(document, _LIMITS).resource)
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from error


def _entries(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if resource.get("resourceType") == "Bundle":
        yield from (entry["resource"] for entry in resource.get("entry", ()) if "resource" in entry)
    else:
        yield resource
