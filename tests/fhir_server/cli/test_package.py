"""Packages by command: added, listed, checked and removed."""

from pathlib import Path

import pytest
from packages import package, profile

from fhir_server.cli import main

LISTED = "example.profiles#1.0.0\t1 profiles and extensions, 0 value sets, 0 code systems, 0 concept maps"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = main(words)
    printed = capsys.readouterr()
    return status, printed.out.rstrip(), printed.err.rstrip()


def test_a_package_comes_and_goes(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(package(tmp_path / "some.tgz", [profile("client", "Patient", {"path": "Patient.gender", "min": 1})]))
    assert run(capsys, "package", "list") == (0, "", "")
    assert run(capsys, "package", "add", file) == (0, f"added {LISTED}", "")
    assert run(capsys, "package", "add", file) == (0, f"already here: {LISTED}", "")
    assert run(capsys, "package", "list") == (0, LISTED, "")
    assert data.stat().st_mode & 0o777 == 0o700
    assert run(capsys, "package", "remove", "example.profiles#1.0.0") == (0, "removed example.profiles#1.0.0", "")
    assert run(capsys, "package", "list") == (0, "", "")
    status, _, told = run(capsys, "package", "remove", "example.profiles#1.0.0")
    assert (status, "no package" in told) == (1, True)


def test_a_version_means_one_thing(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = package(tmp_path / "first.tgz", [profile("client", "Patient")])
    second = package(tmp_path / "second.tgz", [profile("other", "Patient")])
    assert run(capsys, "package", "add", str(first))[0] == 0
    kept = list((data / "packages").iterdir())
    assert run(capsys, "package", "add", str(second)) == (
        1,
        "",
        "fhir-server: example.profiles#1.0.0 is here with another content; remove that first",
    )
    assert list((data / "packages").iterdir()) == kept


@pytest.mark.usefixtures("data")
def test_what_is_no_package_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "no.tgz").write_bytes(b"something else")
    assert run(capsys, "package", "add", str(tmp_path / "no.tgz")) == (
        1,
        "",
        "fhir-server: no.tgz: it is no gzipped tar, or a damaged one",
    )
    status, _, told = run(capsys, "package", "add", str(tmp_path / "absent.tgz"))
    assert (status, told.count("\n"), "No such file" in told) == (1, 0, True)


@pytest.mark.usefixtures("data")
def test_check_says_what_packages_lack(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "packages: in order" in run(capsys, "check")[1]
    orphan = profile("orphan", "Patient", base="https://elsewhere.example/StructureDefinition/base")
    file = package(tmp_path / "some.tgz", [orphan], dependencies={"elsewhere.base": "2.0.0", "hl7.fhir.r4.core": "4.0.1"})
    added = run(capsys, "package", "add", str(file))[1]
    assert added.endswith("example.profiles#1.0.0 needs elsewhere.base#2.0.0, which is not here")
    status, told, _ = run(capsys, "check")
    line = next(each for each in told.splitlines() if each.startswith("packages"))
    assert status == 1
    assert "needs elsewhere.base#2.0.0" in line
    assert "https://elsewhere.example/StructureDefinition/base is not known here" in line


def test_check_names_a_damaged_package(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data / "packages").mkdir(parents=True)
    (data / "packages" / "broken#1.zip").write_bytes(b"no zip")
    status, told, _ = run(capsys, "check")
    assert status == 1
    assert "packages: broken#1.zip is damaged" in told
