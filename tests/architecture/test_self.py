"""The project means the same on every machine: it names none, and no place that packages come from."""

import re
from pathlib import Path

import pytest
from architecture.sources import ROOT, Plant, place, tracked

HOSTS = ("pypi" + ".org", "python" + "hosted.org", "npm" + "js.", "crates" + ".io", "proxy.golang" + ".org", "repo1.maven" + ".org")
PATHS = re.compile(r"(?<![\w.:/<>\-])/(?:" + "work|root|home|Users" + r")/[\w.]")


def betrayals(root: Path) -> list[str]:
    """Name the lines that hold a path of somebody's machine or the host of a package registry."""
    return [
        place(root, path, number)
        for path in tracked(root)
        for number, line in enumerate(text(path).splitlines(), 1)
        if PATHS.search(line) or any(host in line for host in HOSTS)
    ]


def text(path: Path) -> str:
    """Return the text of a file, "" when it is binary."""
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode("utf-8", errors="replace")


def test_no_file_names_a_machine_or_a_registry() -> None:
    assert betrayals(ROOT) == []


def test_the_sources_are_found() -> None:
    names = {str(path.relative_to(ROOT)) for path in tracked(ROOT)}
    assert {"pyproject.toml", "fhir_server/errors.py"} <= names
    assert not any(name.startswith((".venv/", ".git/")) for name in names)


@pytest.mark.parametrize(
    "line", ["see /" + "work/main", "cd /" + "home/ann", "'/" + "Users/ann'", "https://" + HOSTS[0] + "/simple"]
)
def test_a_betraying_line_is_named(plant: Plant, line: str) -> None:
    root = plant(
        {"docs/a.md": f"fine\n{line}\n", "a/data/b.csv": line, ".venv/x.py": line, "data/x": line, "a/.mypy_cache/x": line}
    )
    assert betrayals(root) == ["a/data/b.csv:1", "docs/a.md:2"]


@pytest.mark.parametrize("line", ["https://example.org/home/x", "Patient/home/1", "GET /fhir/Patient", "a/work/b"])
def test_an_address_on_the_web_is_fine(plant: Plant, line: str) -> None:
    assert betrayals(plant({"docs/a.md": line})) == []
