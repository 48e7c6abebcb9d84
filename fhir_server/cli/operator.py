"""Who gives a command that shows what the hub knows of people: a line of the record says so, before anything is shown.

The account of the machine is always named; ``--as`` adds the person where several share it. Without a line nothing is shown.
"""

import argparse
import os
import pwd
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.audit.record import row
from fhir_server.bootstrap import now
from fhir_server.cli.command import CommandFailed
from fhir_server.model.reference import parse
from fhir_server.settings import Settings
from fhir_server.storage import beside

_LOGIN: Final = Path("/proc/self/loginuid")
_NO_LOGIN: Final = 2**32 - 1
_OTHER: Final = re.compile(r"[^A-Za-z0-9.-]")
_LONGEST: Final = 48
_PURPOSE: Final = re.compile(r"[A-Z]{2,12}")
_DONE: Final = 200
_REQUEST: Final = 13  # bytes


def add(command: argparse.ArgumentParser, purpose: str) -> None:
    """Declare the arguments; ``purpose`` is the usual one (v3-ActReason)."""
    text = 'who asks, such as "Practitioner/ict-jansen", beside the account of this machine (default: the account alone)'
    command.add_argument("--as", dest="operator", default="", metavar="REF", help=text)
    command.add_argument("--purpose", default=purpose, metavar="CODE", help="purpose of use in the record (default %(default)s)")


def record(
    options: argparse.Namespace,
    settings: Settings,
    command: str,
    type_: str,
    parameters: Sequence[str] = (),
    dossier: str = "",
) -> None:
    """Write the line of ``command`` on resources of ``type_``, asked by ``parameters`` (names) for ``dossier`` ("Patient/id").

    Raises CommandFailed for arguments that make no line, RecordUnwritable, DatabaseOlder, DatabaseNewer and DatabaseUnreachable.
    """
    account = f"Device/account-{_account()}"
    who = parse(options.operator) if options.operator else None
    if options.operator and (who is None or who.version):
        raise CommandFailed('--as is a reference such as "Practitioner/ict-jansen"')
    if not _PURPOSE.fullmatch(options.purpose):
        raise CommandFailed("--purpose is a code of v3-ActReason, such as HCOMPL")
    reference = str(who) if who else account
    actor = Actor(reference, "operator", (), purpose=options.purpose, people=(reference,), client=account)
    asked = [(each, "") for each in parameters]
    request = secrets.token_hex(_REQUEST)
    line = row(actor, f"${command}", _DONE, now(), request, type_=type_, dossier=dossier, parameters=asked)
    beside.record(settings.database, line)


def _account() -> str:
    """Return the account that logged in to this machine, whoever it became afterwards; without a log-in that of the process."""
    number = os.getuid()
    try:
        login = int(_LOGIN.read_text(encoding="ascii"))
        number = number if login == _NO_LOGIN else login
    except (OSError, ValueError):
        pass  # not every machine keeps it
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    return _OTHER.sub("-", name)[:_LONGEST]
