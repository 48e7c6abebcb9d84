"""What is installed is what was chosen: every package pinned, every file hashed, no place named."""

import re
import tomllib
from pathlib import Path

import pytest
from architecture.sources import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = ("requirements.lock", "requirements-dev.lock")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def entries(text: str) -> list[str]:
    """Return the requirements of a lock file, each with its continuation lines."""
    return re.findall(r"^(?![#\s]).+(?:\n\s+--hash.+)*", text, re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Return {package: version} of a lock file."""
    found = (re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", entry) for entry in entries(text))
    return {canonicalize_name(match[1]): match[2] for match in found if match}


def loose(text: str) -> list[str]:
    """Return the first lines of the entries that are not pinned with a hash, or that name a place."""
    whole = re.compile(r"[A-Za-z0-9._-]+==[^\s;]+(?: ; [^\n]+)? \\\n(?:\s+--hash=sha256:[0-9a-f]{64}(?: \\\n|$))+")
    return [entry.splitlines()[0] for entry in entries(text) if not whole.fullmatch(entry) or "://" in entry]


def requirements(*extras: str) -> list[Requirement]:
    """Return what pyproject.toml asks for, with the given extras."""
    project = PROJECT["project"]
    return [
        Requirement(line) for line in [*project["dependencies"], *(r for e in extras for r in project["optional-dependencies"][e])]
    ]


def unmet(wanted: list[Requirement], pinned: dict[str, str]) -> list[str]:
    """Return the requirements that the pins do not satisfy."""
    return [
        str(want) for want in wanted if not want.specifier.contains(pinned.get(canonicalize_name(want.name), "0"), prereleases=True)
    ]


def lock(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_is_pinned_and_hashed(name: str) -> None:
    assert pins(lock(name))
    assert loose(lock(name)) == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_place(name: str) -> None:
    assert re.findall(r"://|^-.*|/[a-z]+/", lock(name), re.MULTILINE) == []


def test_the_locks_hold_what_the_project_asks_for() -> None:
    assert unmet(requirements(), pins(lock("requirements.lock"))) == []
    assert unmet(requirements("dev"), pins(lock("requirements-dev.lock"))) == []


def test_the_build_backend_is_locked_as_the_build_asks() -> None:
    assert unmet([Requirement(line) for line in PROJECT["build-system"]["requires"]], pins(lock("requirements-dev.lock"))) == []


def test_both_locks_agree() -> None:
    assert pins(lock("requirements.lock")).items() <= pins(lock("requirements-dev.lock")).items()


HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    "entry",
    [
        "lxml==6.1",
        "lxml>=6.1 \\\n    " + HASH,
        "lxml @ https://x.example/lxml.whl \\\n    " + HASH,
        "lxml==6.1 \\\n    --hash=md5:0",
        "-e .",
    ],
)
def test_a_loose_entry_is_named(entry: str) -> None:
    assert loose(f"# made by make lock\n{entry}\n    # via x\n") == [entry.splitlines()[0]]


def test_a_pinned_entry_is_fine() -> None:
    text = f"lxml==6.1 \\\n    {HASH} \\\n    {HASH}\n    # via x\norjson==3 \\\n    {HASH}\n"
    assert loose(text) == []
    assert pins(text) == {"lxml": "6.1", "orjson": "3"}


def test_a_missing_package_is_named() -> None:
    assert unmet([Requirement("lxml>=6"), Requirement("orjson>=3")], {"lxml": "5.9"}) == ["lxml>=6", "orjson>=3"]


def test_setup_installs_from_the_lock_alone() -> None:
    make = Path(ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--require-hashes --requirement requirements-dev.lock" in make
    assert "--no-deps --no-index --no-build-isolation" in make
