import json
import zipfile
from pathlib import Path

import pytest

import profiles
from profiles import definitions
from profiles.definitions import Binding, TypeRef, UnknownType, compartment, search_parameters, type_definition, value_set_codes

ARCHIVE = Path(profiles.__file__).parent / "r4" / "definitions.zip"


def element(type_: str, path: str) -> definitions.Element:
    parent = path.rpartition(".")[0]
    return next(each for each in type_definition(type_).elements[parent] if each.path == path)


def test_the_archive_says_where_its_facts_come_from() -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["package"] == "hl7.fhir.r4.core"
    assert manifest["version"] == "4.0.1"
    assert manifest["sha256"] == "b090bf929e1f665cf2c91583720849695bc38d2892a7c5037c56cb00817fb091"


def test_the_archive_is_small_and_holds_no_prose() -> None:
    assert ARCHIVE.stat().st_size < 1_500_000
    with zipfile.ZipFile(ARCHIVE) as archive:
        patient = archive.read("types/Patient.json").decode()
    assert not any(f'"{word}"' in patient for word in ("definition", "comment", "short", "human", "requirements"))


def test_resource_types_are_the_concrete_ones() -> None:
    types = definitions.resource_types()
    assert len(types) == 146
    assert {"Patient", "CommunicationRequest", "Bundle"} <= types
    assert not {"Resource", "DomainResource", "HumanName", "string"} & types


def test_every_type_loads_and_every_child_belongs_to_a_parent_that_has_children() -> None:
    with zipfile.ZipFile(ARCHIVE) as archive:
        names = list(json.loads(archive.read("manifest.json"))["types"])
    assert len(names) == 209
    for name in names:
        definition = type_definition(name)
        known = {each.path for children in definition.elements.values() for each in children} | {name}
        assert set(definition.elements) <= known
        for children in definition.elements.values():
            for each in children:
                assert each.types or each.content in definition.elements
                assert all(type_definition(type_.code) for type_ in each.types)


def test_a_type_is_loaded_once_and_cannot_be_changed() -> None:
    patient = type_definition("Patient")
    assert type_definition("Patient") is patient
    with pytest.raises(TypeError):
        patient.elements["Patient"] = ()  # type: ignore[index]


def test_children_come_in_order_with_the_inherited_ones_first() -> None:
    names = [each.name for each in type_definition("Patient").elements["Patient"]]
    assert names[:9] == [
        "id",
        "meta",
        "implicitRules",
        "language",
        "text",
        "contained",
        "extension",
        "modifierExtension",
        "identifier",
    ]
    assert names[-1] == "link"
    assert [each.name for each in type_definition("Patient").elements["Patient.link"]][-2:] == ["other", "type"]


def test_cardinality_binding_and_flags() -> None:
    gender = element("Patient", "Patient.gender")
    assert (gender.min, gender.max) == (0, 1)
    assert gender.binding == Binding("required", "http://hl7.org/fhir/ValueSet/administrative-gender")
    assert gender.summary
    assert not gender.modifier
    assert element("Patient", "Patient.name").max is None
    assert element("Patient", "Patient.active").modifier
    assert element("CareTeam", "CareTeam.participant.member").types[0].targets[:2] == ("Practitioner", "PractitionerRole")


def test_choices_keep_their_mark_and_all_their_types() -> None:
    deceased = element("Patient", "Patient.deceased[x]")
    assert deceased.name == "deceased[x]"
    assert deceased.types == (TypeRef("boolean"), TypeRef("dateTime"))


def test_system_types_are_given_as_fhir_types() -> None:
    assert element("Patient", "Patient.id").types == (TypeRef("id"),)
    assert element("HumanName", "HumanName.id").types == (TypeRef("string"),)
    assert element("Extension", "Extension.url").types == (TypeRef("uri"),)
    assert element("Extension", "Extension.url").attribute
    assert not element("Patient", "Patient.id").attribute


def test_a_content_reference_names_the_path() -> None:
    link = element("Bundle", "Bundle.entry.link")
    assert link.content == "Bundle.link"
    assert link.types == ()


def test_constraints() -> None:
    assert "pat-1" in {each.key for each in element("Patient", "Patient.contact").constraints}
    dom6 = next(each for each in type_definition("Patient").constraints if each.key == "dom-6")
    assert (dom6.severity, dom6.expression) == ("warning", "text.`div`.exists()")


def test_primitive_types_have_a_pattern_and_no_value_element() -> None:
    assert type_definition("id").regex == r"[A-Za-z0-9\-\.]{1,64}"
    assert type_definition("id").base == "string"
    assert [each.name for each in type_definition("id").elements["id"]] == ["id", "extension"]
    assert type_definition("xhtml").regex == ""


def test_unknown_types() -> None:
    for name in ("Patiënt", "", "../manifest", "MoneyQuantity"):
        with pytest.raises(UnknownType):
            type_definition(name)
    with pytest.raises(KeyError):
        compartment("Nobody")
    with pytest.raises(UnknownType):
        search_parameters("HumanName")


def test_value_sets_are_expanded_where_their_code_systems_are_complete() -> None:
    genders = value_set_codes("http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1")
    assert genders == {"http://hl7.org/fhir/administrative-gender": {"male", "female", "other", "unknown"}}
    purposes = value_set_codes("http://terminology.hl7.org/ValueSet/v3-PurposeOfUse")
    assert purposes is not None
    assert {"TREAT", "BTG", "PATRQT"} <= purposes["http://terminology.hl7.org/CodeSystem/v3-ActReason"]


@pytest.mark.parametrize("name", ["mimetypes", "ucum-units", "currencies", "procedure-reason", "no-such-value-set"])
def test_value_sets_that_cannot_be_checked(name: str) -> None:
    assert value_set_codes(f"http://hl7.org/fhir/ValueSet/{name}") is None


def test_required_bindings_can_be_checked_but_for_four() -> None:
    required = {
        each.binding.value_set
        for name in definitions.resource_types()
        for children in type_definition(name).elements.values()
        for each in children
        if each.binding is not None and each.binding.strength == "required"
    }
    unknown = {url.rsplit("/", 1)[1] for url in required if value_set_codes(url) is None}
    assert unknown <= {"mimetypes", "ucum-units", "currencies", "LL379-9"}


def test_search_parameters_include_those_of_the_base_types() -> None:
    found = search_parameters("Observation")
    assert {"_id", "_lastUpdated", "_text", "code", "patient", "combo-code"} <= set(found)
    assert found["subject"].type == "reference"
    assert "Patient" in found["subject"].targets
    assert found["code-value-quantity"].components[1] == (
        "http://hl7.org/fhir/SearchParameter/Observation-value-quantity",
        "value.as(Quantity)",
    )
    assert "_text" not in search_parameters("Bundle")
    assert "_id" in search_parameters("Bundle")


def test_no_examples_among_the_search_parameters() -> None:
    assert all("example" not in each.url for name in definitions.resource_types() for each in search_parameters(name).values())


def test_compartments() -> None:
    assert compartment("Patient")["Observation"] == ("subject", "performer")
    assert "Organization" not in compartment("Patient")
    assert compartment("RelatedPerson")["CareTeam"] == ("participant",)
