"""A package file is not believed: what has no place in one is refused in a line, and nothing is unpacked."""

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from packages import manifest, package, profile, tgz

from fhir_server.catalog.packages.manifest import PackageError
from fhir_server.catalog.packages.tarball import Bounds, read_package

SAID = json.dumps(manifest()).encode()
WHOLE = {"package/package.json": SAID}


def told(path: Path, bounds: Bounds = Bounds()) -> str:  # noqa: B008 - immutable
    with pytest.raises(PackageError) as refused:
        read_package(path, bounds)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def with_member(path: Path, name: str, kind: bytes, target: str = "") -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, target
        archive.addfile(member)
    return path


def test_definitions_are_read_and_the_rest_is_left(tmp_path: Path) -> None:
    kept = profile("client", "Patient") | {"text": {"status": "generated", "div": "<div/>"}, "snapshot": {"element": []}}
    others = {
        "package/example/StructureDefinition-a.json": json.dumps(profile("example", "Patient")).encode(),
        "package/Patient-a.json": b'{"resourceType": "Patient"}',
        "package/.index.json": b"{",
        "package/readme.md": b"# read me",
        "package/ValueSet-without-url.json": b'{"resourceType": "ValueSet"}',
    }
    read = read_package(tgz(tmp_path / "some.tgz", WHOLE | {"package/a.json": json.dumps(kept).encode()} | others))
    assert str(read.manifest) == "example.profiles#1.0.0"
    assert [each["name"] for each in read.definitions] == ["client"]
    assert not {"text", "snapshot"} & read.definitions[0].keys()


@pytest.mark.parametrize("name", ["/package/a.json", "package/../../a.json", "../a.json"])
def test_what_leads_out_of_it_is_refused(tmp_path: Path, name: str) -> None:
    assert "outside" in told(tgz(tmp_path / "some.tgz", WHOLE | {name: b"{}"}))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    assert "link or a device" in told(with_member(tmp_path / "some.tgz", "package/a.json", kind, "/etc/passwd"))


def test_it_may_be_only_so_large(tmp_path: Path) -> None:
    path = tgz(tmp_path / "some.tgz", WHOLE | {f"package/{n}.json": b'{"a": "' + b"x" * 5000 + b'"}' for n in range(3)})
    assert "members" in told(path, Bounds(members=3))
    assert "member larger" in told(path, Bounds(member=4000))
    assert "unpacks" in told(path, Bounds(unpacked=9000))
    assert "larger than" in told(path, Bounds(file=10))
    assert read_package(path).definitions == ()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    head = tarfile.TarInfo("package/package.json")
    head.size = 1 << 40  # what the head promises counts, and what comes too
    assert "member larger" in told(written(tmp_path, head.tobuf() + b"0" * 5000))
    assert "unpacks" in told(written(tmp_path, b"\0" * 5_000_000), Bounds(unpacked=100))


def written(folder: Path, data: bytes) -> Path:
    path = folder / "bomb.tgz"
    path.write_bytes(gzip.compress(data))
    return path


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "gzipped tar"),
        (b"PK\3\4", "gzipped tar"),
        (gzip.compress(b"no tar at all" * 100), "gzipped tar"),
        (gzip.compress(b"\0" * 2000)[:-9], "gzipped tar"),
    ],
    ids=["empty", "a zip", "no tar", "torn"],
)
def test_what_is_no_gzipped_tar(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "some.tgz").write_bytes(data)
    assert said in told(tmp_path / "some.tgz")


def test_a_torn_file_is_refused_wherever_it_was_torn(tmp_path: Path) -> None:
    whole = package(tmp_path / "whole.tgz", [profile(f"p{n}", "Patient") for n in range(20)]).read_bytes()
    for end in range(1, len(whole) - 1, len(whole) // 15):
        (tmp_path / "torn.tgz").write_bytes(whole[:end])
        told(tmp_path / "torn.tgz")


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (None, "no package/package.json"),
        (b"{", "no JSON"),
        (b"[]", "no JSON object"),
        (b"\xff", "no JSON"),
        (b'{"name": ' + b"[" * 100_000, "no JSON"),
        (json.dumps(manifest(name="../x")).encode(), "name"),
        (json.dumps(manifest(version="1/2")).encode(), "version"),
        (json.dumps(manifest(fhirVersions=["5.0.0"])).encode(), "it is for FHIR 5.0.0"),
        (json.dumps(manifest(fhirVersions=[])).encode(), "no version of FHIR"),
        (json.dumps(manifest(dependencies=["a"])).encode(), "dependencies"),
    ],
)
def test_what_it_says_of_itself_must_make_sense(tmp_path: Path, said: bytes | None, part: str) -> None:
    assert part in told(tgz(tmp_path / "some.tgz", {"package/package.json": said} if said is not None else {"package/x.txt": b""}))


@pytest.mark.parametrize("versions", [{"fhirVersions": ["4.0.1"]}, {"fhir-version-list": ["4.0.1"]}, {"fhirVersion": "4.0.0"}])
def test_the_version_of_fhir_goes_by_three_names(tmp_path: Path, versions: dict[str, Any]) -> None:
    plain = {"name": "a.b", "version": "1"}
    assert read_package(tgz(tmp_path / "some.tgz", {"package/package.json": json.dumps(plain | versions).encode()}))
    core = plain | {"dependencies": {"hl7.fhir.r4.core": "4.0.1"}}
    assert read_package(tgz(tmp_path / "some.tgz", {"package/package.json": json.dumps(core).encode()})).manifest.dependencies == {}


def test_a_member_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "some.tgz", "w:gz") as archive:
        for _ in range(2):
            member = tarfile.TarInfo("package/package.json")
            member.size = len(SAID)
            archive.addfile(member, io.BytesIO(SAID))
    assert "twice" in told(tmp_path / "some.tgz")
