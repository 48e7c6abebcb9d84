"""``fhir-server audit export``: the record for the inspectorate, one AuditEvent a line (NDJSON), the oldest first.

With --dossier only what touched that client; another client is named only as who asked.
FILE is made readable for its owner only.
"""

import argparse
import os
import sys
from pathlib import Path

from fhir_server.cli import audit_period
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.cli.recorded import exported
from fhir_server.model.reference import parse
from fhir_server.settings import Settings

_EVERY = 10_000


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("export", help="write the record to a file, as AuditEvents", description=__doc__)
    audit_period.add(command)
    command.add_argument("--dossier", default="", metavar="REF", help='one client only, such as "Patient/ansje"')
    command.add_argument("file", type=Path, metavar="FILE", help="must not exist yet")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write the file; say how many lines there are."""
    since, until = audit_period.read(options)
    client = parse(options.dossier) if options.dossier else None
    if options.dossier and (client is None or client.type != "Patient" or client.version):
        raise CommandFailed('--dossier is a reference such as "Patient/ansje"')
    try:
        descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandFailed(f"cannot make {options.file}: {error.strerror}") from error
    number = 0
    with os.fdopen(descriptor, "wb") as file:
        for number, event in enumerate(exported(settings, since, until, str(client) if client else ""), 1):
            file.write(event + b"\n")
            if number % _EVERY == 0:
                sys.stderr.write(f"{number:,} lines\n")
    print(f"{number:,} lines of the record written to {options.file}")
    return 0
