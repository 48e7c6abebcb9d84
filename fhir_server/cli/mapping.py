"""``fhir-server map run ADAPTER FILE``: the Bundle that a message of a source system becomes."""

import argparse
import sys
from pathlib import Path

from adapters import registry
from adapters.contract import SourceError, Translation
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.cli.documents import whole
from fhir_server.model.json import write
from fhir_server.settings import Settings
from mappings.bundle import collection


def add(commands: Commands) -> None:
    """Declare the command."""
    map_ = commands.add_parser("map", help="translate a message of a source system")
    group = map_.add_subparsers(required=True, metavar="COMMAND")
    command = group.add_parser("run", help="print the Bundle that a message becomes", description=__doc__)
    command.add_argument("adapter", help="such as pharmacy/hl7v3; `fhir-server adapter list` lists them")
    command.add_argument("file", type=Path, help="the message; - is the standard input")
    command.add_argument("--explain", action="store_true", help="on stderr: the rows that fired, the fields left over")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, _: Settings) -> int:
    """Print the Bundle on stdout and nothing else there."""
    try:
        adapter = registry.load(options.adapter)
    except KeyError as error:
        raise CommandFailed(f"no adapter {options.adapter}; `fhir-server adapter list` lists them") from error
    try:
        translation = adapter.translate(whole(options.file))
    except SourceError as error:
        raise CommandFailed(f"{options.file}: {error.text}") from error
    print(write(collection(translation.resources), pretty=True).decode())
    if options.explain:
        _explain(translation)
    return 0


def _explain(translation: Translation) -> None:
    lines = [f"{use.row}\t{use.source}\t->\t{use.target}" for use in translation.used]
    lines += [f"left over\t{path}" for path in translation.left_over]
    lines += [f"warning\t{text}" for text in translation.warnings]
    sys.stderr.write("".join(line + "\n" for line in lines))
