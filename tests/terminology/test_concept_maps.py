from collections.abc import Callable

import pytest

from terminology.concept_maps import UnknownConceptMap, concept_map, concept_map_ids, concept_map_resource

GSTANDAARD = "urn:oid:2.16.840.1.113883.2.4.4.1.900.2"


def test_a_listed_code_becomes_its_target() -> None:
    match = concept_map("gstandaard-unit-to-ucum").translate("303", GSTANDAARD)
    assert match is not None
    assert (match.system, match.code, match.display) == ("http://unitsofmeasure.org", "[drp]", "druppel")


def test_an_unlisted_code_becomes_nothing() -> None:
    assert concept_map("gstandaard-unit-to-ucum").translate("999999", GSTANDAARD) is None


def test_a_code_of_another_system_becomes_nothing() -> None:
    assert concept_map("gstandaard-unit-to-ucum").translate("303", "http://loinc.org") is None


def test_unmapped_provided_keeps_the_code() -> None:
    match = concept_map("oid-to-identifier-system").translate("urn:oid:1.2.3")
    assert match is not None
    assert match.code == "urn:oid:1.2.3"


def test_unmapped_fixed_gives_the_fixed_code() -> None:
    match = concept_map("family-order-to-assembly-order").translate("SP-SP")
    assert match is not None
    assert match.code == "UNK"


def test_the_source_of_a_target() -> None:
    table = concept_map("oid-to-identifier-system")
    assert table.source_of("http://fhir.nl/fhir/NamingSystem/bsn") == "urn:oid:2.16.840.1.113883.2.4.6.3"
    assert table.source_of("urn:oid:1.2.3") == ""


@pytest.mark.parametrize("load", [concept_map, concept_map_resource])
def test_an_unknown_map_is_refused(load: Callable[[str], object]) -> None:
    with pytest.raises(UnknownConceptMap):
        load("no-such-map")


@pytest.mark.parametrize("map_id", sorted(concept_map_ids()))
def test_every_map_is_fhir(map_id: str) -> None:
    from fhir.resources.R4B.conceptmap import ConceptMap

    resource = concept_map_resource(map_id)
    assert ConceptMap.model_validate(resource).id == map_id
    assert resource["url"] == f"https://netwerkdossier.example/fhir/ConceptMap/{map_id}"
    for group in resource["group"]:
        codes = [element["code"] for element in group["element"]]
        assert len(codes) == len(set(codes))


def test_the_two_unit_maps_agree() -> None:
    back = concept_map("ucum-to-gstandaard-unit")
    for group in concept_map_resource("ucum-to-gstandaard-unit")["group"]:
        for element in group["element"]:
            unit = back.translate(element["code"])
            assert unit is not None
            assert concept_map("gstandaard-unit-to-ucum").translate(unit.code, GSTANDAARD) is not None
