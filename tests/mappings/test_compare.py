from decimal import Decimal

from mappings.compare import compare, leaves
from mappings.engine import Resource
from mappings.fhir_xml import read_resource


def counts(expected: list[Resource], actual: list[Resource], addresses: dict[str, str] | None = None) -> tuple[int, int, int, int]:
    score = compare(expected, actual, addresses)
    return score.equal, score.missing, score.different, score.extra


def patient(id_: str, **parts: object) -> Resource:
    return {"resourceType": "Patient", "id": id_, "identifier": [{"system": "s", "value": "1"}], **parts}


def test_ids_do_not_count() -> None:
    assert counts([patient("a")], [patient("b")]) == (3, 0, 0, 0)


def test_missing_different_and_extra() -> None:
    expected = [patient("a", gender="male", birthDate="2000-01-01")]
    actual = [patient("b", gender="female", active=True)]
    score = compare(expected, actual)
    assert (score.equal, score.missing, score.different, score.extra) == (3, 1, 1, 1)
    assert score.paths == {("different", "gender"): 1, ("missing", "birthDate"): 1, ("extra", "active"): 1}
    assert score.percentage == 60.0


def test_resources_are_matched_by_identifier() -> None:
    other = patient("c") | {"identifier": [{"system": "s", "value": "2"}]}
    assert counts([patient("a"), other], [other, patient("b")]) == (6, 0, 0, 0)
    assert counts([patient("a")], [other]) == (0, 3, 0, 3)


def test_references_are_followed() -> None:
    def dispense(reference: str) -> Resource:
        return {
            "resourceType": "MedicationDispense",
            "id": "d",
            "identifier": [{"value": "d"}],
            "subject": {"reference": reference},
        }

    addresses = {"urn:uuid:1": "Patient/a"}
    right = counts([patient("a"), dispense("urn:uuid:1")], [patient("b"), dispense("Patient/b")], addresses)
    wrong = counts([patient("a"), dispense("urn:uuid:1")], [patient("b"), dispense("Patient/c")], addresses)
    assert right == (6, 0, 0, 0)
    assert wrong == (5, 0, 1, 0)


def test_texts_are_compared_without_blanks_around_them_and_numbers_as_written() -> None:
    assert counts([patient("a", gender=" male ", x="")], [patient("b", gender="male")]) == (4, 0, 0, 0)
    assert counts([patient("a", x=Decimal("1.0"))], [patient("b", x=Decimal("1.00"))]) == (3, 0, 1, 0)
    assert counts([patient("a", x=Decimal(1))], [patient("b", x=1)]) == (4, 0, 0, 0)


def test_extensions_are_known_by_url() -> None:
    one = {"resourceType": "Patient", "extension": [{"url": "u/a", "valueString": "1"}, {"url": "u/b", "valueString": "2"}]}
    assert leaves(one) == {"resourceType": "Patient", "extension[a].valueString": "1", "extension[b].valueString": "2"}


def test_a_repeated_item_counts_as_one_with_several_codes() -> None:
    xml = b"""<Medication xmlns="http://hl7.org/fhir"><id value="1"/><ingredient>
      <itemCodeableConcept><coding><code value="a"/></coding></itemCodeableConcept>
      <itemCodeableConcept><coding><code value="b"/></coding></itemCodeableConcept></ingredient></Medication>"""
    assert leaves(read_resource(xml)) == {
        "resourceType": "Medication",
        "ingredient[0].itemCodeableConcept.coding[0].code": "a",
        "ingredient[0].itemCodeableConcept.coding[1].code": "b",
    }


def test_reading_xml() -> None:
    xml = b"""<Patient xmlns="http://hl7.org/fhir"><id value="1"/><active value="true"/><name><family value="F">
      <extension url="u"><valueDecimal value="1.50"/></extension></family><given value="A"/><given>
      <extension url="v"><valueInteger value="2"/>
      </extension></given></name><contact><relationship><text value="x"/></relationship></contact></Patient>"""
    assert read_resource(xml) == {
        "resourceType": "Patient",
        "id": "1",
        "active": True,
        "name": [
            {
                "family": "F",
                "_family": {"extension": [{"url": "u", "valueDecimal": Decimal("1.50")}]},
                "given": ["A", None],
                "_given": [None, {"extension": [{"url": "v", "valueInteger": 2}]}],
            }
        ],
        "contact": [{"relationship": [{"text": "x"}]}],
    }
