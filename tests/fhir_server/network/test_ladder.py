"""Ladders as PlanDefinitions: who is at which level, how long each has, and what is refused."""

from copy import deepcopy
from typing import Any

import pytest

from fhir_server.errors import Unprocessable
from fhir_server.network.ladder import CANONICAL, at_level, check, default_ladder, default_plan, ladder_of, named_ladder
from fhir_server.validation import validate

SCT = "http://snomed.info/sct"
ROLES = f"{CANONICAL}/CodeSystem/network-role"
TOPICS = f"{CANONICAL}/CodeSystem/question-topic"
HOUR = 3_600_000_000
NOON = 1_767_268_800_000_000
Json = dict[str, Any]


def participant(member: str, code: tuple[str, str] | None = None, **more: Any) -> Json:
    role = {"role": [{"coding": [{"system": code[0], "code": code[1]}]}]} if code else {}
    return {"member": {"reference": member}, **role, **more}


def team(*participants: Json, **more: Any) -> Json:
    return {"resourceType": "CareTeam", "status": "active", "participant": list(participants), **more}


def test_the_default_ladder_is_a_valid_one() -> None:
    plan = deepcopy(dict(default_plan()))
    assert [each for each in validate(plan) if each.severity == "error"] == []
    check(plan)
    assert [each.code[1] for each in default_ladder().levels] == ["informal", "home-care", "coordinator", "gp", "specialist"]
    for level in default_ladder().levels:
        times = [level.time_out(priority) for priority in ("routine", "urgent", "asap", "stat")]
        assert times == sorted(times, key=lambda each: -(each or 0))
        assert None not in times


@pytest.mark.parametrize(
    ("member", "level"),
    [
        (participant("RelatedPerson/a"), "informal"),
        (participant("RelatedPerson/a", (SCT, "62247001")), "informal"),
        (participant("Practitioner/a", (SCT, "224535009")), "home-care"),
        (participant("CareTeam/ward", (SCT, "224535009")), "home-care"),
        (participant("Practitioner/a", (ROLES, "coordinator")), "coordinator"),
        (participant("PractitionerRole/a", (SCT, "62247001")), "gp"),
        (participant("Practitioner/a", (ROLES, "director")), "gp"),
        (participant("Practitioner/a", ("urn:other", "62247001")), ""),
        (participant("Practitioner/a"), ""),
        (participant("Patient/a"), ""),
        (participant("Practitioner/a", (SCT, "62247001"), period={"end": "2020-01-01"}), ""),
        (participant("Practitioner/a", (SCT, "62247001"), period={"start": "2030-01-01"}), ""),
    ],
)
def test_who_is_at_which_level(member: Json, level: str) -> None:
    there = [each.code[1] for each in default_ladder().levels if at_level(each, team(member), NOON)]
    assert there == ([level] if level else [])


def test_a_team_that_is_not_active_has_nobody() -> None:
    gp = default_ladder().levels[3]
    member = participant("Practitioner/a", (SCT, "62247001"))
    assert at_level(gp, team(member), NOON) == ("Practitioner/a",)
    assert at_level(gp, team(member, status="inactive"), NOON) == ()
    assert at_level(gp, team(member, period={"end": "2020-01-01"}), NOON) == ()


@pytest.mark.parametrize(
    ("topics", "levels"),
    [
        ([], [0, 1, 2, 3, 4]),
        (["daily-life"], [0, 1, 2, 3, 4]),
        (["medication"], [1, 2, 3, 4]),
        (["daily-life", "medication"], [1, 2, 3, 4]),
        (["medical"], [2, 3, 4]),
        (["unheard-of"], [2, 3, 4]),
    ],
)
def test_which_levels_answer_what(topics: list[str], levels: list[int]) -> None:
    asked = [(TOPICS, each) for each in topics]
    assert [number for number, each in enumerate(default_ladder().levels) if each.answers(asked)] == levels


def test_emergencies_and_times() -> None:
    ladder = default_ladder()
    assert ladder.emergency([(TOPICS, "acute")]) == 3
    assert ladder.emergency([(TOPICS, "fall"), (TOPICS, "acute")]) == 3
    assert ladder.emergency([(TOPICS, "nursing")]) is None
    assert ladder.levels[0].time_out("routine") == 24 * HOUR
    assert ladder.levels[0].time_out("whenever") is None


def test_a_level_that_is_gone_from_the_ladder_is_the_one_in_its_place() -> None:
    ladder = default_ladder()
    assert ladder.index(ladder.levels[2].code, 0) == 2
    assert ladder.index(("urn:other", "gone"), 1) == 1
    assert ladder.index(("urn:other", "gone"), 9) == 4


def test_a_network_names_its_ladder() -> None:
    url = f"{CANONICAL}/StructureDefinition/network-ladder"
    assert named_ladder(team(extension=[{"url": url, "valueCanonical": "urn:mine|2"}])) == "urn:mine|2"
    assert named_ladder(team()) == ""


BROKEN: list[tuple[str, Any]] = [
    ("PlanDefinition.url", lambda plan: plan.pop("url")),
    ("PlanDefinition.action", lambda plan: plan.pop("action")),
    ("PlanDefinition.action[1].code", lambda plan: plan["action"][1].pop("code")),
    ("PlanDefinition.action[1].code", lambda plan: plan["action"][1].update(code=plan["action"][0]["code"])),
    ("PlanDefinition.action[2]", lambda plan: plan["action"][2].pop("participant")),
    ("PlanDefinition.action[3].action", lambda plan: plan["action"][3].update(action=[plan["action"].pop()])),
    ("PlanDefinition.action[0].extension", lambda plan: plan["action"][0]["extension"].append(plan["action"][0]["extension"][0])),
    (
        "PlanDefinition.action[0].extension",
        lambda plan: plan["action"][0]["extension"][0]["extension"][1].update(valueDuration={"value": 0, "code": "h"}),
    ),
]


@pytest.mark.parametrize(("place", "breaking"), BROKEN)
def test_a_broken_ladder_is_refused_by_its_place(place: str, breaking: Any) -> None:
    plan = deepcopy(dict(default_plan()))
    breaking(plan)
    with pytest.raises(Unprocessable) as refused:
        check(plan)
    assert [each.expression for each in refused.value.issues] == [place]
    plan.pop("type")
    check(plan)


def test_a_ladder_is_read_with_its_version() -> None:
    assert ladder_of(default_plan()).canonical.endswith("/PlanDefinition/default-ladder|0.1.0")
