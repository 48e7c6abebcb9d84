"""``fhir-server audit export``: the record for the inspectorate: AuditEvents, with what shows that they were written so (NDJSON).

Chain by chain, in the order in which lines were written, and then the signed anchors. With --dossier only what touched that client;
another client is named only as who asked. ``audit verify --export`` needs nothing but the file.
FILE is made readable for its owner only. The record has a line on the export before it is made.
"""

import argparse
import os
import sys
from contextlib import closing
from pathlib import Path

from fhir_server.audit.export import Asked, Export
from fhir_server.audit.verify import Broken
from fhir_server.bootstrap import keeper, now, observer_of
from fhir_server.cli import audit_period, operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.model import json
from fhir_server.model.reference import parse
from fhir_server.oauth.anchor import anchor_key
from fhir_server.settings import Settings
from fhir_server.storage.journal.line import Unreadable
from fhir_server.storage.reindex.open import open_index

_EVERY = 10_000


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("export", help="write the record to a file, as AuditEvents", description=__doc__)
    audit_period.add(command)
    operator.add(command, "HCOMPL")
    command.add_argument("--dossier", default="", metavar="REF", help='one client only, such as "Patient/ansje"')
    command.add_argument("file", type=Path, metavar="FILE", help="must not exist yet")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Write the file; say how many lines there are, and by which key its anchors are signed."""
    since, until = audit_period.read(options)
    client = parse(options.dossier) if options.dossier else None
    if options.dossier and (client is None or client.type != "Patient" or client.version):
        raise CommandFailed('--dossier is a reference such as "Patient/ansje"')
    asked = [name for name, given in (("from", options.since), ("to", options.until), ("dossier", client)) if given]
    operator.record(options, settings, "audit-export", "AuditEvent", asked, str(client) if client else "")
    try:
        descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandFailed(f"cannot make {options.file}: {error.strerror}") from error
    key = anchor_key(settings.data_dir)
    export = Export(Asked(since, until, str(client) if client else ""), observer_of(settings), key.jwk())
    try:
        _write(descriptor, export, settings)
    except (Broken, Unreadable) as error:
        raise CommandFailed(f"the record is broken, and the export ends there: {error}. Run: fhir-server audit verify") from error
    print(f"{export.lines:,} lines of the record written to {options.file}; its anchors are signed by the key {key.kid}")
    return 0


def _write(descriptor: int, export: Export, settings: Settings) -> None:
    open_ = keeper(settings).open_
    with os.fdopen(descriptor, "wb") as file, closing(open_index(settings.database, write=False)) as database:
        with database.snapshot() as at:
            for number, entry in enumerate(export.entries(at, open_, now()), 1):
                file.write(json.write(entry) + b"\n")
                if number % _EVERY == 0:
                    sys.stderr.write(f"{number:,} lines\n")
        file.flush()
        os.fsync(file.fileno())
