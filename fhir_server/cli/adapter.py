"""``fhir-server adapter new|list|check``: a new adapter, which source systems are understood, and whether all is in order."""

import argparse
from pathlib import Path

from adapters import checker, registry, scaffold
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.settings import Settings


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.add_parser("adapter", help="the adapters of source systems").add_subparsers(required=True, metavar="COMMAND")
    group.add_parser("list", help="list the adapters", description=__doc__).set_defaults(run=run_list)
    check = group.add_parser("check", help="check manifests, mapping rows and quality rules", description=__doc__)
    check.add_argument("adapters", nargs="*", metavar="ADAPTER", help="default: all of them")
    check.set_defaults(run=run_check)
    new = group.add_parser("new", help="write a new adapter, as a project of its own", description=run_new.__doc__)
    new.add_argument("adapter", metavar="KIND/SYSTEM", help="its id, such as homecare/acme")
    new.add_argument("folder", nargs="?", type=Path, metavar="DIR", help="default: KIND-SYSTEM-adapter in the working directory")
    new.set_defaults(run=run_new)


def run_new(options: argparse.Namespace, _: Settings) -> int:
    """Write a project with an adapter that works for an invented system; its README.md says how to make it speak to a real one."""
    try:
        folder = scaffold.write(options.adapter, options.folder)
    except scaffold.ScaffoldError as error:
        raise CommandFailed(str(error)) from error
    print(f"wrote {folder}; go on with {folder / 'README.md'}")
    return 0


def run_list(_: argparse.Namespace, __: Settings) -> int:
    """Print a line for each adapter."""
    for each in registry.manifests():
        print(f"{each.id}\t{each.name}\t{each.standard} {each.version}\t{', '.join(each.resource_types)}")
    return 0


def run_check(options: argparse.Namespace, _: Settings) -> int:
    """Print what there is to know about the adapters, a line each; 1 when any of it is an error."""
    try:
        findings = [finding for adapter in options.adapters or registry.adapter_ids() for finding in checker.check(adapter)]
    except registry.UnknownAdapter as error:
        raise CommandFailed(f"no adapter {error.args[0]}; `fhir-server adapter list` lists them") from error
    for each in findings:
        print(f"{each.severity}\t{each.adapter}\t{each.text}")
    if not findings:
        print("all adapters are in order")
    return 1 if any(each.severity == "error" for each in findings) else 0
