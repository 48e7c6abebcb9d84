"""``fhir-server terminology load``: code systems, value sets and concept maps for ``$validate-code``, ``$expand`` and their kin."""

import argparse
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from fhir_server.bootstrap import shelf
from fhir_server.catalog.packages.manifest import VERSION, Manifest
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.catalog.packages.tarball import Content, kept, read_package
from fhir_server.cli.command import CommandFailed, Commands
from fhir_server.errors import FhirError
from fhir_server.model import json, xml
from fhir_server.settings import Settings

_TYPES: Final = ("CodeSystem", "ValueSet", "ConceptMap")
_PACKED: Final = (".tgz", ".gz")
_NAME: Final = "loaded"
_UNVERSIONED: Final = "0"


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
    for version in {_version(each) for each in found}:
        _keep([each for each in found if _version(each) == version], Manifest(_NAME, version, {}), target)
    return [each["resourceType"] for each in found]


def _keep(found: Iterable[dict[str, Any]], manifest: Manifest, target: Shelf) -> None:
    """Put definitions of one version beside those that were loaded before, and in their place."""
    before = next((each.definitions() for each in target.packages() if each.manifest == manifest), {})
    after = before | {(each["resourceType"], each["url"]): each for each in found}
    target.keep(Content(manifest, tuple(after.values())), replace=True)


def _version(definition: Mapping[str, Any]) -> str:
    """Return the version of a definition, as that of a package may be."""
    given = str(definition.get("version", _UNVERSIONED))
    return given if VERSION.fullmatch(given) else hashlib.sha256(given.encode()).hexdigest()[:16]


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
