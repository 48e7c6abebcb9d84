"""The operations of terminology: yes, no, or 422 where it cannot be told; on what was loaded, and on what the hub publishes."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dossier_room import NURSE, Room, actor, room

from fhir_server.access.scope import parse_scopes
from fhir_server.catalog.packages.manifest import Manifest
from fhir_server.catalog.packages.tarball import Content
from fhir_server.errors import BadRequest, FhirError, Forbidden
from fhir_server.interactions.call import Call
from fhir_server.operations import OPERATIONS
from profiles.conformance import conformance

Json = dict[str, Any]
OURS = "https://terms.example/"
SNOMED = "http://snomed.info/sct"
COLOURS: Json = {
    "resourceType": "CodeSystem",
    "url": OURS + "colours",
    "version": "2",
    "name": "Colours",
    "status": "active",
    "content": "complete",
    "concept": [
        {
            "code": "red",
            "display": "Red",
            "definition": "Like blood",
            "designation": [{"language": "nl", "value": "Rood"}],
            "property": [{"code": "warm", "valueBoolean": True}],
            "concept": [{"code": "pink", "display": "Pink"}],
        },
        {"code": "blue", "display": "Blue"},
    ],
}
PART: Json = {
    "resourceType": "CodeSystem",
    "url": OURS + "part",
    "status": "active",
    "content": "fragment",
    "concept": [{"code": "a"}],
}


def value_set(name: str, *include: Json, **more: Any) -> Json:
    compose = {"include": list(include)} | more
    return {"resourceType": "ValueSet", "url": OURS + name, "status": "active", "compose": compose}


SETS = [
    value_set("all", {"system": COLOURS["url"]}),
    value_set("less", {"valueSet": [OURS + "all"]}, exclude=[{"system": COLOURS["url"], "concept": [{"code": "pink"}]}]),
    value_set("mixed", {"system": SNOMED, "concept": [{"code": "1", "display": "One"}]}, {"system": SNOMED, "filter": []}),
    value_set(
        "listed",
        {"system": SNOMED, "concept": [{"code": "1", "display": "One"}]},
        {"system": COLOURS["url"], "concept": [{"code": "red"}]},
    ),
    value_set("common", {"system": COLOURS["url"], "valueSet": [OURS + "listed"]}),
    value_set("partial", {"system": PART["url"]}),
    value_set("ring", {"valueSet": [OURS + "ring"]}),
    value_set("lost", {"valueSet": [OURS + "nowhere"]}),
]
MAP: Json = {
    "resourceType": "ConceptMap",
    "url": OURS + "to-snomed",
    "status": "active",
    "group": [
        {
            "source": COLOURS["url"],
            "target": SNOMED,
            "element": [
                {"code": "red", "target": [{"code": "386713009", "equivalence": "equivalent", "display": "Red colour"}]},
                {"code": "pink", "target": [{"equivalence": "unmatched"}]},
            ],
            "unmapped": {"mode": "fixed", "code": "0", "display": "Other"},
        }
    ],
}
ABOUT_MAP = "https://netwerkdossier.example/fhir/ConceptMap/"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("terminology")) as found:
        shelf = found.services.profiles._shelf
        assert shelf is not None
        shelf.keep(Content(Manifest("terms", "1", {}), (COLOURS, PART, *SETS, MAP)))
        yield found


def ask(hub: Room, on: str, operation: str, /, **given: str | Json) -> Json:
    """Ask by the URL, or by a body where something is no text."""
    body = b""
    if not all(isinstance(value, str) for value in given.values()):
        parts = [{"name": name, _key(name, value): value} for name, value in given.items()]
        body = json.dumps({"resourceType": "Parameters", "parameter": parts}).encode()

    async def asked() -> Json:
        type_, _, id_ = on.partition("/")
        called = Call(hub.services, actor(NURSE), f"${operation}", hub.services.catalog.types[type_], id=id_, body=body, now=10**15)
        called = called if body else replace(called, parameters=tuple((name, str(value)) for name, value in given.items()))
        answer: Json = json.loads((await OPERATIONS[f"${operation}"](called)).body)
        return answer

    return hub.runner.run(asked())


def _key(name: str, value: object) -> str:
    return "valueUri" if isinstance(value, str) else f"value{name[0].upper()}{name[1:]}"


def parts(answer: Json) -> Json:
    found = {each["name"]: next((value for key, value in each.items() if key != "name"), None) for each in answer["parameter"]}
    return {name: value for name, value in found.items() if not isinstance(value, list)}


def refusal(hub: Room, on: str, operation: str, /, **given: str | Json) -> tuple[int, str]:
    with pytest.raises(FhirError) as refused:
        ask(hub, on, operation, **given)
    return refused.value.status, refused.value.issues[0].detail


COLOUR = COLOURS["url"]
UNTOLD, UNKNOWN = (422, "terminology-unknown"), (404, "terminology-unknown")


def test_a_code_of_a_code_system(hub: Room) -> None:
    right = {"result": True, "display": "Red"}
    assert parts(ask(hub, "CodeSystem", "validate-code", url=COLOUR, code="red")) == right
    assert parts(ask(hub, "CodeSystem", "validate-code", url=COLOUR, code="red", display="Rood")) == right
    assert parts(ask(hub, "CodeSystem", "validate-code", coding={"system": COLOUR, "code": "red"})) == right
    wrong = parts(ask(hub, "CodeSystem", "validate-code", url=COLOUR, code="red", display="Green"))
    assert (wrong["result"], wrong["display"]) == (False, "Red")
    assert parts(ask(hub, "CodeSystem", "validate-code", url=COLOUR, code="green"))["result"] is False
    assert parts(ask(hub, "CodeSystem", "validate-code", url=OURS + "part", code="a"))["result"] is True
    assert refusal(hub, "CodeSystem", "validate-code", url=OURS + "part", code="b") == UNTOLD
    assert refusal(hub, "CodeSystem", "validate-code", url=OURS + "none", code="b") == UNKNOWN


def test_a_code_of_a_value_set(hub: Room) -> None:
    def result(name: str, **given: str | Json) -> object:
        return parts(ask(hub, "ValueSet", "validate-code", url=OURS + name, **given))["result"]

    assert result("all", system=COLOUR, code="pink") is True
    assert result("less", system=COLOUR, code="pink") is False
    assert result("mixed", system=SNOMED, code="1") is True
    assert (
        result("listed", codeableConcept={"coding": [{"system": SNOMED, "code": "2"}, {"system": COLOUR, "code": "red"}]}) is True
    )
    assert refusal(hub, "ValueSet", "validate-code", url=OURS + "mixed", system=SNOMED, code="2") == UNTOLD
    assert refusal(hub, "ValueSet", "validate-code", url=OURS + "none", system=SNOMED, code="2") == UNKNOWN
    gender = "http://hl7.org/fhir/ValueSet/administrative-gender"
    assert parts(ask(hub, "ValueSet", "validate-code", url=gender, code="female"))["result"] is True
    assert parts(ask(hub, "ValueSet", "validate-code", url=gender, code="vrouw"))["result"] is False


def test_what_a_code_means(hub: Room) -> None:
    answer = ask(hub, "CodeSystem", "lookup", system=COLOUR, code="red")
    assert parts(answer) == {"name": "Colours", "version": "2", "display": "Red", "definition": "Like blood"}
    told = {
        each["name"]: [part.get("valueString", part.get("valueCode", part.get("valueBoolean"))) for part in each["part"]]
        for each in answer["parameter"]
        if "part" in each
    }
    assert told == {"designation": ["Rood", "nl"], "property": ["warm", True]}
    assert refusal(hub, "CodeSystem", "lookup", system=COLOUR, code="green") == (404, "code-unknown")
    assert refusal(hub, "CodeSystem", "lookup", system=OURS + "part", code="b") == UNTOLD
    assert refusal(hub, "CodeSystem", "lookup", system=SNOMED, code="1") == UNKNOWN
    id_, body = next(iter(conformance()["CodeSystem"].items()))
    first = json.loads(body)["concept"][0]
    assert parts(ask(hub, f"CodeSystem/{id_}", "lookup", code=first["code"])).get("display", "") == first.get("display", "")


def test_the_codes_of_a_value_set(hub: Room) -> None:
    def codes(name: str, **given: str) -> list[str]:
        expansion = ask(hub, "ValueSet", "expand", url=OURS + name, **given)["expansion"]
        return [each["code"] for each in expansion.get("contains", ())]

    assert codes("all") == ["red", "pink", "blue"]
    assert codes("less") == ["red", "blue"]
    assert codes("common") == ["red"]
    assert codes("all", filter="BL") == ["blue"]
    assert codes("all", offset="1", count="1") == ["pink"]
    assert codes("all", filter="none") == []
    assert ask(hub, "ValueSet", "expand", url=OURS + "all", count="1")["expansion"]["total"] == 3
    listed = ask(hub, "ValueSet", "expand", url=OURS + "listed")["expansion"]["contains"]
    assert [each["display"] for each in listed] == ["One", "Red"]
    for name in ("mixed", "partial", "ring", "lost"):
        assert refusal(hub, "ValueSet", "expand", url=OURS + name) == UNTOLD
    assert refusal(hub, "ValueSet", "expand", url=OURS + "none") == UNKNOWN
    gender = ask(hub, "ValueSet", "expand", url="http://hl7.org/fhir/ValueSet/administrative-gender")
    assert {each["code"] for each in gender["expansion"]["contains"]} == {"female", "male", "other", "unknown"}
    assert refusal(hub, "ValueSet", "expand", url="http://hl7.org/fhir/ValueSet/mimetypes")[0] == 404


def test_what_a_code_becomes(hub: Room) -> None:
    def becomes(code: str, **given: str) -> tuple[object, list[Any]]:
        answer = ask(hub, "ConceptMap", "translate", system=COLOUR, code=code, **given)
        matches = [{part["name"]: part for part in each["part"]} for each in answer["parameter"] if each["name"] == "match"]
        return parts(answer)["result"], [each.get("concept", {}).get("valueCoding", {}).get("code") for each in matches]

    assert becomes("red", url=OURS + "to-snomed") == (True, ["386713009"])
    assert becomes("red") == becomes("red", targetsystem=SNOMED) == (True, ["386713009"])
    assert becomes("red", targetsystem=OURS) == (False, [])
    assert becomes("pink") == (False, [None])
    assert becomes("blue") == (True, ["0"])
    assert refusal(hub, "ConceptMap", "translate", url=OURS + "none", system=COLOUR, code="red") == UNKNOWN
    own = {"system": "http://terminology.hl7.org/CodeSystem/v3-AddressUse", "code": "HP"}
    answer = ask(hub, "ConceptMap", "translate", url=ABOUT_MAP + "v3-address-use-to-address-use", **own)
    assert parts(answer)["result"] is True


def test_what_cannot_be_asked(hub: Room) -> None:
    with pytest.raises(BadRequest):
        ask(hub, "ValueSet", "expand")
    with pytest.raises(BadRequest):
        ask(hub, "ValueSet", "expand", url=OURS + "all", count="many")
    for too_large in (str(2**31), "9" * 20, "9" * 5000):
        with pytest.raises(BadRequest, match="to 2147483647"):
            ask(hub, "ValueSet", "expand", url=OURS + "all", offset=too_large)
    with pytest.raises(BadRequest):
        ask(hub, "CodeSystem", "validate-code", url=COLOUR)
    with pytest.raises(BadRequest):
        ask(hub, "CodeSystem", "lookup", code="red")
    with pytest.raises(BadRequest):
        ask(hub, "ConceptMap", "translate", code="red")
    with pytest.raises(BadRequest):
        ask(hub, "CodeSystem", "lookup", system=COLOUR, code="red", colour="blue")
    assert refusal(hub, "CodeSystem/none", "lookup", code="red") == (404, "unknown-resource")
    called = Call(
        hub.services,
        replace(actor(NURSE), scopes=parse_scopes("user/Task.rs")),
        "$lookup",
        hub.services.catalog.types["CodeSystem"],
    )
    with pytest.raises(Forbidden):
        hub.runner.run(OPERATIONS["$lookup"](called))


def test_without_packages_what_is_published_is_known(tmp_path: Path) -> None:
    with room(tmp_path / "bare") as bare:
        system = json.loads(next(iter(conformance()["CodeSystem"].values())))
        assert (
            parts(ask(bare, "CodeSystem", "validate-code", url=system["url"], code=system["concept"][0]["code"]))["result"] is True
        )
