"""``fhir-server audit``: verify the record, anchor it, remove what is older than it has to be kept; report, export and search it.

``verify`` writes nothing but the line that tells of it, and a server may run meanwhile. A running server anchors and removes by
itself; on SQLite it has to be stopped for doing it here.
"""

import argparse
import sys
from contextlib import closing
from pathlib import Path

from fhir_server.audit.verify import Broken
from fhir_server.bootstrap import keeper, now
from fhir_server.cli import audit_export, audit_exported, audit_prove, audit_report, audit_touched, operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.settings import Settings
from fhir_server.storage.reindex.open import open_index

_EVERY = 2_000_000  # microseconds between two lines of progress


def add(commands: Commands) -> None:
    """Declare the command and its own commands."""
    command = commands.add_parser("audit", help="verify, anchor and shorten the record", description=__doc__)
    deeds = command.add_subparsers(required=True, metavar="WHAT")
    for name, run, help_ in (
        ("verify", verify, "compute every chain anew, compare it with anchors and table: exit status 1 when anything differs"),
        ("anchor", anchor, "sign how far every chain has come, and copy that to DATA_DIR/audit/anchors.jws"),
        ("retain", retain, "remove what is older than FHIR_SERVER_AUDIT_RETENTION_DAYS"),
    ):
        deed = deeds.add_parser(name, help=help_, description=help_)
        deed.add_argument("--data-dir", help="folder of database and keys (FHIR_SERVER_DATA_DIR)")
        deed.set_defaults(run=run)
        if name == "verify":
            operator.add(deed, "HCOMPL")
            deed.add_argument("--anchors", type=Path, metavar="FILE", help="copies of anchors that a witness kept")
            deed.add_argument("--export", type=Path, metavar="FILE", help="verify that export, and look at no database")
            deed.add_argument("--proof", type=Path, metavar="FILE", help="verify that proof of one line, and look at no database")
            deed.add_argument("--key", default="", metavar="THUMBPRINT", help="of the key that must have signed its anchors")
    for module in (audit_report, audit_export, audit_prove, audit_touched):
        module.add(deeds)


def verify(options: argparse.Namespace, settings: Settings) -> int:
    """Say on stdout that the record is whole, or name its first broken place."""
    if options.export is not None:
        if options.anchors is not None or options.proof is not None:
            raise CommandFailed("an export has its own anchors: give --export, --proof or --anchors, not two of them")
        return audit_exported.verify(options.export, options.key)
    if options.proof is not None:
        return audit_prove.verify(options.proof, options.key)
    if options.key:
        raise CommandFailed("--key is about an export or a proof: give --export or --proof too")
    if options.anchors is not None and not options.anchors.is_file():
        raise CommandFailed(f"there is no file {options.anchors}")
    operator.record(options, settings, "audit-verify", "AuditEvent")
    last = now()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if now() - last >= _EVERY:
            last = now()
            sys.stderr.write(f"{done:,} of {total:,} blocks\n")

    with closing(open_index(settings.database, write=False)) as database:
        try:
            sound = keeper(settings).verify(database, progress, options.anchors)
        except Broken as error:
            print(f"the record is broken: {error}")
            return 1
        except (OSError, UnicodeDecodeError) as error:
            raise CommandFailed(f"the copies of the anchors cannot be read: {error}") from error
    counts = f"{sound.lines:,} lines in {sound.blocks:,} blocks of {sound.chains:,} chains, {sound.anchors:,} anchors"
    print(f"the record is whole: {counts}")
    return 0


def anchor(_: argparse.Namespace, settings: Settings) -> int:
    """Say how many anchors were made."""
    with closing(open_index(settings.database, write=True)) as database:
        made = keeper(settings).anchor(database)
    print(f"anchor {made[-1].number} made" if made else "nothing new since the last anchor")
    return 0


def retain(_: argparse.Namespace, settings: Settings) -> int:
    """Say how much was removed."""
    with closing(open_index(settings.database, write=True)) as database:
        removed = keeper(settings).retain(database)
    print(f"{removed.lines:,} lines in {removed.blocks:,} blocks removed: older than {settings.audit_retention_days} days")
    return 0
