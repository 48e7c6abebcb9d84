"""Writes a new adapter: an installable project that works for an invented system, to be made to speak to a real one."""

import re
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from adapters import registry

_ID = re.compile(r"(?P<kind>[a-z][a-z0-9]*)/(?P<system>[a-z][a-z0-9_]*)")
_MARK = ".txt"  # no file of the template is taken for what it is only the template of


class ScaffoldError(ValueError):
    """The adapter cannot be written; the text says why."""


def write(adapter: str, folder: Path | None = None) -> Path:
    """Write the project of the adapter ``adapter`` ("kind/system") into ``folder``; return that folder.

    ``folder``: must be empty or not there yet; None makes one in the working directory. Raises ScaffoldError when the id is none or
    taken, or the folder holds something; OSError when it cannot be written.
    """
    named = _ID.fullmatch(adapter)
    if named is None:
        raise ScaffoldError(f"{adapter!r} is no id of an adapter: write kind/system in lower case, such as homecare/acme")
    if adapter in registry.adapter_ids():
        raise ScaffoldError(f"there is an adapter {adapter} already")
    words = _words(adapter, named["kind"], named["system"])
    folder = folder or Path(words["project"])
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(f"{folder} is there already and not empty")
    for place, text in _filled(files("adapters") / "template", words):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def _words(adapter: str, kind: str, system: str) -> dict[str, str]:
    """Return what stands for each placeholder of the template."""
    package = f"{kind}_{system}"
    return {
        "id": adapter,
        "kind": kind,
        "system": system,
        "package": package,
        "project": f"{package.replace('_', '-')}-adapter",
        "namespace": f"urn:example:{kind}:{system}",
    }


def _filled(folder: Traversable, words: dict[str, str], path: str = "") -> Iterator[tuple[str, str]]:
    """Give each file below ``folder``: its place in the project, and its text."""
    for each in sorted(folder.iterdir(), key=lambda found: found.name):
        name = words["package"] if each.name == "package" else each.name.removesuffix(_MARK)
        if each.is_dir():
            yield from _filled(each, words, f"{path}{name}/")
        elif each.name.endswith(_MARK):
            yield f"{path}{name}", Template(each.read_text(encoding="utf-8")).substitute(words)
