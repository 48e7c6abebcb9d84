"""The documents agree with the tree."""

import re
from os import environ
from pathlib import Path
from shlex import split
from subprocess import run

import pytest
from architecture.sources import PACKAGES, ROOT, Plant, tracked

ADRS = sorted((ROOT / "docs" / "adr").glob("*.md"))
HEADINGS = ["Context", "Decision", "Consequences"]
PAGE = 60  # lines
LAYERS = sorted(path.parent.name for path in (ROOT / "fhir_server").glob("*/__init__.py"))


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def faults(name: str, text: str) -> list[str]:
    """Return what is wrong with one architecture decision record."""
    number = name[:4]
    wrong = []
    if not re.match(rf"# {number}: \S.*\n\nStatus: (accepted|superseded by \d{{4}}), \d{{4}}-\d\d-\d\d\n", text):
        wrong.append("begins with '# NUMBER: title', a blank line and 'Status: accepted, DATE'")
    if re.findall(r"^## (.+)$", text, re.MULTILINE) != HEADINGS:
        wrong.append(f"has the headings {', '.join(HEADINGS)}")
    if text.count("\n") > PAGE:
        wrong.append(f"fits on a page of {PAGE} lines")
    return wrong


def dead_links(root: Path) -> list[str]:
    """Name the relative links of the documents that lead nowhere."""
    return [
        f"{path.relative_to(root)}: {target}"
        for path in tracked(root)
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not (path.parent / target).exists()
    ]


def unknown_targets(text: str, makefile: str) -> list[str]:
    """Return the make targets that a document tells to use and that the Makefile does not have."""
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    return sorted(set(re.findall(r"(?:`|^\s{4}|^\$ )make ([a-z]+)", text, re.MULTILINE)) - targets)


@pytest.mark.parametrize("command", ["make run", "make test"])
def test_the_readme_names_the_commands(command: str) -> None:
    assert command in read("README.md")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_every_command_that_a_document_names_exists(name: str) -> None:
    assert unknown_targets(read(name), read("Makefile")) == []


def test_make_run_takes_a_folder_with_a_blank_in_its_name() -> None:
    command = ["make", "--dry-run", "--always-make", "run", "PORT=8080", "DATA=/tmp/my hub"]
    clean = {name: value for name, value in environ.items() if not name.startswith("MAKE")}
    printed = run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=True).stdout
    assert split(printed.splitlines()[-1])[1:] == ["demo", "--port", "8080", "--data-dir", "/tmp/my hub"]


@pytest.mark.parametrize("adr", ADRS, ids=lambda path: path.stem)
def test_a_decision_is_recorded_in_full(adr: Path) -> None:
    assert faults(adr.name, adr.read_text(encoding="utf-8")) == []


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(adr.name[:4]) for adr in ADRS] == list(range(1, len(ADRS) + 1))


def test_the_changelog_has_room_for_the_next_change() -> None:
    assert "\n## [Unreleased]\n" in read("CHANGELOG.md")


@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_is_described(layer: str) -> None:
    assert f"`{layer}/`" in read("docs/architecture.md")


def test_no_folder_is_described_that_is_not_there() -> None:
    table = re.findall(r"^\| `(\w+)/` \|", read("docs/architecture.md"), re.MULTILINE)
    assert sorted(set(table) - set(PACKAGES)) == LAYERS


def test_links_lead_somewhere() -> None:
    assert dead_links(ROOT) == []


@pytest.mark.parametrize(
    "text",
    [
        "# 0002: x\n\nStatus: accepted, 2026-11-22\n\n## Context\n## Decision\n## Consequences\n",
        "# 0001: x\n\nStatus: perhaps\n\n## Context\n## Decision\n## Consequences\n",
        "# 0001: x\n\nStatus: accepted, 2026-11-22\n\n## Context\n## Consequences\n",
        "# 0001: x\n\nStatus: accepted, 2026-11-22\n\n## Context\n## Decision\n## Consequences\n" + "line\n" * PAGE,
    ],
)
def test_a_half_record_is_refused(text: str) -> None:
    assert len(faults("0001-x.md", text)) == 1


def test_a_dead_link_is_named(plant: Plant) -> None:
    root = plant({"docs/a.md": "[x](b.md) [y](a.md#top) [z](https://example.org) [w](#here)"})
    assert dead_links(root) == ["docs/a.md: b.md"]


def test_an_unknown_command_is_named() -> None:
    assert unknown_targets("`make run`, `make tea`\n    make coffee\n", "run: setup\n") == ["coffee", "tea"]
