"""The command line: one file per command.

A command is a module with ``add(commands)``, which declares its arguments, and a function that it sets as ``run``.
Exit status: 0 done, 1 it could not be done (one line on stderr says why), 2 the command line or the configuration is wrong.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from adapters.manifest import ManifestError
from fhir_server import __version__
from fhir_server.access.roles import RolesError
from fhir_server.catalog.catalog import CatalogError
from fhir_server.catalog.packages.manifest import PackageError
from fhir_server.cli import (
    adapter,
    audit,
    bsn,
    check,
    demo,
    key,
    load,
    mapping,
    medmij,
    migrate,
    package,
    reindex,
    serve,
    subscriptions,
    terminology,
    token,
)
from fhir_server.cli.command import CommandFailed, Parser
from fhir_server.federation.holder import InvalidHolderConsents
from fhir_server.federation.sources import InvalidSources
from fhir_server.medmij.lists.xml import InvalidList
from fhir_server.medmij.registry import InvalidRegistry
from fhir_server.oauth.authorize.consent_groups import GroupsError
from fhir_server.oauth.authorize.oidc.provider import InvalidProviders
from fhir_server.oauth.clients import InvalidClients
from fhir_server.oauth.issuer_table import InvalidIssuers
from fhir_server.oauth.keys import KeyFileError
from fhir_server.settings import SettingsError, read_settings
from fhir_server.storage.beside import RecordUnwritable
from fhir_server.storage.lock import DatabaseInUse
from fhir_server.storage.migrate import DatabaseNewer, DatabaseOlder, DatabaseUnreachable
from fhir_server.storage.reindex.run import ReindexRunning


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    options = parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ, {name: value for name, value in vars(options).items() if name in _OVERRIDES and value})
        status: int = options.run(options, settings)
    except _CONFIGURATION as error:
        return _complain(error, 2)
    except _FAILURES as error:
        return _complain(error, 1)
    except OSError as error:
        return _complain(f"{error.filename or 'this command'}: {error.strerror or error}", 1)
    except KeyboardInterrupt:
        return 1
    return status


_OVERRIDES = frozenset({"host", "port", "data_dir"})
_CONFIGURATION = (
    SettingsError,
    InvalidSources,
    InvalidHolderConsents,
    ManifestError,
    CatalogError,
    RolesError,
    GroupsError,
    InvalidClients,
    InvalidProviders,
    InvalidIssuers,
    InvalidRegistry,
    InvalidList,
    KeyFileError,
)
_FAILURES = (
    CommandFailed,
    DatabaseInUse,
    DatabaseNewer,
    DatabaseOlder,
    DatabaseUnreachable,
    PackageError,
    RecordUnwritable,
    ReindexRunning,
)


def parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    root = Parser("fhir-server", description="The network dossier hub: a FHIR R4 server for network care.")
    root.add_argument("--version", action="version", version=f"fhir-server {__version__}")
    commands = root.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in (
        serve,
        demo,
        migrate,
        load,
        reindex,
        audit,
        subscriptions,
        token,
        key,
        bsn,
        check,
        adapter,
        package,
        terminology,
        mapping,
        medmij,
    ):
        command.add(commands)
    return root


def _complain(error: Exception | str, status: int) -> int:
    sys.stderr.write(f"fhir-server: {error}\n")
    return status
