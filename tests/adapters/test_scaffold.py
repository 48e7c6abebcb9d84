"""``fhir-server adapter new``: what it writes is installed, understood, checked and tested as the page on it says."""

import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters import scaffold
from fhir_server.cli import main
from fhir_server.federation.sources import parse

ROOT = Path(__file__).resolve().parents[2]
ID = "homecare/acme"


SEVERAL = """
import contextlib, io, json, sys
from fhir_server.cli import main
from fhir_server.federation.sources import parse
told = []
for words in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(words)
    told.append((status, out.getvalue(), err.getvalue()))
json.dump(told, sys.stdout)
"""
"""Carries out commands one after the other in one process, since each process takes seconds to start."""


@dataclass(frozen=True)
class Project:
    """A written and installed adapter: its ``folder``, and where Python finds it, in a copy of the environment."""

    folder: Path
    environment: dict[str, str]

    def python(self, *words: str | Path, given: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-B", *map(str, words)]
        return subprocess.run(
            command, input=given, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )

    def said(self, *words: str | Path, given: str = "") -> str:
        done = self.python(*words, given=given)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("scaffold")
    installed = folder / "installed"
    made = Project(scaffold.write(ID, folder / "an adapter"), os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{installed}"})
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--no-compile", "--disable-pip-version-check")
    made.said("-m", "pip", "install", *options, "--target", installed, ".")
    return made


@pytest.fixture(scope="module")
def told(project: Project) -> list[tuple[int, str, str]]:
    """Return status, output and errors of: list, check, a message translated."""
    sample = project.folder / "homecare_acme" / "samples" / "measurements.xml"
    commands = [["adapter", "list"], ["adapter", "check", ID], ["map", "run", ID, str(sample), "--explain"]]
    return [(status, out, err) for status, out, err in json.loads(project.said("-c", SEVERAL, given=json.dumps(commands)))]


def test_the_hub_knows_it(told: list[tuple[int, str, str]]) -> None:
    assert f"{ID}\thomecare, acme\tmeasurements in XML 1.0\tObservation, Patient\n" in told[0][1]


def test_a_source_is_declared_as_the_pages_say(project: Project) -> None:
    for page in (project.folder / "README.md", ROOT / "docs" / "adapters.md"):
        (table,) = re.findall(r"```toml\n(.*?)```", page.read_text(), re.DOTALL)
        (source,) = parse(textwrap.dedent(table), [ID])
        assert (source.adapter, source.organisation[0][1]) == (ID, "90000001")


def test_what_is_to_do_is_said(told: list[tuple[int, str, str]]) -> None:
    assert told[1] == (1, f"error\t{ID}\tclaims bronze, but owner is still to do\n", "")


def test_its_sample_becomes_what_its_tests_expect(project: Project, told: list[tuple[int, str, str]]) -> None:
    status, bundle, explained = told[2]
    assert (status, bundle) == (0, (project.folder / "tests" / "golden" / "measurements.json").read_text())
    assert "observation-amount\tamount\t->\tObservation.valueQuantity" in explained
    assert "left over" not in explained


def test_its_own_tests_pass_and_notice_a_row_that_is_wrong(project: Project) -> None:
    assert "10 passed" in project.said("-m", "pytest", "-q", "-p", "no:cacheprovider")
    rows = project.folder / "homecare_acme" / "rows" / "Observation.csv"
    text = rows.read_text()
    rows.write_text(text.replace("'final'", "'amended'"))
    assert "1 failed" in project.python("-m", "pytest", "-q", "-p", "no:cacheprovider").stdout
    rows.write_text(text)


def test_its_code_keeps_the_rules_of_ours(project: Project) -> None:
    project.said("-m", "ruff", "format", "--no-cache", "--check", "--config", ROOT / "pyproject.toml", "homecare_acme", "tests")
    project.said("-m", "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", "homecare_acme")
    project.said("-m", "mypy", "--strict", "--cache-dir", os.devnull, "--follow-imports", "silent", "homecare_acme")


@pytest.mark.parametrize(
    ("adapter", "says"),
    [("acme", "is no id"), ("homecare/Acme", "is no id"), ("../x/y", "is no id"), ("pharmacy/hl7v3", "already")],
)
def test_an_id_that_cannot_be(adapter: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(scaffold.ScaffoldError, match=says):
        scaffold.write(adapter, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapter", "new", ID, str(tmp_path / "new")]) == 0
    assert "README.md" in capsys.readouterr().out
    assert (tmp_path / "new" / "homecare_acme" / "manifest.toml").is_file()
    assert main(["adapter", "new", ID, str(tmp_path / "new")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    for folder in (tmp_path, tmp_path / "kept"):
        with pytest.raises(scaffold.ScaffoldError, match="there already"):
            scaffold.write(ID, folder)
    assert [each.name for each in tmp_path.iterdir()] == ["kept"]
