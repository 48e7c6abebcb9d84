"""``$validate`` against the profiles of packages, which come and go while the server runs."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from architecture.sources import ROOT, modules, tree
from dossier_room import NURSE, SYSTEM, Room, room
from packages import OURS, package, profile

from fhir_server.catalog.packages.shelf import Shelf

Json = dict[str, Any]
HEAVY = re.compile(r"validation\.packaged\.engine|validation\.fhirpath|fhirpathpy")
PATIENT: Json = {"resourceType": "Patient", "meta": {"profile": [OURS + "client"]}, "gender": "female"}
CLIENT = profile("client", "Patient", {"path": "Patient.birthDate", "min": 1}, {"path": "Patient.photo", "max": "0"})


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("packages")) as found:
        yield found


@pytest.fixture
def shelf(hub: Room) -> Iterator[Shelf]:
    found: Shelf | None = hub.services.profiles._shelf
    assert found is not None
    yield found
    for each in found.packages():
        found.remove(str(each.manifest))


def issues(hub: Room, resource: Json, *profiles: str) -> list[tuple[str, str, str]]:
    parts = [{"name": "resource", "resource": resource}, *({"name": "profile", "valueUri": each} for each in profiles)]
    body = json.dumps({"resourceType": "Parameters", "parameter": parts}).encode()
    outcome = json.loads(hub.operate(NURSE, "validate", resource["resourceType"], body).body)
    return [
        (each["severity"], each["details"].get("coding", [each])[0]["code"], *each.get("expression", [""]))
        for each in outcome["issue"]
    ]


def test_a_profile_is_known_from_when_its_package_comes_until_it_goes(hub: Room, shelf: Shelf, tmp_path: Path) -> None:
    assert issues(hub, PATIENT) == [("warning", "profile-unknown", "")]
    shelf.add(package(tmp_path / "one.tgz", [CLIENT]))
    assert issues(hub, PATIENT) == [("error", "profile-cardinality-min", "Patient.birthDate")]
    assert issues(hub, PATIENT | {"birthDate": "1950"}) == [("information", "informational", "")]
    shelf.remove("example.profiles#1.0.0")
    assert issues(hub, PATIENT) == [("warning", "profile-unknown", "")]


def test_it_is_asked_for_or_claimed(hub: Room, shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(package(tmp_path / "one.tgz", [CLIENT]))
    unclaimed = {key: value for key, value in PATIENT.items() if key != "meta"}
    assert issues(hub, unclaimed) == [("information", "informational", "")]
    assert issues(hub, unclaimed, OURS + "client") == [("error", "profile-cardinality-min", "Patient.birthDate")]
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    assert issues(hub, task, OURS + "client") == [("error", "profile-type", "Task")]


def test_the_newest_version_counts_unless_one_is_named(hub: Room, shelf: Shelf, tmp_path: Path) -> None:
    for version, element in (("1.9.0", "gender"), ("1.10.0", "photo"), ("1.10.0-rc.1", "name")):
        made = profile("client", "Patient", {"path": f"Patient.{element}", "max": "0"}, version=version)
        shelf.add(package(tmp_path / f"{version}.tgz", [made], version=version))
    whole = PATIENT | {"name": [{"text": "A"}], "photo": [{"title": "B"}]}
    unclaimed = {key: value for key, value in whole.items() if key != "meta"}
    too_many = ("error", "profile-cardinality-max")
    assert issues(hub, whole) == [(*too_many, "Patient.photo")]
    assert issues(hub, unclaimed, OURS + "client|1.9.0") == [(*too_many, "Patient.gender")]
    assert issues(hub, unclaimed, OURS + "client|3") == [("error", "profile-unknown", "")]


def test_writes_stay_as_they_are(hub: Room, shelf: Shelf, tmp_path: Path) -> None:
    shelf.add(package(tmp_path / "one.tgz", [CLIENT]))
    hub.write(SYSTEM, PATIENT | {"id": "undated"}, interaction="update")


def test_a_damaged_package_is_told(hub: Room, shelf: Shelf) -> None:
    shelf.folder.mkdir(exist_ok=True)
    broken = shelf.folder / "broken#1.zip"
    broken.write_bytes(b"no zip")
    try:
        assert issues(hub, PATIENT) == [("warning", "profile-unchecked", ""), ("warning", "profile-unknown", "")]
    finally:
        broken.unlink()


def test_a_hub_without_packages_loads_nothing_of_it() -> None:
    loading = {
        str(path.relative_to(ROOT))
        for path in modules(ROOT, ("fhir_server",))
        for statement in tree(path).body
        if isinstance(statement, ast.Import | ast.ImportFrom) and HEAVY.search(ast.unparse(statement))
    }
    assert all(each.startswith(("fhir_server/validation/packaged/", "fhir_server/validation/fhirpath/")) for each in loading)
    assert not loading & {"fhir_server/validation/packaged/shelved.py", "fhir_server/validation/packaged/inside.py"}
