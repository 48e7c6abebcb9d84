"""Code systems, value sets and concept maps are loaded from packages, resources and Bundles, and replaced by what comes later."""

import json
from pathlib import Path

import pytest
from packages import package, profile

from fhir_server.catalog.packages.canonical import Canonicals
from fhir_server.catalog.packages.shelf import Shelf
from fhir_server.cli import main

COLOURS = {"resourceType": "CodeSystem", "url": "https://terms.example/colours", "status": "active", "content": "complete"}
XML = '<ValueSet xmlns="http://hl7.org/fhir"><url value="https://terms.example/set"/><status value="active"/></ValueSet>'


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FHIR_SERVER_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def known(data: Path) -> Canonicals:
    return Canonicals(Shelf(data / "packages").packages())


def test_resources_bundles_and_packages(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set.xml").write_text(XML)
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": COLOURS}, {"resource": {"resourceType": "Patient"}}],
    }
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    packed = package(tmp_path / "p.tgz", [profile("p", "Patient"), COLOURS | {"url": "https://terms.example/more"}])
    assert main(["terminology", "load", str(tmp_path / "set.xml"), str(tmp_path / "bundle.json"), str(packed)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "set.xml: 0 CodeSystem, 1 ValueSet, 0 ConceptMap",
        "bundle.json: 1 CodeSystem, 0 ValueSet, 0 ConceptMap",
        "p.tgz: 1 CodeSystem, 0 ValueSet, 0 ConceptMap",
    ]
    assert known(data).value_set("https://terms.example/set")
    assert known(data).code_system("https://terms.example/colours")
    assert known(data).code_system("https://terms.example/more")


def test_what_comes_later_replaces(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "colours.json"
    for codes in ([], ["red"]):
        file.write_text(json.dumps(COLOURS | ({"concept": [{"code": each} for each in codes]} if codes else {})))
        assert main(["terminology", "load", str(file)]) == 0
    found = known(data).code_system("https://terms.example/colours")
    assert found is not None
    assert found["concept"] == [{"code": "red"}]
    assert [each.name for each in (data / "packages").iterdir()] == ["loaded#0.zip"]


def test_versions_stand_side_by_side(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "colours.json"
    for version in ("2", "10", "1/odd"):
        file.write_text(json.dumps(COLOURS | {"version": version, "title": version}))
        assert main(["terminology", "load", str(file)]) == 0
    found = known(data)
    titles = [(found.code_system(COLOURS["url"] + each) or {}).get("title") for each in ("|2", "|10", "|1/odd", "|3", "")]
    assert titles == ["2", "10", "1/odd", None, "10"]


@pytest.mark.usefixtures("data")
@pytest.mark.parametrize("text", ['{"resourceType": "Patient"}', '{"resourceType": "CodeSystem"}', "{", "<Patient"])
def test_what_is_no_terminology_is_refused_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "some.json").write_text(text)
    assert main(["terminology", "load", str(tmp_path / "some.json")]) == 1
    told = capsys.readouterr().err
    assert told.startswith("fhir-server: some.json: ")
    assert told.count("\n") == 1
