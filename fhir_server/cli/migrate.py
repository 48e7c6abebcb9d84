"""``fhir-server migrate``: bring the database to the schema of this version."""

import argparse

from fhir_server.bootstrap import prepare
from fhir_server.cli.command import Commands
from fhir_server.settings import Settings


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("migrate", help="bring the database up to date", description=__doc__)
    command.set_defaults(run=run)


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Migrate, and say to which version."""
    print(f"database at version {prepare(settings)}")
    return 0
