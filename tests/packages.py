"""Packages for tests: made of a few definitions, or of the national profiles beside the checkout."""

import io
import json
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from fhir_server.catalog.packages.canonical import Canonicals
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.errors import Issue
from fhir_server.model import xml
from fhir_server.model.json import write
from fhir_server.validation.packaged.engine import Profiles

Json = dict[str, Any]
OURS = "https://packages.example/StructureDefinition/"
CORE = "http://hl7.org/fhir/StructureDefinition/"


def tgz(path: Path, members: Mapping[str, bytes]) -> Path:
    """Write a gzipped tar of these members."""
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def manifest(name: str = "example.profiles", version: str = "1.0.0", **more: object) -> Json:
    return {"name": name, "version": version, "fhirVersions": ["4.0.1"]} | more


def package(path: Path, definitions: Iterable[Json], **said: Any) -> Path:
    """Write a package of ``definitions``; ``said`` goes into its package.json."""
    files = {f"package/{number}.json": write(each) for number, each in enumerate(definitions)}
    return tgz(path, {"package/package.json": json.dumps(manifest(**said)).encode(), **files})


def profile(name: str, type_: str, *elements: Json, base: str = "", **more: Any) -> Json:
    """Return a profile of ``type_`` whose differential has ``elements``; their ids are made of their paths where they have none."""
    named = [{"id": str(each["path"]) + (f":{each['sliceName']}" if "sliceName" in each else ""), **each} for each in elements]
    return {
        "resourceType": "StructureDefinition",
        "url": OURS + name,
        "name": name,
        "status": "active",
        "kind": "resource",
        "abstract": False,
        "type": type_,
        "baseDefinition": base or CORE + type_,
        "derivation": "constraint",
        "differential": {"element": named},
        **more,
    }


def profiles_of(folder: Path, definitions: Iterable[Json]) -> Profiles:
    """Return what judges by ``definitions`` alone, which come by way of a package."""
    shelf = Shelf(folder / "packages")
    for each in shelf.packages():
        shelf.remove(str(each.manifest))
    shelf.add(package(folder / "made.tgz", definitions))
    return Profiles(Canonicals(shelf.packages()))


def national(reference: Path, folder: Path) -> Path:
    """Return the package of the national base profiles, which lie beside the checkout as XML."""
    found = (reference / "nictiz" / "profiles" / "zib2020").glob("*/*.xml")
    files = [path for path in sorted(found) if path.parent.name in {"StructureDefinition", "ValueSet", "CodeSystem"}]
    return package(folder / "national.tgz", map(resource_in, files), name="nl.core", version="0.12.1-beta.1")


def resource_in(path: Path) -> Json:
    return xml.read(path.read_bytes())


def errors(issues: Iterable[Issue]) -> set[tuple[str, str]]:
    """Return (code of the hub's own, place) of the errors."""
    return {(each.detail, each.expression) for each in issues if each.severity == "error"}


def warnings(issues: Iterable[Issue]) -> set[tuple[str, str]]:
    return {(each.detail, each.expression) for each in issues if each.severity == "warning"}
