"""``fhir-server audit touched``: whose dossiers were touched, by whom a leak or a leaver makes it necessary to know.

One line per client: reference, number of lines, first and last time, between tabs. The record has a line on this look, which stands
in the log of each of these clients, up to 500.
"""

import argparse

from fhir_server.cli import audit_period, operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.cli.recorded import touched
from fhir_server.model.meta import instant
from fhir_server.settings import Settings

_NAMED = 500
_BY = {
    "actor": 'who, such as "Practitioner/gp-harmsen"',
    "client": "the software, by its client id",
    "organisation": 'for whom, such as "Organization/practice-wold"',
    "address": "from which network address",
}


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("touched", help="list the clients whose dossiers somebody touched", description=__doc__)
    for name, text in _BY.items():
        command.add_argument(f"--{name}", default="", metavar="REF" if name in {"actor", "organisation"} else "ID", help=text)
    audit_period.add(command)
    operator.add(command, "HCOMPL")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the list."""
    by = {name: value for name in _BY if (value := getattr(options, name))}
    if not by:
        raise CommandFailed(f"say by whom: {', '.join(f'--{name}' for name in _BY)}")
    period = audit_period.read(options)
    asked = [*by, *(name for name, given in (("from", options.since), ("to", options.until)) if given)]
    found = touched(settings, by, *period)
    named = " ".join(each.dossier for each in found) if len(found) <= _NAMED else ""
    operator.record(options, settings, "audit-touched", "AuditEvent", asked, named)
    for each in found:
        print(each.dossier, each.lines, instant(each.first), instant(each.last), sep="\t")
    return 0
