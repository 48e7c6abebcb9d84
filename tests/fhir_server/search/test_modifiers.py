"""Quantities, composites and the modifiers of tokens and uris: to nodes, and carried out on one resource."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import profiles
from fhir_server.catalog.catalog import load
from fhir_server.errors import BadRequest
from fhir_server.search.extract import extract
from fhir_server.search.match import matches
from fhir_server.search.numbers import between, point
from fhir_server.search.parse import parse
from fhir_server.search.rows import US
from fhir_server.search.tree import And, Date, Missing, Node, Not, Number, Or, ReferenceTo, Text, Token, TokenIn, Uri
from fhir_server.search.values import span

TYPES = load().types
LOINC = "http://loinc.org"
UCUM, SCT, ICPC = "http://unitsofmeasure.org", "http://snomed.info/sct", "http://hl7.org/fhir/sid/icpc-1"
STATUSES = ("amended", "cancelled", "corrected", "entered-in-error", "final", "preliminary", "registered", "unknown")


def where(type_: str, name: str, value: str) -> Node:
    return parse(TYPES[type_], [(name, value)]).query.where


def place(code: str) -> int:
    return TYPES["Observation"].search[code].place


@pytest.mark.parametrize(
    ("type_", "name", "value", "expected"),
    [
        ("Observation", "value-quantity", "gt5.4", Number("value-quantity", "gt", *point(Decimal("5.4")))),
        ("Observation", "value-quantity", f"le5|{UCUM}|mg", Number(f"value-quantity{US}{UCUM}{US}mg", "le", *point(5))),
        ("Observation", "value-quantity", "le5||mg", Number(f"value-quantity{US}{US}mg", "le", *point(5))),
        (
            "Observation",
            "combo-value-quantity",
            "gt5",
            Or((Number("component-value-quantity", "gt", *point(5)), Number("value-quantity", "gt", *point(5)))),
        ),
        (
            "Observation",
            "combo-value-quantity:missing",
            "true",
            And(
                (
                    Missing("component-value-quantity", place("component-value-quantity")),
                    Missing("value-quantity", place("value-quantity")),
                )
            ),
        ),
        (
            "Observation",
            "code-value-quantity",
            "8480-6$ap100",
            Number(f"code-value-quantity{US}*{US}8480-6", "ap", *between(90, 110)),
        ),
        ("Observation", "code-value-string", r"a\$b$Zoë", Text(f"code-value-string{US}*{US}a$b", "zoe")),
        (
            "Observation",
            "code-value-concept",
            f"http://loinc.org|1$|b,|2${SCT}|c",
            Or(
                (
                    Token(f"code-value-concept{US}=http://loinc.org{US}1", "b", ""),
                    Token(f"code-value-concept{US}={US}2", "c", SCT),
                )
            ),
        ),
        ("Observation", "code-value-date", "x$ge2026", Date(f"code-value-date{US}*{US}x", "ge", *span("2026"))),
        ("DocumentReference", "relationship", "7$replaces", Token(f"relationship{US}DocumentReference/7", "replaces", "")),
        ("Observation", "status:in", "http://hl7.org/fhir/ValueSet/observation-status", TokenIn("status", STATUSES)),
        (
            "Condition",
            "clinical-status:not-in",
            "http://hl7.org/fhir/ValueSet/condition-clinical|4.0.1",
            Not(
                TokenIn(
                    "clinical-status",
                    ("active", "inactive", "recurrence", "relapse", "remission", "resolved"),
                    "http://terminology.hl7.org/CodeSystem/condition-clinical",
                )
            ),
        ),
        ("Patient", "gender", "female", Token("gender", "female", "")),
        ("Patient", "gender", "|female", Token("gender", "female", "")),
        ("Patient", "gender", "http://hl7.org/fhir/administrative-gender|female", Token("gender", "female", "")),
        ("Patient", "gender", f"{SCT}|female", Token("gender", "female", SCT)),
        ("Patient", "active", f"{SCT}|true", Token("active", "true", "")),
        ("Patient", "identifier:of-type", f"{SCT}|MR|1", Token("identifier:of-type", f"MR{US}1", SCT)),
        ("Patient", "identifier:text", "Persoons", Text("identifier:text", "persoons")),
        ("Observation", "date", "ap2026-05-20", Date("date", "ap", span("2026-05-19").low, span("2026-05-21").high, main=True)),
        (
            "Questionnaire",
            "url:below",
            "https://a.example/q/",
            Or((Uri("url", "https://a.example/q"), Text("url:below", "https://a.example/q/"))),
        ),
        (
            "Questionnaire",
            "url:above",
            "https://a.example/q",
            Or(tuple(Uri("url", f"https://a.example{rest}") for rest in ("/q", "/q/", "", "/"))),
        ),
        (
            "Questionnaire",
            "_profile:below",
            "https://a.example/q|1.2",
            Or((Uri("_profile", "https://a.example/q|1.2"), Text("_profile:below", "https://a.example/q|1.2."))),
        ),
        (
            "Questionnaire",
            "_profile:above",
            "https://a.example/q|1.2",
            Or((Uri("_profile", "https://a.example/q|1.2"), Uri("_profile", "https://a.example/q|1"))),
        ),
        (
            "QuestionnaireResponse",
            "questionnaire:below",
            "https://a.example/q|1",
            Or((ReferenceTo("questionnaire", "https://a.example/q|1"), Text("questionnaire:below", "https://a.example/q|1."))),
        ),
        (
            "QuestionnaireResponse",
            "questionnaire:above",
            "https://a.example/q|1.0",
            Or(tuple(ReferenceTo("questionnaire", f"https://a.example/q|{version}") for version in ("1.0", "1"))),
        ),
    ],
)
def test_a_value_becomes_a_node(type_: str, name: str, value: str, expected: Node) -> None:
    assert where(type_, name, value) == expected


@pytest.mark.parametrize(
    ("type_", "name", "value", "says"),
    [
        ("Observation", "value-quantity", "much", "'value-quantity' is no number"),
        ("Observation", "value-quantity", "5|mg", "is written as number, number.system.code or number..code"),
        ("Observation", "value-quantity", f"5|{UCUM}|", "is written as number"),
        ("Observation", "value-quantity", "5|a|b|c", "is written as number"),
        ("Observation", "value-quantity:not", "5", "':not' of 'value-quantity' is not supported; supported are :missing"),
        ("Observation", "code-value-quantity", "8480-6", r"is written as token\$quantity"),
        ("Observation", "code-value-quantity", "8480-6$", r"is written as token\$quantity"),
        ("Observation", "code-value-quantity", "a$5$6", r"is written as token\$quantity"),
        ("Observation", "code-value-quantity", "a$b", "'code-value-quantity' is no number"),
        ("Observation", "code-value-quantity", "http://loinc.org|$5", "names a system without a code"),
        ("Observation", "code-value-concept", "x$http://loinc.org|", "names a system without a code"),
        ("Observation", "code-value-concept:text", "x$y", "':text' of 'code-value-concept' is not supported"),
        ("Observation", "code-value-date", "x$soon", "'code-value-date' is no date"),
        ("Observation", "code:in", "http://a.example/none", "value set in 'code:in' is not known here"),
        ("Observation", "code:below", "x", "':below' of 'code' is not supported: no hierarchy of codes is held here"),
        ("Observation", "code:above", "x", "':above' of 'code' is not supported: no hierarchy"),
        ("Observation", "code:of-type", "a|b|c", "supported are :missing, :not, :text, :in, :not-in"),
        ("Patient", "identifier:in", "x", "supported are :missing, :not, :text, :of-type"),
        ("Patient", "identifier:of-type", "MR|1", r"is written as system\|code\|value"),
        ("Patient", "identifier:of-type", "a||1", r"is written as system\|code\|value"),
        ("Patient", "identifier:of-type", "a|b|999911120", "must not stand in a URL"),
        ("Questionnaire", "url:below", "urn:oid:1.2", "is no URL"),
        ("Questionnaire", "_profile:below", "a.example", "is no URL"),
        ("Questionnaire", "_profile:above", "a.example", "is no URL"),
        ("QuestionnaireResponse", "questionnaire:below", "http://a.example/q", "names no version: write url.version"),
        ("QuestionnaireResponse", "questionnaire:above", "Questionnaire/1", "is no URL"),
        ("Organization", "partof:below", "1", "':below' of 'partof' is not supported: what contains what is not known here"),
        ("Observation", "subject:above", "1", "':above' of 'subject' is not supported: what contains"),
        ("Location", "near:below", "52|5", "':below' of 'near' is not supported; supported are :missing"),
        ("Location", "near", "52", r"'near' is written as latitude\|longitude\|distance\|unit"),
        ("Location", "near", "52|5|1|km|x", "is written as latitude"),
        ("Location", "near", "91|5", "has a latitude that is no number from -90 to 90"),
        ("Location", "near", "52|181", "has a longitude that is no number from -180 to 180"),
        ("Location", "near", "nan|5", "has a latitude that is no number"),
        ("Location", "near", "5_2|5", "has a latitude that is no number"),
        ("Location", "near", "52|", "has a longitude that is no number"),
        ("Location", "near", "52|5|far", "has a distance that is no number"),
        ("Location", "near", "52|5|inf", "has a distance that is no number"),
        ("Location", "near", "52|5|-1", "has a distance below zero"),
        ("Location", "near", "52|5|1|furlong", r"has a unit that is not known here; known are m, km, cm"),
        ("Location", "_filter", "name eq x", "'_filter' is not supported by this server"),
    ],
)
def test_what_cannot_be_asked_is_refused(type_: str, name: str, value: str, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        where(type_, name, value)
    assert US not in caught.value.text


PRESSURE: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o",
    "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9", "display": "Bloeddruk"}]},
    "component": [
        {
            "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
            "valueQuantity": {"value": Decimal(140), "unit": "mmHg"},
        },
        {"code": {"coding": [{"code": "8462-4"}]}, "valueQuantity": {"value": Decimal("90.0"), "system": UCUM, "code": "mm[Hg]"}},
    ],
}


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("component-code-value-quantity", "8480-6$gt130", True),
        ("component-code-value-quantity", "8480-6$lt100", False),
        ("component-code-value-quantity", "8462-4$lt100", True),
        ("component-code-value-quantity", "http://loinc.org|8480-6$140||mmHg", True),
        ("component-code-value-quantity", "|8462-4$90|http://unitsofmeasure.org|mm[Hg]", True),
        ("component-code-value-quantity", "|8480-6$140", False),
        ("component-code-value-quantity", "8480-6$90,8462-4$90", True),
        ("combo-code-value-quantity", "8480-6$140", True),
        ("code-value-quantity", "8480-6$140", False),
        ("code-value-quantity:missing", "true", True),
        ("combo-code-value-quantity:missing", "true", False),
        ("component-value-quantity", "90|http://unitsofmeasure.org|mm[Hg]", True),
        ("component-value-quantity", "140|http://unitsofmeasure.org|mm[Hg]", False),
        ("combo-value-quantity", "sa139,eb1", True),
        ("code:text", "bloed", True),
        ("code:text", "druk", False),
    ],
)
def test_a_blood_pressure_is_found_by_its_components(name: str, value: str, *, expected: bool) -> None:
    assert matches(where("Observation", name, value), PRESSURE, TYPES["Observation"]) is expected


@pytest.mark.parametrize(
    ("code", "more", "value", "expected"),
    [
        ("code-value-string", {"valueString": "Zoë voelt zich goed"}, "85354-9$zoe", True),
        ("code-value-string", {"valueString": "Zoë"}, "other$zoe", False),
        ("code-value-date", {"valueDateTime": "2026-05-20"}, "85354-9$2026-05", True),
        ("code-value-date", {"valuePeriod": {"start": "2026-05-20"}}, "85354-9$gt2030", True),
        ("code-value-date", {"valueDateTime": "2026-05-20"}, "85354-9$gt2026-05", False),
        ("code-value-concept", {"valueCodeableConcept": {"coding": [{"system": SCT, "code": "1"}]}}, f"85354-9${SCT}|1", True),
        ("code-value-concept", {"valueCodeableConcept": {"coding": [{"system": SCT, "code": "1"}]}}, f"85354-9${ICPC}|1", False),
        ("value-date", {"valuePeriod": {"start": "2026-01-01", "end": "2026-12-31"}}, "ap2026-05-20", True),
        ("value-date", {"valuePeriod": {"start": "2026-01-01", "end": "2026-12-31"}}, "2026-05-20", False),
    ],
)
def test_both_parts_belong_to_one_element(code: str, more: dict[str, Any], value: str, *, expected: bool) -> None:
    assert matches(where("Observation", code, value), {**PRESSURE, **more}, TYPES["Observation"]) is expected


def test_no_row_is_kept_twice_for_a_combination() -> None:
    rows = extract(PRESSURE, TYPES["Observation"]).rows
    alone = extract({**PRESSURE, "component": []}, TYPES["Observation"]).rows
    codes = 2 * 2 + 2 * 1 - 1  # under two parameters; the first with its system, which combo-code has already
    numbers = 2 + 3  # by itself, and with unit or with code and system
    assert len(rows) - len(alone) == codes + numbers + 2 * numbers  # below the code with any system and with its own


def test_money_and_durations_are_quantities() -> None:
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "length": {"value": Decimal(30), "system": UCUM, "code": "min", "unit": "minuten"},
    }
    for value in ("30", f"30|{UCUM}|min", "30||minuten", "gt29||min"):
        assert matches(where("Encounter", "length", value), encounter, TYPES["Encounter"]), value
    assert not matches(where("Encounter", "length", "30||h"), encounter, TYPES["Encounter"])


def test_no_code_system_that_is_held_has_a_hierarchy() -> None:
    """If one gets it, ``:above`` and ``:below`` of tokens must be carried out rather than refused."""
    systems = [json.loads(each.read_bytes()) for each in Path(profiles.__file__).parent.rglob("CodeSystem-*.json")]
    concepts = [concept for system in systems for concept in system.get("concept", ())]
    assert concepts
    for concept in concepts:
        assert "concept" not in concept
        assert not {"parent", "child", "subsumedBy"} & {each["code"] for each in concept.get("property", ())}
