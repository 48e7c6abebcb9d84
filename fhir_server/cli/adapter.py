"""``fhir-server adapter list|check``: which source systems are understood, and whether their adapters are in order."""

import argparse

from adapters import checker, registry
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.settings import Settings


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.add_parser("adapter", help="the adapters of source systems").add_subparsers(required=True, metavar="COMMAND")
    group.add_parser("list", help="list the adapters", description=__doc__).set_defaults(run=run_list)
    check = group.add_parser("check", help="check manifests, mapping rows and quality rules", description=__doc__)
    check.add_argument("adapters", nargs="*", metavar="ADAPTER", help="default: all of them")
    check.set_defaults(run=run_check)


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
