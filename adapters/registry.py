"""Finds adapters: the folders ``adapters/<kind>/<system>/`` with a manifest, and installed packages.

An installed package names its adapter in the entry-point group ``fhir_server.adapters``: the name is the adapter's id
(``kind/system``), the value the package with its ``manifest.toml`` and ``adapter.py``.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable

from adapters.contract import SourceAdapter
from adapters.manifest import Manifest, read_manifest

GROUP = "fhir_server.adapters"


class UnknownAdapter(KeyError):
    """There is no adapter with this id."""


def manifests() -> list[Manifest]:
    """Return the manifests of all adapters, by id; ManifestError when one is wrong."""
    return [manifest(adapter) for adapter in adapter_ids()]


def adapter_ids() -> list[str]:
    """Return the ids of all adapters, in order, whether their manifest is right or not."""
    return sorted(_packages())


@cache
def manifest(adapter: str) -> Manifest:
    """Return the manifest of an adapter; UnknownAdapter, ManifestError."""
    return read_manifest(adapter, (folder(adapter) / "manifest.toml").read_text(encoding="utf-8"))


@cache
def load(adapter: str) -> SourceAdapter:
    """Return the adapter with this id ("pharmacy/hl7v3"), made once; UnknownAdapter when there is none."""
    made: SourceAdapter = import_module(f"{_package(adapter)}.adapter").Adapter()
    return made


def folder(adapter: str) -> Traversable:
    """Return the folder of an adapter (manifest, samples, README); UnknownAdapter when there is none."""
    return files(_package(adapter))


def _package(adapter: str) -> str:
    packages = _packages()
    if adapter not in packages:
        raise UnknownAdapter(adapter)
    return packages[adapter]


@cache
def _packages() -> dict[str, str]:
    installed = {point.name: point.value for point in entry_points(group=GROUP)}
    return installed | dict(_own())


def _own() -> Iterator[tuple[str, str]]:
    for kind in files("adapters").iterdir():
        if not kind.is_dir():
            continue
        for system in kind.iterdir():
            if system.is_dir() and (system / "manifest.toml").is_file():
                yield f"{kind.name}/{system.name}", f"adapters.{kind.name}.{system.name}"
