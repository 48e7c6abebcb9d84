"""``fhir-server audit report``: the figures of a month per organisation, as a MeasureReport; what is small is suppressed."""

import argparse

from fhir_server.cli import operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.cli.recorded import usage_report
from fhir_server.search.months import month
from fhir_server.search.values import DateError
from fhir_server.settings import Settings


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("report", help="print the figures of a month per organisation", description=__doc__)
    command.add_argument("--month", required=True, metavar="YYYY-MM")
    operator.add(command, "HCOMPL")
    command.add_argument("--data-dir", help="folder of the database (FHIR_SERVER_DATA_DIR)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Print the MeasureReport as FHIR JSON."""
    try:
        low, high = month(options.month)
    except DateError as error:
        raise CommandFailed(f"--month: {error}") from error
    operator.record(options, settings, "audit-report", "AuditEvent", ["month"])
    print(usage_report(settings, low, high).decode())
    return 0
