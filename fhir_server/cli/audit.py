"""``fhir-server audit``: what may be done with the record besides reading it over FHIR."""

from fhir_server.cli import audit_export, audit_report, audit_touched
from fhir_server.cli.command import Commands


def add(commands: Commands) -> None:
    """Declare the commands."""
    audit = commands.add_parser("audit", help="report, export and search the record of access", description=__doc__)
    below = audit.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (audit_report, audit_export, audit_touched):
        command.add(below)
