"""``fhir-server check``: whether configuration, adapters, mapping rows, catalogue, role matrix and packages are in order."""

import argparse
from collections.abc import Callable, Iterator, Mapping
from functools import partial

from adapters import checker
from adapters.manifest import ManifestError
from fhir_server.access.break_glass import BreakGlassError, break_glass
from fhir_server.access.roles import RolesError, load_roles
from fhir_server.bootstrap import now
from fhir_server.catalog import catalog
from fhir_server.catalog.packages.manifest import PackageError
from fhir_server.cli import named_files
from fhir_server.cli.check_packages import packages
from fhir_server.cli.command import Commands
from fhir_server.federation.holder import InvalidHolderConsents
from fhir_server.federation.sources import InvalidSources
from fhir_server.medmij.catalogue import InvalidServices, read_services
from fhir_server.medmij.lists.xml import InvalidList
from fhir_server.medmij.registry import InvalidRegistry
from fhir_server.oauth.authorize.consent_groups import GroupsError, load_groups
from fhir_server.oauth.authorize.oidc.provider import InvalidProviders
from fhir_server.oauth.clients import InvalidClients
from fhir_server.oauth.issuer_table import InvalidIssuers
from fhir_server.oauth.keys import KeyFileError
from fhir_server.oauth.ring import KeyRing
from fhir_server.settings import Settings
from fhir_server.storage import migrate
from profiles.medmij import services_text


def add(commands: Commands) -> None:
    """Declare the command."""
    command = commands.add_parser("check", help="check configuration, adapters, mapping rows and profiles", description=__doc__)
    command.set_defaults(run=run)


def run(_: argparse.Namespace, settings: Settings) -> int:
    """Print a line for each thing that was looked at; 1 when one of them is wrong."""
    wrong = False
    for name, look in _LOOKS.items():
        findings = list(_findings(look, settings))
        wrong = wrong or bool(findings)
        print(f"{name}: {'; '.join(findings) or 'in order'}")
    return 1 if wrong else 0


def _findings(look: Callable[[Settings], Iterator[str]], settings: Settings) -> Iterator[str]:
    try:
        yield from look(settings)
    except (
        catalog.CatalogError,
        RolesError,
        BreakGlassError,
        ManifestError,
        InvalidSources,
        InvalidHolderConsents,
        InvalidClients,
        GroupsError,
        InvalidIssuers,
        InvalidRegistry,
        InvalidList,
        InvalidServices,
        InvalidProviders,
        KeyFileError,
        PackageError,
        migrate.DatabaseUnreachable,
        OSError,
    ) as error:
        yield str(error)


def _catalogue(_: Settings) -> Iterator[str]:
    load_roles(catalog.load().types)
    break_glass()
    load_groups(catalog.load().types)
    read_services(services_text(), catalog.load().types)
    return iter(())


def _adapters(_: Settings) -> Iterator[str]:
    return (f"{each.adapter}: {each.text}" for each in checker.check_all() if each.severity == "error")


def _keys(settings: Settings) -> Iterator[str]:
    if settings.data_dir.exists():
        KeyRing(settings.data_dir, now())
    return iter(())


def _file(read: Callable[[Settings], object], settings: Settings) -> Iterator[str]:
    read(settings)
    return iter(())


def _database(settings: Settings) -> Iterator[str]:
    revision = migrate.current(settings.database)
    if revision not in {None, migrate.head()}:
        yield f"at revision {revision}, this version needs {migrate.head()}: run `fhir-server migrate`"


_LOOKS: Mapping[str, Callable[[Settings], Iterator[str]]] = {
    "catalogue and roles": _catalogue,
    "adapters and mapping rows": _adapters,
    **{name: partial(_file, read) for name, read in named_files.READ.items()},
    "packages": packages,
    "keys": _keys,
    "database": _database,
}
