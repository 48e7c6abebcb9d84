"""``fhir-server key rotate``: make the next key that signs tokens. Servers need no restart: they look for it once a second."""

import argparse
from datetime import UTC, datetime

from fhir_server.bootstrap import rotate_keys
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.oauth.ring import LEAD
from fhir_server.settings import Settings


def add(commands: Commands) -> None:
    """Declare the command."""
    key = commands.add_parser("key", help="change the key that signs tokens")
    group = key.add_subparsers(required=True, metavar="COMMAND")
    command = group.add_parser("rotate", help="make the next key", description=__doc__)
    command.add_argument(
        "--lead",
        type=int,
        default=LEAD,
        metavar="S",
        help=f"seconds for which the key is published before it signs (default {LEAD}): others may keep old keys for so long",
    )
    command.add_argument("--data-dir", help="folder of the keys (FHIR_SERVER_DATA_DIR)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Make the key, and say from when it signs."""
    if options.lead < 1:
        raise CommandFailed("--lead must be 1 second or more: a key signs only after it was published")
    kid, start = rotate_keys(settings, options.lead)
    print(f"key {kid} signs from {datetime.fromtimestamp(start, UTC).isoformat()}; the others verify until their tokens are over")
    return 0
