"""``fhir-server medmij export-zal``: print our part of the list of providers, to hand in at MedMij."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from fhir_server.bootstrap import now
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.medmij.lists.provider_list import UnlistedAddress, provider_list
from fhir_server.medmij.registry import read_registry
from fhir_server.settings import Settings

_MICROSECONDS = 1_000_000


def add(commands: Commands) -> None:
    """Declare the commands."""
    medmij = commands.add_parser("medmij", help="what others must know of the providers behind this server")
    group = medmij.add_subparsers(required=True, metavar="COMMAND")
    command = group.add_parser("export-zal", help="print our part of the list of providers (ZAL)", description=__doc__)
    command.add_argument(
        "--number", type=int, default=1, metavar="N", help="Volgnummer: one more with each publication (default 1)"
    )
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the list of the providers that ``FHIR_SERVER_MEDMIJ`` declares."""
    if not settings.medmij:
        raise CommandFailed("FHIR_SERVER_MEDMIJ names no medmij.toml: there are no providers to list")
    if options.number < 1:
        raise CommandFailed("--number must be 1 or more")
    registry, stamp = read_registry(Path(settings.medmij)), datetime.fromtimestamp(now() // _MICROSECONDS, UTC)
    try:
        listed = provider_list(registry, settings.base.removesuffix("/fhir"), options.number, stamp)
    except UnlistedAddress as error:
        raise CommandFailed(str(error)) from error
    sys.stdout.write(listed.decode())
    return 0
