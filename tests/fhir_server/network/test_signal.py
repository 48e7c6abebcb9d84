"""Signals: to whom they go, how they are counted, and that what the hub makes of them is valid."""

from typing import Any

import pytest

from fhir_server.model.meta import instant
from fhir_server.network import signal_tasks
from fhir_server.network.authority import claims_state
from fhir_server.network.participation import STANDS_IN
from fhir_server.network.signal import (
    OUTCOMES,
    TOPICS,
    Posted,
    addressed,
    posters,
    recipients,
    request,
    signals,
    state_of,
    with_state,
)
from fhir_server.validation import check as valid

Json = dict[str, Any]
ROLES = "https://netwerkdossier.example/fhir/CodeSystem/network-role"
AT = 1_790_000_000_000_000
DAY = 86_400_000_000
FALLING = {"system": TOPICS, "code": "falling"}


def team(status: str = "active", **roles: str) -> Json:
    """Return a network, with the role of each Practitioner."""
    parts = [
        {"member": {"reference": f"Practitioner/{who}"}, "role": [{"coding": [{"system": ROLES, "code": role}]}]}
        for who, role in roles.items()
    ]
    return {"resourceType": "CareTeam", "status": status, "participant": parts}


def posted(by: str = "RelatedPerson/m", at: int = AT, topic: dict[str, str] = FALLING, severity: str = "low") -> Posted:
    return Posted(f"s{by[-1]}{at % 1000}", "Patient/c", by, "She fell again.", topic, severity, at)


NURSE, DOCTOR, AIDE = "Practitioner/nurse", "Practitioner/doctor", "Practitioner/aide"


@pytest.mark.parametrize(
    ("teams", "poster", "expected"),
    [
        ([team(nurse="coordinator", doctor="director")], "RelatedPerson/m", (NURSE,)),
        ([team(nurse="coordinator", aide="coordinator", doctor="director")], "RelatedPerson/m", (NURSE, AIDE)),
        ([team(nurse="coordinator"), team(aide="coordinator")], "RelatedPerson/m", (NURSE, AIDE)),
        ([team(nurse="coordinator", aide="coordinator")], NURSE, (AIDE,)),
        ([team(nurse="coordinator", doctor="director")], NURSE, (DOCTOR,)),
        ([team(nurse="core", doctor="director")], "RelatedPerson/m", (DOCTOR,)),
        ([team(nurse="core")], "RelatedPerson/m", ()),
        ([team("inactive", nurse="coordinator")], "RelatedPerson/m", ()),
        ([], "RelatedPerson/m", ()),
    ],
)
def test_who_looks_into_it(teams: list[Json], poster: str, expected: tuple[str, ...]) -> None:
    assert recipients(teams, (poster,), AT) == expected


def test_who_stands_in_looks_into_it_too() -> None:
    stands_in = {"url": STANDS_IN, "valueReference": {"reference": NURSE}}
    cover = {"member": {"reference": AIDE}, "extension": [stands_in], "period": {"start": "2026-09-01", "end": "2026-09-30"}}
    network = team(nurse="coordinator", doctor="director")
    network["participant"].append(cover)
    assert recipients([network], (), AT) == (NURSE, AIDE)
    assert recipients([network], (), AT + 30 * DAY) == (NURSE,)
    assert recipients([network], (NURSE,), AT) == (AIDE,)


def test_who_gets_the_task_is_addressed() -> None:
    signal = request(posted(), (NURSE,))
    assert addressed(signal, NURSE) is None
    assert addressed(signal, AIDE) == {**signal, "recipient": [*signal["recipient"], {"reference": AIDE, "type": "Practitioner"}]}


def found(*who: str, at: int = AT - DAY, topic: dict[str, str] = FALLING, state: str = "") -> list[Json]:
    made = [request(posted(each, at, topic), ()) for each in who]
    return [with_state(each, state) for each in made] if state else made


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ([], 1),
        (found("RelatedPerson/a", "RelatedPerson/b"), 3),
        (found("RelatedPerson/a", "RelatedPerson/a"), 2),
        (found("RelatedPerson/me", "RelatedPerson/too"), 1),
        (found("RelatedPerson/a", at=AT - 15 * DAY), 1),
        (found("RelatedPerson/a", topic={"system": TOPICS, "code": "mood"}), 1),
        (found("RelatedPerson/a", topic={"system": "other", "code": "falling"}), 1),
        (found("RelatedPerson/a", state="refuted"), 1),
        (found("RelatedPerson/a", state="duplicate"), 2),
        ([{**each, "meta": {}} for each in found("RelatedPerson/a")], 1),
    ],
)
def test_how_many_people_report_it(known: list[Json], expected: int) -> None:
    assert posters(known, FALLING, ("RelatedPerson/me", "RelatedPerson/too"), AT) == expected


@pytest.mark.parametrize("severity", ["low", "moderate", "high"])
def test_what_is_made_of_a_signal_is_valid(severity: str) -> None:
    signal = request(posted(severity=severity), (NURSE,))
    task = signal_tasks.task(posted(severity=severity), NURSE, 3, "nl")
    for each in (signal, task, signal_tasks.ended(task, "refuted", "x", AT), signal_tasks.left(task, AT)):
        valid(each)
    valid(signal_tasks.message("m", signal, NURSE, ["a", ""], AT))
    assert (signal["authoredOn"], signal_tasks.number_of(task), signal_tasks.topic_of(task)) == (
        instant(AT),
        3,
        (TOPICS, "falling"),
    )
    assert signal_tasks.number_of(signal_tasks.counted(task, 4, AT, "en")) == 4
    assert signal_tasks.topic_of(signal_tasks.counted(task, 4, AT, "en")) == (TOPICS, "falling")


def test_the_state_is_the_servers_own() -> None:
    signal = request(posted(), ())
    assert (state_of(signal), state_of(with_state(signal, "verified"))) == ("unverified", "verified")
    assert claims_state(signal, None)
    assert not claims_state(signal, signal)
    assert claims_state(with_state(signal, "verified"), signal)
    assert claims_state({**signal, "meta": {}}, signal)
    assert not claims_state({"resourceType": "Patient"}, None)


def test_the_words_are_there_in_both_languages() -> None:
    for language in ("nl", "en"):
        assert {*OUTCOMES, "nobody", "posters"} <= signals().words[language].keys()
