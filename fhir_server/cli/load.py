"""``fhir-server load PATH...``: store resources from NDJSON files, Bundles or single resources."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.cli.documents import found_in, size_of
from fhir_server.cli.loading import Loaded, load_all
from fhir_server.errors import Issue
from fhir_server.settings import Settings

_EVERY, _EVERY_LINE = 0.5, 10.0  # seconds between two reports, to a terminal and to a file


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("load", help="store resources from files", description=_DESCRIPTION)
    command.add_argument(
        "paths", nargs="+", type=Path, metavar="PATH", help=".ndjson, a Bundle, one resource; - is the standard input"
    )
    command.add_argument("--continue-on-error", action="store_true", help="name what is refused and go on with the rest")
    command.set_defaults(run=run)


_DESCRIPTION = """Store resources as the system would with PUT: all are validated, one that is stored already gets a new version, or
keeps its version when nothing changed. So the same files can be loaded again, also after an interruption. Their order is free:
references are not checked. Of a Bundle with a history the newest versions are stored."""


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Store everything as the system would; stop at the first that is refused, or name it and go on."""
    report = _Report(size_of(options.paths), go_on=options.continue_on_error)
    done = load_all(settings, (each for path in options.paths for each in found_in(path)), report.refused, report.progress)
    report.end(done)
    if report.first and not options.continue_on_error:
        raise CommandFailed(f"{report.first} ({done.stored} resources were stored; correct it and load the same again)")
    print(", ".join(_totals(done)))
    return 1 if done.refused else 0


def _totals(done: Loaded) -> list[str]:
    others = ((done.unchanged, "unchanged"), (done.refused, "refused"))
    return [f"{done.stored} resources stored", *(f"{count} {word}" for count, word in others if count)]


class _Report:
    """Says on stderr how far it is, and keeps the first resource that was refused."""

    def __init__(self, size: int, *, go_on: bool) -> None:
        self.first = ""
        self._size = size
        self._go_on = go_on
        self._begin = self._last = monotonic()
        self._terminal = sys.stderr.isatty()

    def refused(self, place: str, issues: Sequence[Issue]) -> bool:
        """Take note of a resource that is refused; return whether to go on."""
        text = f"{place}: " + "; ".join(f"{issue.expression or 'resource'}: {issue.text}" for issue in issues)
        self.first = self.first or text
        if self._go_on:
            sys.stderr.write(f"{text}\n")
        return self._go_on

    def progress(self, done: Loaded) -> None:
        """Say how far it is, now and then."""
        now = monotonic()
        if now - self._last >= (_EVERY if self._terminal else _EVERY_LINE):
            self._last = now
            self._say(done)

    def end(self, done: Loaded) -> None:
        """Say it for the last time, if it took a while."""
        if monotonic() - self._begin >= (_EVERY if self._terminal else _EVERY_LINE):
            self._say(done)
        if self._terminal:
            sys.stderr.write("\n")

    def _say(self, done: Loaded) -> None:
        rate = done.count / (monotonic() - self._begin)
        share = f", {min(done.size / self._size, 1):.0%}" if self._size else ""
        text = f"{done.count:,} resources, {rate:,.0f} a second{share}{', packing the indexes' if done.packing else ''}"
        sys.stderr.write(f"\r{text}  " if self._terminal else f"{text}\n")
