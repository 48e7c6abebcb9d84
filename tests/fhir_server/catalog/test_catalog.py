"""The catalogue: what is in it, and what is refused when it is read."""

from pathlib import Path

import pytest

from fhir_server.catalog.catalog import Catalog, CatalogError, load
from fhir_server.catalog.definitions import own_search_parameters, search_parameter
from profiles.definitions import compartment, resource_types, search_parameters

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
    outside = {"Group", "Basic"}  # a group of patients belongs to none of them; a Basic is what the server says of itself
    for name in set(compartment("Patient")) & set(catalog.types) - outside:
        assert catalog.types[name].dossier or catalog.types[name].own_dossier, name


def test_only_patients_and_teams_are_dossiers_themselves(catalog: Catalog) -> None:
    assert {name for name, entry in catalog.types.items() if entry.own_dossier} == {"Patient", "CareTeam"}


def test_every_clinical_type_that_sources_answer_has_a_category(catalog: Catalog) -> None:
    without = {entry.name for entry in catalog.types.values() if entry.home in {"federated", "both"} and not entry.category}
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


EVERYWHERE = {"_id", "_lastUpdated"}  # of every type, whatever its table says
NOT_OFFERED = {
    "_content": "no full text is indexed",
    "_text": "no full text is indexed",
    "_filter": "a language of its own",
    "_query": "no named queries are defined",
    "Patient.age": "R4 gives it no expression",
    "Patient.birthOrderBoolean": "R4 gives it no expression",
    "Patient.mothersMaidenName": "R4 names an extension that does not exist",
    "Device.din": "R4 names an extension that does not exist",
    "Patient.phonetic": "no phonetic matching is done",
    "RelatedPerson.phonetic": "no phonetic matching is done",
    "Practitioner.phonetic": "no phonetic matching is done",
    "Organization.phonetic": "no phonetic matching is done",
    "Observation.amino-acid-change": "genetics: the expression ends at an extension, not at a value",
    "Observation.dna-variant": "genetics: the expression ends at an extension, not at a value",
    "Observation.gene-amino-acid-change": "genetics: the expression ends at an extension, not at a value",
    "Observation.gene-dnavariant": "genetics: the expression ends at an extension, not at a value",
    "Observation.gene-identifier": "genetics: the expression ends at an extension, not at a value",
    "DiagnosticReport.assessed-condition": "genetics: the expression ends at an extension, not at a value",
    "ConceptMap.source-uri": "R4 calls a plain uri a reference; what is published has a canonical there",
    "ConceptMap.target-uri": "R4 calls a plain uri a reference; what is published has a canonical there, or nothing",
    "QuestionnaireResponse.item-subject": "asks for an extension on the way to its value",
}


def test_every_parameter_of_r4_is_offered_but_for_a_few(catalog: Catalog) -> None:
    searched = [entry for entry in catalog.types.values() if "search-type" in entry.interactions]
    missing = {(entry.name, code) for entry in searched for code in search_parameters(entry.name).keys() - entry.search.keys()}
    left = {code if code.startswith("_") else f"{name}.{code}" for name, code in missing}
    assert left - EVERYWHERE == NOT_OFFERED.keys()


def test_the_places_of_a_type_fit_in_a_number(catalog: Catalog) -> None:
    for entry in catalog.types.values():
        places = [parameter.place for parameter in entry.search.values()]
        assert len(set(places)) == len(places)
        assert max(places, default=0) <= 62


def test_the_index_keeps_nothing_twice_for_a_combination(catalog: Catalog) -> None:
    unions = {(entry.name, code): one.union for entry in catalog.types.values() for code, one in entry.search.items() if one.union}
    assert unions == {
        ("Observation", "combo-value-quantity"): ("component-value-quantity", "value-quantity"),
        ("Observation", "combo-code-value-concept"): ("code-value-concept", "component-code-value-concept"),
        ("Observation", "combo-code-value-quantity"): ("code-value-quantity", "component-code-value-quantity"),
    }


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
        (
            'audit = "task"',
            'audit = "task"\ntally = ["status", "owner"]',
            "Task: unknown part of the tally status; known are owner",
        ),
        ('audit = "task"', 'audit = "task"\ntally = ["owner", "authored-on"]', "Task: unknown part of the tally authored-on"),
        ('audit = "task"', 'audit = "task"\ntally = ["owner"]', "Task: a tally is a reference and a code"),
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


def test_a_type_has_one_part_at_most(tmp_path: Path) -> None:
    part = '{ param = "status", system = "http://hl7.org/fhir/task-status", code = "%s", category = "incident" }'
    one, two = part % "failed", f"{part % 'failed'}, {part % 'rejected'}"
    assert [each.code for each in _load(tmp_path, f"{TASK}parts = [{one}]").types["Task"].parts] == ["failed"]
    with pytest.raises(CatalogError, match="Task: 2 parts; there can be one"):
        _load(tmp_path, f"{TASK}parts = [{two}]")


def _load(folder: Path, text: str) -> Catalog:
    file = folder / "catalog.toml"
    file.write_text(text, encoding="utf-8")
    return load(file)
