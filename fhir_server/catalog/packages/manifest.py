"""What a package says of itself in its package.json."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
_CORE: Final = "hl7.fhir.r4.core"
_R4: Final = ("4.0", "R4")


class PackageError(ValueError):
    """A package cannot be used; the text is one line that says why."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A package: ``dependencies`` are the names and versions of those it needs, the package of R4 itself left out."""

    name: str
    version: str
    dependencies: Mapping[str, str]

    def __str__(self) -> str:
        """Name it as packages are named."""
        return f"{self.name}#{self.version}"


def read_manifest(content: Any) -> Manifest:  # noqa: ANN401 - JSON
    """Read the JSON of a package.json. Raises PackageError when it is none, or of a package for another version of FHIR."""
    if not isinstance(content, dict):
        raise PackageError("its package.json is no JSON object")
    name, version = _text(content, "name", _NAME), _text(content, "version", VERSION)
    needs = content.get("dependencies", {})
    if not isinstance(needs, dict) or not all(isinstance(each, str) for each in needs.values()):
        raise PackageError("the dependencies in its package.json are no names with versions")
    versions = _versions(content)
    if not any(each.startswith(_R4) for each in versions) and _CORE not in needs:
        told = f"it is for FHIR {', '.join(versions)}" if versions else "its package.json names no version of FHIR"
        raise PackageError(f"{told}; this server takes packages for 4.0")
    return Manifest(name, version, {each: needs[each] for each in sorted(needs) if each != _CORE})


def _text(content: Mapping[str, Any], key: str, form: re.Pattern[str]) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not form.fullmatch(value):
        raise PackageError(f"its package.json has no usable {key}: letters, digits, dots and hyphens")
    return value


def _versions(content: Mapping[str, Any]) -> list[str]:
    """Return the versions of FHIR that are named; tools have called the list by three names."""
    found = (content.get(key) for key in ("fhirVersions", "fhir-version-list", "fhirVersion"))
    return [str(each) for part in found if part for each in (part if isinstance(part, list) else [part])]
