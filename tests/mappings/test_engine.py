from decimal import Decimal
from typing import Never

import pytest

from mappings.engine import Engine, Incomplete, Result, content_id
from mappings.functions import Call, Functions, Unmappable
from mappings.rows import COLUMNS, read_tables
from mappings.tree import Node, parse

FUNCTIONS = Functions()


@FUNCTIONS.each("text")
def text(node: Node, _call: Call) -> str:
    return node.text


@FUNCTIONS.each("decimal")
def decimal(node: Node, _call: Call) -> Decimal:
    return Decimal(node.value())


@FUNCTIONS.whole("count")
def count(nodes: list[Node], call: Call) -> int:
    call.remarks.append("counted")
    return len(nodes)


@FUNCTIONS.each("never")
def never(_node: Node, _call: Call) -> Never:
    raise Unmappable("cannot be said")


def engine(**files: list[str]) -> Engine:
    tables = {name.replace("_", ".") + ".csv": "\n".join([",".join(COLUMNS), *rows]) for name, rows in files.items()}
    return Engine(read_tables(tables, FUNCTIONS), lambda resource: str(resource.get("name", "")))


def node(xml: str) -> Node:
    return parse(xml.encode(), "")


def test_rows_write_and_are_named() -> None:
    made, result = engine(Organization=["n,name,,Organization.name,text,,", "a,alias,,Organization.alias,text,,"]).make(
        "Organization", node("<o><name>Het Wad</name><alias>x</alias><alias>y</alias></o>")
    )
    assert made["name"] == "Het Wad"
    assert made["alias"] == ["x", "y"]
    assert [(use.row, use.source, use.target) for use in result.used] == [
        ("n", "name", "Organization.name"),
        ("a", "alias", "Organization.alias"),
        ("a", "alias", "Organization.alias"),
    ]


def test_a_row_that_writes_nothing_is_not_used() -> None:
    made, result = engine(Organization=["n,name,,Organization.name,text,,", "p,,x,Organization.active,'true',,"]).make(
        "Organization", node("<o><name> </name></o>")
    )
    assert "name" not in made
    assert result.used == []


def test_decimals_stay_as_written() -> None:
    rows = ["s,,,Observation.status,'final',,", "c,,,Observation.code.text,'x',,", "v,v,,Observation.valueQuantity.value,decimal,,"]
    made, _ = engine(Observation=rows).make("Observation", node('<o><v value="1.50"/></o>'))
    assert str(made["valueQuantity"]["value"]) == "1.50"


def test_an_unmappable_source_is_a_remark_and_nothing_else() -> None:
    made, result = engine(Organization=["n,name,,Organization.name,never,,"]).make(
        "Organization", node("<o><name>Geheim</name></o>")
    )
    assert "name" not in made
    assert result.remarks == ["n: cannot be said"]


def test_a_whole_function_gets_everything_at_once() -> None:
    made, result = engine(Patient=["n,x,,Patient.multipleBirthInteger,count,,"]).make("Patient", node("<p><x/><x/></p>"))
    assert made["multipleBirthInteger"] == 2
    assert result.remarks == ["n: counted"]


def test_the_same_thing_twice_is_one_resource() -> None:
    tables = engine(
        Patient=["o,org,,Patient.generalPractitioner,map:Organization,,"], Organization=["n,name,,Organization.name,text,,"]
    )
    made, result = tables.make(
        "Patient", node("<p><org><name>A</name></org><org><name>B</name></org><org><name>A</name></org></p>")
    )
    assert [reference["display"] for reference in made["generalPractitioner"]] == ["A", "B", "A"]
    assert len(result.resources) == 3
    for reference in made["generalPractitioner"]:
        assert result.resources[reference["reference"]]["name"] == reference["display"]


def test_elements_with_their_own_table() -> None:
    tables = engine(
        Medication=["i,part,,Medication.ingredient,map:Medication.ingredient,,"],
        Medication_ingredient=["t,name,,Medication.ingredient.itemCodeableConcept.text,text,,"],
    )
    made, result = tables.make("Medication", node("<m><part><name>a</name></part><part/><part><name>b</name></part></m>"))
    assert made["ingredient"] == [{"itemCodeableConcept": {"text": "a"}}, {"itemCodeableConcept": {"text": "b"}}]
    assert result.remarks == ["i: Medication.ingredient has no item[x]"]


def test_a_required_element_must_be_there() -> None:
    with pytest.raises(Incomplete, match="Observation has no status"):
        engine(Observation=[]).make("Observation", node("<o/>"))


def test_given_elements_come_along() -> None:
    made, _ = engine(Organization=[]).make("Organization", node("<o/>"), {"partOf": {"reference": "Organization/x"}})
    assert made["partOf"] == {"reference": "Organization/x"}


def test_ids_depend_on_the_content_alone() -> None:
    tables = engine(Organization=["n,name,,Organization.name,text,,"])
    ids = [tables.make("Organization", node(f"<o><name>{name}</name></o>"))[0]["id"] for name in ("A", "A", "B")]
    assert ids[0] == ids[1] != ids[2]
    assert content_id({"a": Decimal("1.0"), "b": 1}) == content_id({"b": 1, "a": Decimal("1.0")})


def test_one_more_description_fills_the_gaps() -> None:
    result = Result()
    result.add({"resourceType": "Organization", "id": "1", "name": "A"})
    result.add({"resourceType": "Organization", "id": "1", "name": "B", "active": True})
    assert result.resources == {"Organization/1": {"resourceType": "Organization", "id": "1", "name": "A", "active": True}}


def test_what_is_known_beforehand_of_resources_that_are_referred_to() -> None:
    made, result = engine(
        Composition=["s,line,,Composition.section.entry,map:Observation,,", *REQUIRED],
        Observation=["t,,,Observation.valueString,text,,", "g,,,Observation.status,'final',,", "h,,,Observation.code.text,'x',,"],
    ).make("Composition", node("<c><line>y</line></c>"), {}, {"Observation": {"subject": {"reference": "Patient/1"}}})
    line = next(one for one in result.resources.values() if one["resourceType"] == "Observation")
    assert line["subject"] == {"reference": "Patient/1"}
    assert "subject" not in made


REQUIRED = [
    "a,,,Composition.status,'final',,",
    "b,,,Composition.type.text,'x',,",
    "d,,,Composition.date,'2026',,",
    "e,,,Composition.author.display,'x',,",
    "f,,,Composition.title,'x',,",
]
