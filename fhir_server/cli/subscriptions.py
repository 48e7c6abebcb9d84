"""``fhir-server subscriptions``: look at the subscriptions and at what could not be delivered, and have that delivered after all.

``list`` and ``dead`` change nothing, and a server may run meanwhile. ``redrive`` writes: on SQLite the server has to be stopped.
Nothing of a resource is shown but its reference, and of an endpoint its host. The record has a line on each of them.
"""

import argparse
import asyncio
import json
from collections.abc import Sequence
from contextlib import closing

from fhir_server.bootstrap import now
from fhir_server.cli import operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.model.meta import instant
from fhir_server.settings import Settings
from fhir_server.storage.lock import DatabaseInUse
from fhir_server.storage.open import open_repository
from fhir_server.storage.reindex.open import open_index
from fhir_server.storage.subscriptions import reading
from fhir_server.storage.subscriptions.store import NEVER, Subscribed


def add(commands: Commands) -> None:
    """Declare the command and its own commands."""
    command = commands.add_parser("subscriptions", help="look at subscriptions, and redrive what they missed", description=__doc__)
    deeds = command.add_subparsers(required=True, metavar="WHAT")
    for name, run, help_ in (
        ("list", list_, "one line for each: id, status, subscriber, criteria, host, delivered/all, next attempt, error"),
        ("dead", dead, "one line for each notification that was given up: subscription, number, resource, moment of the event"),
        ("redrive", redrive, "make subscriptions that are in error active again: what they missed is delivered, in its order"),
    ):
        deed = deeds.add_parser(name, help=help_, description=help_)
        deed.add_argument("--data-dir", help="folder of database and keys (FHIR_SERVER_DATA_DIR)")
        operator.add(deed, "HSYSADMIN")
        deed.set_defaults(run=run)
        if name == "redrive":
            deed.add_argument("id", nargs="*", help="id of a Subscription")
            deed.add_argument("--all", action="store_true", help="all that are in error")


def list_(options: argparse.Namespace, settings: Settings) -> int:
    """Print every subscription."""
    operator.record(options, settings, "subscriptions-list", "Subscription")
    with closing(open_index(settings.database, write=False)) as database:
        for each in reading.every(database):
            print("\t".join(_columns(each)))
    return 0


def dead(options: argparse.Namespace, settings: Settings) -> int:
    """Print what was given up."""
    operator.record(options, settings, "subscriptions-dead", "Subscription")
    with closing(open_index(settings.database, write=False)) as database:
        for each in reading.dead(database):
            print(f"{each.subscription}\t{each.number}\t{each.type}/{each.id}/_history/{each.version}\t{instant(each.moment)}")
    return 0


def redrive(options: argparse.Namespace, settings: Settings) -> int:
    """Say which subscriptions are tried again."""
    if bool(options.id) == options.all:
        raise CommandFailed("name the subscriptions to redrive, or say --all")
    operator.record(options, settings, "subscriptions-redrive", "Subscription")
    try:
        found = asyncio.run(_redriven(settings, options.id))
    except DatabaseInUse as error:
        raise CommandFailed(f"{error}; or have the owner of a Subscription put its status to requested") from error
    missing = sorted(set(options.id) - set(found))
    if missing:
        raise CommandFailed(f"not in error, or not there: {', '.join(missing)}")
    print(f"{len(found)} subscriptions are active again")
    return 0


async def _redriven(settings: Settings, ids: Sequence[str]) -> Sequence[str]:
    repository = await open_repository(settings.database)
    try:
        return await repository.subscriptions().redrive(ids, now())
    finally:
        await repository.close()


def _columns(each: Subscribed) -> Sequence[str]:
    due = "-" if each.due >= NEVER else instant(each.due)
    who = str(json.loads(each.subscriber)["reference"])
    return (each.id, each.status, who, each.criteria, each.host, f"{each.done}/{each.last}", due, each.error or "-")
