import pytest

from mappings.targets import Primitive, TargetError, has, in_order, parse_target, place, required_names, root_type


@pytest.mark.parametrize(
    "text",
    [
        "MedicationDispense.status",
        "MedicationDispense.performer.actor",
        "MedicationDispense.medicationReference",
        "MedicationDispense.extension(https://example.org/x).valuePeriod",
        "MedicationDispense.modifierExtension(https://example.org/x).valueDuration",
        "MedicationDispense.dosageInstruction.timing.repeat.boundsDuration",
        "MedicationDispense.category.coding.system",
        "MedicationDispense.extension",
    ],
)
def test_elements_of_r4(text: str) -> None:
    assert parse_target(text, "MedicationDispense")


@pytest.mark.parametrize(
    "text",
    [
        "MedicationDispense.renderedDosageInstruction",
        "MedicationDispense.medication",
        "MedicationDispense.medicationString",
        "MedicationDispense.performer.name",
        "MedicationDispense.status.code.x",
        "MedicationDispense.extension.valueString",
        "MedicationDispense.status(https://example.org/x).value",
        "MedicationDispense.",
        "MedicationDispense.status.",
        "Patient.gender",
        "MedicationDispense",
        "MedicationDispense.performer[0].actor",
    ],
)
def test_not_elements_of_r4(text: str) -> None:
    with pytest.raises(TargetError):
        parse_target(text, "MedicationDispense")


@pytest.mark.parametrize("root", ["Medication.ingredient", "Bundle.entry.link", "Patient"])
def test_roots(root: str) -> None:
    assert root_type(root) == root.split(".", maxsplit=1)[0]


@pytest.mark.parametrize("root", ["Medicine", "Medication.ingredients", ""])
def test_no_roots(root: str) -> None:
    with pytest.raises(TargetError):
        root_type(root)


def put(values: list[tuple[str, object]]) -> tuple[dict[str, object], list[bool]]:
    made: dict[str, object] = {"resourceType": "MedicationDispense"}
    placed = [place(made, parse_target(f"MedicationDispense.{path}", "MedicationDispense"), value) for path, value in values]
    return {name: value for name, value in made.items() if name != "resourceType"}, placed


def test_a_single_element_keeps_its_first_value() -> None:
    assert put([("status", "unknown"), ("status", "completed")]) == ({"status": "unknown"}, [True, False])


def test_a_choice_keeps_its_first_type() -> None:
    made, placed = put([("medicationCodeableConcept", {"text": "x"}), ("medicationReference", {"reference": "Medication/1"})])
    assert made == {"medicationCodeableConcept": {"text": "x"}}
    assert placed == [True, False]


def test_a_repeating_element_takes_more() -> None:
    made, _ = put([("identifier", {"value": "1"}), ("identifier", [{"value": "2"}, {"value": "3"}])])
    assert made == {"identifier": [{"value": "1"}, {"value": "2"}, {"value": "3"}]}


def test_one_occurrence_on_the_way() -> None:
    made, _ = put([("performer.actor", {"reference": "Organization/1"}), ("performer.function", {"text": "x"})])
    assert made == {"performer": [{"actor": {"reference": "Organization/1"}, "function": {"text": "x"}}]}


def test_extensions_by_url() -> None:
    made, _ = put([("extension(urn:a).valueString", "1"), ("extension(urn:b).valueString", "2"), ("extension(urn:a).id", "i")])
    assert made == {"extension": [{"url": "urn:a", "valueString": "1", "id": "i"}, {"url": "urn:b", "valueString": "2"}]}


def test_a_primitive_with_extensions() -> None:
    made, _ = put([("status", Primitive("unknown", [{"url": "urn:a"}]))])
    assert made == {"status": "unknown", "_status": {"extension": [{"url": "urn:a"}]}}
    made, placed = put([("status", Primitive(None, [{"url": "urn:a"}])), ("status", "unknown")])
    assert made == {"_status": {"extension": [{"url": "urn:a"}]}}
    assert placed == [True, False]


def test_extensions_of_one_of_several_values() -> None:
    steps = parse_target("AllergyIntolerance.category", "AllergyIntolerance")
    made: dict[str, object] = {}
    for value in ("food", Primitive("biologic", [{"url": "urn:a"}])):
        assert place(made, steps, value)
    assert made == {"category": ["food", "biologic"], "_category": [None, {"extension": [{"url": "urn:a"}]}]}


def test_required_names_and_choices() -> None:
    assert set(required_names("MedicationDispense")) == {"status", "medication[x]"}
    assert has({"medicationReference": {}}, "medication[x]")
    assert not has({"medications": {}}, "medication[x]")


def test_elements_in_the_order_of_the_definition() -> None:
    mixed = {
        "status": "unknown",
        "medicationReference": {},
        "id": "1",
        "_status": {},
        "resourceType": "MedicationDispense",
        "meta": {},
    }
    assert list(in_order(mixed)) == ["resourceType", "id", "meta", "status", "_status", "medicationReference"]
