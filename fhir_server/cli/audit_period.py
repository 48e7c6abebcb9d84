"""The period that a command on the record is about."""

import argparse

from fhir_server.cli.command import CommandFailed
from fhir_server.search.rows import EARLIEST, LATEST
from fhir_server.search.values import DateError, span


def add(command: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    command.add_argument("--from", dest="since", default="", metavar="WHEN", help="date or instant, such as 2026-10-01")
    command.add_argument("--to", dest="until", default="", metavar="WHEN", help="the same, that day or moment included")
    command.add_argument("--data-dir", help="folder of the database (FHIR_SERVER_DATA_DIR)")


def read(options: argparse.Namespace) -> tuple[int, int]:
    """Return the first instant and the one after the last (microseconds). Raises CommandFailed."""
    try:
        low = span(options.since).low if options.since else EARLIEST
        return low, span(options.until).high if options.until else LATEST
    except DateError as error:
        raise CommandFailed(f"--from and --to are dates or instants: {error}") from error
