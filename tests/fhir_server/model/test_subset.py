"""Parts of resources: what stays, what goes, and that what is left is true and valid."""

from pathlib import Path
from typing import Any

import pytest

from fhir_server.errors import Malformed
from fhir_server.model import json, xml
from fhir_server.model.subset import SUBSETTED, WHOLE, Data, Names, Summary, Text, Wish, subset
from fhir_server.validation import validate

PATIENT = b"""{"resourceType":"Patient","id":"p","meta":{"versionId":"3","tag":[{"code":"own"}]},"language":"nl",
 "implicitRules":"urn:rules",
 "text":{"status":"generated","div":"<div xmlns=\\"http://www.w3.org/1999/xhtml\\">Ansje</div>"},
 "extension":[{"url":"urn:a","valueDecimal":1.00}],"active":true,
 "name":[{"id":"n","use":"official","text":"Ansje","family":"V\\u00e9","_family":{"extension":[{"url":"urn:own","valueString":"V"}]},
 "extension":[{"url":"urn:order","valueCode":"NL1"}]},{"extension":[{"url":"urn:absent","valueCode":"unknown"}]}],
 "_birthDate":{"extension":[{"url":"urn:absent","valueCode":"unknown"}]},
 "contact":[{"name":{"text":"Marije"},"gender":"female"}],"multipleBirthInteger":2,
 "link":[{"other":{"reference":"Patient/2"},"type":"seealso"}],
 "generalPractitioner":[{"reference":"#gp"}],"managingOrganization":{"reference":"#org"},
 "contained":[{"resourceType":"Organization","id":"org","name":"x","partOf":{"reference":"#whole"}},
 {"resourceType":"Organization","id":"whole","name":"y"},{"resourceType":"Practitioner","id":"gp","active":true}]}"""
OBSERVATION = b"""{"resourceType":"Observation","id":"o","status":"final","code":{"text":"gewicht"},"valueQuantity":
 { "value" : 1.00, "unit":"kg"},"component":[{"code":{"text":"a"},"valueQuantity":{"value":2.50},
 "referenceRange":[{"text":"b"}],"interpretation":[{"text":"c"}]}],"note":[{"text":"d"}],"referenceRange":[{"low":{"value":1.0}}]}"""


WHOLESOME: tuple[Wish, ...] = (Summary(), Data())


def part(body: bytes, wish: Wish) -> dict[str, Any]:
    return json.read(subset(body, wish)).resource


def names(*paths: str) -> Names:
    return Names(dict.fromkeys(paths, WHOLE))


def test_everything_is_the_bytes_themselves() -> None:
    assert subset(PATIENT, WHOLE) is PATIENT


@pytest.mark.parametrize("wish", [Summary(), Text(), Data(), names("name")])
def test_a_part_says_that_it_is_one(wish: Wish) -> None:
    shown = part(PATIENT, wish)
    assert shown["meta"] == {"versionId": "3", "tag": [{"code": "own"}, SUBSETTED]}
    assert (shown["resourceType"], shown["id"]) == ("Patient", "p")
    assert part(subset(PATIENT, wish), wish)["meta"]["tag"] == [{"code": "own"}, SUBSETTED]
    assert part(OBSERVATION, wish)["meta"] == {"tag": [SUBSETTED]}


@pytest.mark.parametrize("wish", [Summary(), Text(), names("name")])
def test_what_changes_the_meaning_of_the_rest_stays(wish: Wish) -> None:
    assert part(PATIENT, wish).keys() >= {"implicitRules", "active", "link"}
    assert part(OBSERVATION, wish).keys() >= {"status", "code"}


def test_a_summary_is_what_the_definitions_say_at_every_depth() -> None:
    shown = part(PATIENT, Summary())
    assert shown.keys() == {
        *("resourceType", "id", "meta", "implicitRules", "active", "name", "_birthDate", "link", "managingOrganization"),
        "contained",
    }
    whole, absent = shown["name"]
    assert whole.keys() == {"use", "text", "family", "_family"}
    assert absent == {"extension": [{"url": "urn:absent", "valueCode": "unknown"}]}, "it says why there is nothing"
    component = part(OBSERVATION, Summary())["component"]
    assert [each.keys() for each in component] == [{"code", "valueQuantity"}]
    assert part(OBSERVATION, Summary()).keys() == {"resourceType", "id", "meta", "status", "code", "valueQuantity", "component"}


