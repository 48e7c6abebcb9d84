"""``fhir-server bsn rotate``: replace the key that seals citizen service numbers, and seal all of them again.

A new key is made, some seconds later it seals, and every stored number is sealed with it, with the index that finds it; then the
old key is retired. Both are read and found all the while. The same command goes on after a run that was ended, with the same key.
On PostgreSQL servers may run meanwhile, on SQLite the server must be stopped.
"""

import argparse
import sys
import time
from contextlib import closing

from fhir_server.bootstrap import now
from fhir_server.catalog import catalog
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.cli.reindex import progress
from fhir_server.interactions.reindexing import current
from fhir_server.oauth import number_keys
from fhir_server.settings import Settings
from fhir_server.storage.lock import DatabaseInUse
from fhir_server.storage.reindex.database import IndexDatabase
from fhir_server.storage.reindex.open import open_index
from fhir_server.storage.reseal import reseal

_SECOND = 1_000_000


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("bsn", help="change the key that seals citizen service numbers")
    group = command.add_subparsers(required=True, metavar="COMMAND")
    rotate = group.add_parser("rotate", help="make the next key, and seal every number with it", description=__doc__)
    rotate.add_argument("--data-dir", help="folder of database and keys (FHIR_SERVER_DATA_DIR)")
    rotate.set_defaults(run=run)


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Do it; one line on stdout says what came of it."""
    try:
        with closing(open_index(settings.database, write=True)) as database:
            return _rotate(settings, database)
    except DatabaseInUse as error:
        raise CommandFailed(f"{error}; on SQLite the server must be stopped") from error


def _rotate(settings: Settings, database: IndexDatabase) -> int:
    shared = database.shared
    key = number_keys.next_key(settings.data_dir, now(), number_keys.LEAD if shared else 0)
    if shared:
        _wait_until(key.start + number_keys.SETTLED)
    seal = number_keys.number_seal(settings.data_dir, now)
    rebuild = current(database, catalog.load().types, settings.base)
    done = reseal(database, rebuild, seal.resealed, progress(now, sys.stderr.write))
    retired = number_keys.retire(settings.data_dir, key)
    print(f"{done.bodies:,} bodies gone over, {done.written:,} written with key {key.number}; keys retired: {retired}")
    return 0


def _wait_until(second: int) -> None:
    """Wait until every process seals with the new key, and what was sealed before is stored."""
    left = second - now() / _SECOND
    if left > 0:
        sys.stderr.write(f"the new key is made known: going on in {left:.0f} s\n")
        time.sleep(left)
