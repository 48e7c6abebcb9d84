"""The grammar of search parameter expressions."""

import pytest

from fhir_server.catalog.expression import LEAVES, ExpressionError, Path, Step, paths


def shown(found: tuple[Path, ...]) -> list[str]:
    return [
        ".".join(
            step.name + ("*" if step.many else "") + (f"[{step.only[0]}={step.only[1]}]" if step.only else "")
            for step in path.steps
        )
        + f":{path.type}"
        + (f"->{path.target}" if path.target else "")
        for path in found
    ]


@pytest.mark.parametrize(
    ("type_", "kind", "expression", "expected"),
    [
        ("Task", "token", "Task.status", ["status:code"]),
        ("CareTeam", "reference", "CareTeam.participant.member", ["participant*.member:Reference"]),
        ("CareTeam", "reference", "CareTeam.subject.where(resolve() is Patient)", ["subject:Reference->Patient"]),
        ("Patient", "token", "Patient.telecom.where(system='phone')", ["telecom*[system=phone]:ContactPoint"]),
        ("Patient", "string", "Patient.name.given | Practitioner.name.given", ["name*.given*:string"]),
        ("Patient", "date", "(Patient.deceased as dateTime)", ["deceasedDateTime:dateTime"]),
        ("Patient", "date", "Patient.deceased as dateTime", ["deceasedDateTime:dateTime"]),
        ("Patient", "date", "Patient.deceased.ofType(dateTime)", ["deceasedDateTime:dateTime"]),
        ("Immunization", "date", "Immunization.occurrence", ["occurrenceDateTime:dateTime"]),
        (
            "Condition",
            "date",
            "Condition.onset.as(dateTime) | Condition.onset.as(Period)",
            ["onsetDateTime:dateTime", "onsetPeriod:Period"],
        ),
        ("Observation", "string", "(Observation.value as CodeableConcept).text", ["valueCodeableConcept.text:string"]),
        (
            "Device",
            "string",
            "Device.deviceName.name | Device.type.coding.display",
            ["deviceName*.name:string", "type.coding*.display:string"],
        ),
        (
            "PlanDefinition",
            "reference",
            "PlanDefinition.relatedArtifact.where(type='depends-on').resource | PlanDefinition.library",
            ["relatedArtifact*[type=depends-on].resource:canonical", "library*:canonical"],
        ),
        (
            "Communication",
            "reference",
            "Communication.extension.where(url='http://a.example/b.c').value.as(Reference)",
            ["extension*[url=http://a.example/b.c].valueReference:Reference"],
        ),
        ("Task", "token", "Resource.meta.tag", ["meta.tag*:Coding"]),
        ("Questionnaire", "token", "Questionnaire.item.item.code", ["item*.item*.code*:Coding"]),
    ],
)
def test_an_expression_becomes_paths(type_: str, kind: str, expression: str, expected: list[str]) -> None:
    assert shown(paths(expression, type_, LEAVES[kind])) == expected


def test_a_hand_written_expression_has_its_own_path() -> None:
    assert paths("Patient.deceased.exists() and Patient.deceased != false", "Patient", ()) == (Path((), "Patient.deceased"),)


@pytest.mark.parametrize(
    ("type_", "expression", "says"),
    [
        ("Task", "Task.status.lower()", "outside the grammar"),
        ("Task", "Task.where(status = code)", "outside the grammar"),
        ("Task", "Task.colour", "Task has no 'colour'"),
        ("Task", "Task.status.colour", "Task has no 'colour'"),
        ("Task", "Patient.gender", "leads to no"),
        ("Task", "Task.restriction", "leads to no"),
        ("Observation", "Observation.value as Money", "has no 'as\\(Money\\)'"),
        ("Task", "", "leads to no"),
        ("Task", "Task.code.where(text='a') or __import__('os')", "outside the grammar"),
    ],
)
def test_what_the_grammar_does_not_know_is_refused(type_: str, expression: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        paths(expression, type_, LEAVES["token"])


def test_a_step_with_a_condition_keeps_its_place() -> None:
    assert paths("Patient.telecom.where(use='home').value", "Patient", ("string",)) == (
        Path((Step("telecom", many=True, only=("use", "home")), Step("value", many=False)), "string"),
    )