def test_contained_resources_stay_as_far_as_they_are_referred_to() -> None:
    def contained(wish: Wish) -> list[str]:
        return [each["id"] for each in part(PATIENT, wish).get("contained", [])]

    assert contained(Summary()) == ["org", "whole"]
    assert contained(names("generalPractitioner")) == ["gp"]
    assert contained(names("name")) == []
    assert contained(names("contained")) == ["org", "whole", "gp"]
    assert contained(Data()) == ["org", "whole", "gp"]


def test_text_and_data_are_two_halves() -> None:
    text, data = part(PATIENT, Text()), part(PATIENT, Data())
    assert text.keys() == {"resourceType", "id", "meta", "implicitRules", "active", "text", "link"}
    assert data.keys() | {"text"} == json.read(PATIENT).resource.keys()
    assert "text" not in data


def test_elements_by_name_by_the_name_of_a_choice_and_by_path() -> None:
    assert part(OBSERVATION, names("value")).keys() == part(OBSERVATION, names("valueQuantity")).keys()
    assert "valueQuantity" in part(OBSERVATION, names("value"))
    assert "valueQuantity" not in part(OBSERVATION, names("valueString"))
    assert part(OBSERVATION, Names({"component": names("referenceRange")}))["component"] == [
        {"code": {"text": "a"}, "referenceRange": [{"text": "b"}]}
    ]
    assert part(PATIENT, Names({"name": names("given")}))["name"][0] == {"use": "official"}
    assert part(PATIENT, names("birthDate"))["_birthDate"] == json.read(PATIENT).resource["_birthDate"]


def test_a_needed_element_never_becomes_empty() -> None:
    shown = part(OBSERVATION, Names({"code": names("coding")}))
    assert shown["code"] == {"text": "gewicht"}
    assert "referenceRange" not in part(OBSERVATION, Names({"referenceRange": names("high")}))


def test_what_is_shown_keeps_its_text() -> None:
    assert b'"valueQuantity":{ "value" : 1.00, "unit":"kg"}' in subset(OBSERVATION, Summary()).replace(b"\n ", b"")
    assert b"2.50" in subset(OBSERVATION, Summary())
    assert b'"valueDecimal":1.00' in subset(PATIENT, Data())
    assert b"V\\u00e9" in subset(PATIENT, Data())
    assert b'"low":{"value":1.0}' in subset(OBSERVATION, Names({"referenceRange": names("low")}))


def within(shown: Any, whole: Any) -> bool:
    """Tell whether ``shown`` says nothing that ``whole`` does not say."""
    if isinstance(shown, dict):
        return isinstance(whole, dict) and all(name in whole and within(each, whole[name]) for name, each in shown.items())
    if isinstance(shown, list):
        return isinstance(whole, list) and all(any(within(each, other) for other in whole) for each in shown)
    return bool(shown == whole)


def published(reference: Path) -> list[dict[str, Any]]:
    found = [json.read(file.read_bytes()).resource for file in sorted((reference / "ozo-ig/examples").glob("*.json"))]
    for file in sorted((reference / "nictiz/profiles/zib2020/examples").glob("*.xml"))[::4]:
        try:
            found.append(xml.read(file.read_bytes()))
        except Malformed:
            continue
    return found


def test_a_part_of_what_others_published_is_true_and_valid_and_can_be_xml(reference: Path) -> None:
    wishes: list[Wish] = [Summary(), Text(), Data(), names("name"), Names({"code": names("text"), "name": names("use")})]
    resources = published(reference)
    assert len(resources) > 50
    for resource in resources:
        for wish in wishes:
            shown = part(json.write(resource), wish)
            # That one of two elements must be there (org-1) is all that a part may not keep to.
            assert [each for each in validate(shown) if wish in WHOLESOME or each.code != "invariant"] == [], resource["id"]
            meta = shown.pop("meta")
            assert within(shown, resource)
            assert xml.read(xml.write({**shown, "meta": meta})) == {**shown, "meta": meta}
