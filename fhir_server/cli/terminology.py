"""``fhir-server terminology load``: code systems, value sets and concept maps for ``$validate-code``, ``$expand`` and their kin."""

import argparse
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fhir_server.bootstrap import shelf
from fhir_server.catalog.packages.manifest import Manifest
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.catalog.packages.tarball import Content, kept, read_package
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.errors import FhirError
from fhir_server.model import json, xml
from fhir_server.settings import Settings

_TYPES: Final = ("CodeSystem", "ValueSet", "ConceptMap")
_PACKED: Final = (".tgz", ".gz")
_PREFIX: Final = "loaded."


def add(commands: Commands) -> None:
    """Declare the command."""
    group = commands.add_parser("terminology", help="code systems, value sets and concept maps").add_subparsers(
        required=True, metavar="COMMAND"
    )
    loading = group.add_parser("load", help="keep code systems, value sets and concept maps", description=run_load.__doc__)
    loading.add_argument(
        "file", nargs="+", type=Path, metavar="FILE", help="a package (.tgz), or a resource or Bundle in JSON or XML"
    )
    loading.set_defaults(run=run_load)


def run_load(options: argparse.Namespace, settings: Settings) -> int:
    """Keep code systems, value sets and concept maps in the data folder; what has the same URL and version is replaced.

    A server that runs knows them from its next request on.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in options.file:
        found = _loaded(file, shelf(settings))
        if not found:
            raise CommandFailed(f"{file.name}: there is no {', '.join(_TYPES[:-1])} or {_TYPES[-1]} with a url in it")
        print(f"{file.name}: " + ", ".join(f"{sum(type_ == each for each in found)} {type_}" for type_ in _TYPES))
    return 0


def _loaded(file: Path, target: Shelf) -> list[str]:
    """Keep what is in ``file``; return the types of what was kept. Raises CommandFailed, PackageError, OSError."""
    if file.suffix in _PACKED:
        target.add(file)
        return [each["resourceType"] for each in read_package(file).definitions if each["resourceType"] in _TYPES]
    found = [each for each in map(kept, _resources(_read(file))) if each is not None and each["resourceType"] in _TYPES]
    for each in found:
        target.keep(Content(_manifest(each), (each,)), replace=True)
    return [each["resourceType"] for each in found]


def _read(file: Path) -> Mapping[str, Any]:
    data = file.read_bytes()
    try:
        return xml.read(data) if data.lstrip()[:1] == b"<" else json.read(data).resource
    except FhirError as error:
        raise CommandFailed(f"{file.name}: {error}") from error


def _resources(resource: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if resource.get("resourceType") != "Bundle":
        yield resource
        return
    yield from (entry["resource"] for entry in resource.get("entry", ()) if isinstance(entry.get("resource"), dict))


def _manifest(definition: Mapping[str, Any]) -> Manifest:
    """Return the package that one definition makes: a name for its URL, and the version under which it is found."""
    named = hashlib.sha256(f"{definition['url']}|{definition.get('version', '')}".encode()).hexdigest()[:16]
    return Manifest(f"{_PREFIX}{definition['resourceType'].lower()}.{named}", "1", {})
