"""The manifest of an adapter: what it is for, read from its ``manifest.toml``.

Keys: ``name``, ``standard``, ``version``, ``owner``, ``resource_types``, ``payload`` (media type of what ``translate`` reads),
``tables`` (the packages whose mapping rows it uses), and a table ``options``: name and meaning of each option in ``sources.toml``.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from profiles.definitions import resource_types

_TEXTS = ("name", "standard", "version", "owner", "payload")
_LISTS = ("resource_types", "tables")


class ManifestError(ValueError):
    """A manifest is wrong; the text says in what."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One adapter: ``id`` is ``kind/system``, the folder it is in."""

    id: str
    name: str
    standard: str
    version: str
    owner: str
    payload: str
    resource_types: tuple[str, ...]
    tables: tuple[str, ...]
    options: Mapping[str, str]


def read_manifest(adapter: str, text: str) -> Manifest:
    """Read the manifest of the adapter ``adapter``; ManifestError when it is wrong."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"{adapter}: manifest.toml: {error}") from None
    unknown = found.keys() - {*_TEXTS, *_LISTS, "options"}
    if unknown:
        raise ManifestError(f"{adapter}: manifest.toml: unknown key {min(unknown)!r}")
    for key in _TEXTS:
        if not isinstance(found.get(key), str) or not found[key]:
            raise ManifestError(f"{adapter}: manifest.toml: {key} must be a text")
    for key in _LISTS:
        if not isinstance(found.get(key), list) or not all(isinstance(item, str) for item in found[key]):
            raise ManifestError(f"{adapter}: manifest.toml: {key} must be a list of texts")
    for name in found["resource_types"]:
        if name not in resource_types():
            raise ManifestError(f"{adapter}: manifest.toml: {name!r} is not an R4 resource type")
    options = found.get("options", {})
    if not isinstance(options, dict) or not all(isinstance(meaning, str) for meaning in options.values()):
        raise ManifestError(f"{adapter}: manifest.toml: options must be a table of texts")
    texts = {key: found[key] for key in _TEXTS}
    return Manifest(adapter, **texts, resource_types=tuple(found["resource_types"]), tables=tuple(found["tables"]), options=options)
