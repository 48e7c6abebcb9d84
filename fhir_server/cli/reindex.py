"""``fhir-server reindex``: bring the search index in line with the stored resources, or compare the two.

It goes on where an earlier run ended. On PostgreSQL servers may run meanwhile; on SQLite the server must be stopped, or do the work
itself: POST /fhir/$reindex. With --check nothing is written, and a server may always run.
"""

import argparse
import sys
from collections.abc import Callable

from fhir_server.bootstrap import check_index, now, reindex
from fhir_server.cli import operator
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.settings import Settings
from fhir_server.storage.lock import DatabaseInUse
from fhir_server.storage.reindex.compare import EXAMPLES, Report

_EVERY = 2_000_000  # microseconds between two lines of progress
_SECOND = 1_000_000


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("reindex", help="bring the search index in line with the resources", description=__doc__)
    command.add_argument("--check", action="store_true", help="only compare: exit status 1 when they differ")
    operator.add(command, "HSYSADMIN")
    command.add_argument("--data-dir", help="folder of the database (FHIR_SERVER_DATA_DIR)")
    command.set_defaults(run=run)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Do it, or compare; one line on stdout says what came of it."""
    operator.record(options, settings, "reindex-check" if options.check else "reindex", "")
    if options.check:
        return _check(settings)
    started, show = now(), progress(now, sys.stderr.write)
    try:
        done = reindex(settings, show)
    except DatabaseInUse as error:
        raise CommandFailed(f"{error}; a running server reindexes by itself on POST /fhir/$reindex") from error
    took = (now() - started) / _SECOND
    resumed = ", resumed" if done.resumed else ""
    print(f"{done.resources:,} resources gone over{resumed}: {done.added:,} rows added, {done.removed:,} removed, in {took:.1f} s")
    return 0


def progress(clock: Callable[[], int], write: Callable[[str], object]) -> Callable[[str, int, int], None]:
    """Return what writes a line now and then, and one when a phase is done: how many of how many resources, how many a second."""
    began: dict[str, tuple[int, int]] = {}
    last = clock()

    def show(phase: str, done: int, total: int) -> None:
        nonlocal last
        at = clock()
        start, before = began.setdefault(phase, (at, done))
        if at - last < _EVERY and done < total:
            return
        last = at
        rate = f", {(done - before) * _SECOND // (at - start):,}/s" if at > start else ""
        write(f"{_PHASES[phase]}: {done:,} of {total:,} resources{rate}\n")

    return show


_PHASES = {
    "fill": "add what is missing",
    "clear": "remove what is surplus",
    "check": "compare",
    "resource": "current versions",
    "history": "older versions",
}


def _check(settings: Settings) -> int:
    show = progress(now, sys.stderr.write)
    report = check_index(settings, lambda done, total: show("check", done, total))
    print(f"{report.resources:,} resources: {_told(report)}")
    return 0 if report.equal else 1


def _told(report: Report) -> str:
    if report.equal:
        return "the index is equal to a rebuild"
    tables = sorted({*report.missing, *report.surplus})
    counts = [f"{name} {report.missing.get(name, 0):,} missing, {report.surplus.get(name, 0):,} surplus" for name in tables]
    more = ", ..." if len(report.examples) == EXAMPLES else ""
    return f"the index differs from a rebuild: {'; '.join(counts)}; such as {', '.join(report.examples)}{more}"
