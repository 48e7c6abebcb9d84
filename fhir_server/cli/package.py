"""``fhir-server package add|list|remove``: FHIR packages whose profiles ``$validate`` checks resources against."""

import argparse
from collections import Counter
from pathlib import Path

from fhir_server.bootstrap import shelf
from fhir_server.catalog.packages.manifest import Manifest
from fhir_server.catalog.packages.shelf import Kept
from fhir_server.cli.command import Commands
from fhir_server.settings import Settings

_COUNTED = {
    "StructureDefinition": "profiles and extensions",
    "ValueSet": "value sets",
    "CodeSystem": "code systems",
    "ConceptMap": "concept maps",
}


def add(commands: Commands) -> None:
    """Declare the commands."""
    group = commands.add_parser("package", help="FHIR packages: profiles to validate against").add_subparsers(
        required=True, metavar="COMMAND"
    )
    adding = group.add_parser("add", help="keep a package", description=run_add.__doc__)
    adding.add_argument("file", nargs="+", type=Path, metavar="FILE.tgz", help="a package, as FHIR registries give it")
    adding.set_defaults(run=run_add)
    group.add_parser("list", help="list the packages that are kept", description=run_list.__doc__).set_defaults(run=run_list)
    removing = group.add_parser("remove", help="remove a package", description=run_remove.__doc__)
    removing.add_argument("package", metavar="NAME#VERSION", help="as `list` shows it")
    removing.set_defaults(run=run_remove)


def run_add(options: argparse.Namespace, settings: Settings) -> int:
    """Keep packages in the data folder. A server that runs uses them from its next $validate on."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = shelf(settings)
    for file in options.file:
        manifest, new = kept.add(file)
        print(f"{'added' if new else 'already here:'} {_line(next(each for each in kept.packages() if each.manifest == manifest))}")
    for each in kept.packages():
        for line in missing(each, [one.manifest for one in kept.packages()]):
            print(line)
    return 0


def run_list(_: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each package."""
    for each in shelf(settings).packages():
        print(_line(each))
    return 0


def run_remove(options: argparse.Namespace, settings: Settings) -> int:
    """Remove a package; what was stored stays."""
    shelf(settings).remove(options.package)
    print(f"removed {options.package}")
    return 0


def missing(package: Kept, known: list[Manifest]) -> list[str]:
    """Say which packages it needs that are not here; another version of one will do."""
    names = {each.name for each in known}
    needs = package.manifest.dependencies.items()
    return [f"{package.manifest} needs {name}#{version}, which is not here" for name, version in needs if name not in names]


def _line(package: Kept) -> str:
    counts = Counter(type_ for type_, _ in package.index)
    return f"{package.manifest}\t" + ", ".join(f"{counts[type_]} {name}" for type_, name in _COUNTED.items())
