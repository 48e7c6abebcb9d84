"""The catalogue: what is in it, and what is refused when it is read."""

from pathlib import Path

import pytest

from fhir_server.catalog.catalog import Catalog, CatalogError, load
from fhir_server.catalog.definitions import own_search_parameters, search_parameter
from profiles.definitions import compartment, resource_types

TASK = """
[Task]
home = "owned"
interactions = ["read", "search-type"]
search = ["status", "owner", "authored-on"]
include = ["owner"]
patient = "for"
main_date = "authored-on"
audit = "task"
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def test_all_types_are_types_of_r4(catalog: Catalog) -> None:
    assert set(catalog.types) <= resource_types()
    assert all(entry.name == name for name, entry in catalog.types.items())


def test_federated_types_are_only_read(catalog: Catalog) -> None:
    federated = [entry for entry in catalog.types.values() if entry.home == "federated"]
    assert federated
    assert all(entry.interactions <= {"read", "search-type"} for entry in federated)


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("CareTeam", "owned"),
        ("Communication", "owned"),
        ("Appointment", "both"),
        ("Condition", "federated"),
        ("MedicationDispense", "federated"),
    ],
)
def test_where_a_type_lives(catalog: Catalog, name: str, home: str) -> None:
    assert catalog.types[name].home == home


def test_the_record_is_never_changed(catalog: Catalog) -> None:
    assert catalog.types["AuditEvent"].interactions.isdisjoint({"update", "delete", "patch"})


def test_types_of_the_patient_compartment_name_their_dossier(catalog: Catalog) -> None:
    outside = {"Group"}  # a group of patients belongs to none of them
    for name in set(compartment("Patient")) & set(catalog.types) - outside:
        assert catalog.types[name].dossier or catalog.types[name].own_dossier, name


def test_only_patients_and_teams_are_dossiers_themselves(catalog: Catalog) -> None:
    assert {name for name, entry in catalog.types.items() if entry.own_dossier} == {"Patient", "CareTeam"}


def test_every_clinical_type_that_sources_answer_has_a_category(catalog: Catalog) -> None:
    without = {entry.name for entry in catalog.types.values() if entry.home != "owned" and not entry.category}
    assert without == {"Coverage"}


def test_the_patient_parameter_points_to_patients_only(catalog: Catalog) -> None:
    for entry in catalog.types.values():
        if "patient" in entry.search:
            assert entry.search["patient"].targets == ("Patient",)


def test_our_own_parameter_reads_the_extension() -> None:
    found = own_search_parameters("CommunicationRequest")["sender-careteam"]
    assert found.targets == ("CareTeam",)
    parameter = search_parameter("CommunicationRequest", "sender-careteam")
    assert parameter is not None
    assert [step.name for step in parameter.paths[0].steps] == ["extension", "valueReference"]


def test_a_code_has_an_implied_system_and_a_concept_has_none() -> None:
    status, category = search_parameter("CareTeam", "status"), search_parameter("CareTeam", "category")
    assert status is not None
    assert category is not None
    assert (status.implied_system, category.implied_system) == (True, False)


def test_an_unknown_parameter_is_none() -> None:
    assert search_parameter("CareTeam", "colour") is None


def test_a_small_catalogue_is_read(tmp_path: Path) -> None:
    entry = _load(tmp_path, TASK + "\n[common]\nsearch = ['_tag']\n").types["Task"]
    assert list(entry.search) == ["status", "owner", "authored-on", "_tag"]
    assert (entry.includes, entry.patient, entry.main_date, entry.category) == (("owner",), "for", "authored-on", "")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("[Task]", "[Chore]", "Chore: FHIR R4 has no such resource type"),
        ('"owned"', '"rented"', "Task: unknown home rented; known are both, federated, owned"),
        ('"read"', '"browse"', "Task: unknown interaction browse"),
        ('"status"', '"colour"', "Task: there is no search parameter colour"),
        ('include = ["owner"]', 'include = ["status"]', "Task: unknown include status; known are owner"),
        ('"for"', '"whom"', "Task: bad patient path: Task has no 'whom'"),
        ('"for"', '"status"', "Task: bad patient path"),
        ('main_date = "authored-on"', 'main_date = "status"', "Task: unknown main_date status"),
        ("audit =", "adit =", "Task: unknown key adit"),
        ('audit = "task"', "", "Task: audit is missing"),
        ('home = "owned"', 'home = "federated"\nprofile = 1', "Task: unknown key profile"),
    ],
)
def test_a_wrong_catalogue_is_refused(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in TASK
    with pytest.raises(CatalogError, match=says):
        _load(tmp_path, TASK.replace(old, new))


def test_a_federated_type_with_a_write_is_refused(tmp_path: Path) -> None:
    text = TASK.replace("owned", "federated").replace('"read"', '"read", "update"')
    with pytest.raises(CatalogError, match="Task: a federated type is never written: update"):
        _load(tmp_path, text)


def test_a_parameter_that_cannot_be_indexed_is_refused(tmp_path: Path) -> None:
    text = TASK.replace("Task", "Observation").replace('"status", "owner", "authored-on"', '"dna-variant"')
    with pytest.raises(CatalogError, match="Observation: search parameter dna-variant cannot be indexed"):
        _load(tmp_path, text)


def test_a_main_date_has_one_value(tmp_path: Path) -> None:
    text = TASK.replace("Task", "CarePlan").replace('"status", "owner", "authored-on"', '"activity-date"').replace('"owner"', "")
    with pytest.raises(CatalogError, match="CarePlan: unknown main_date activity-date"):
        _load(tmp_path, text.replace('main_date = "authored-on"', 'main_date = "activity-date"').replace('"for"', '"subject"'))


def _load(folder: Path, text: str) -> Catalog:
    file = folder / "catalog.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)
