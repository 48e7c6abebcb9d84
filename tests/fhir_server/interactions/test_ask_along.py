"""What the resources of a source refer to and did not come along: asked for when it is to be included, under its own grant."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from dossier_room import CLIENT, SYSTEM, Room, room
from sources_room import BSN, LOCAL, NUMBER, Adapter, Asking, furnish, ids

from adapters.contract import Resource, Source, SourceError, SourceQuery, Translation, Transport

TYPES = ("CarePlan", "Goal", "Condition", "Practitioner")
PLANS = f"CarePlan?patient={CLIENT}"
PATIENT: Resource = {"resourceType": "Patient", "id": "local", "identifier": [{"system": BSN, "value": NUMBER}]}


@dataclass
class ByType(Adapter):
    """Gives of one source what it is asked for and nothing else; ``failing`` are types of which it gives nothing."""

    failing: set[str] = field(default_factory=set)

    async def search(self, query: SourceQuery, source: Source, _: Transport) -> Translation:
        self.asked.append((source.name, query.resource_type))
        if query.resource_type in self.failing:
            raise SourceError("timeout", "as told")
        held = [each for each in self.holds.get(source.name, ()) if each["resourceType"] == query.resource_type]
        return Translation([PATIENT, *held] if held else [], [(BSN, NUMBER)], elsewhere=("Goal/g", "Condition/c"))


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with room(tmp_path_factory.mktemp("along"), "") as found:
        furnish(found)
        yield found


@pytest.fixture
def ask(hub: Room) -> Asking:
    plan = about("CarePlan", "p", goal=[{"reference": "Goal/g"}], addresses=[{"reference": "Condition/c"}])
    held: list[Resource] = [plan, about("Goal", "g"), about("Goal", "other"), about("Condition", "c")]
    return Asking(hub, ByType({"wijk": held, "linde": [about("Goal", "g")]}), TYPES)


def about(type_: str, id_: str, **more: Any) -> Resource:
    return {"resourceType": type_, "id": id_, "subject": {"reference": LOCAL}, **more}


def test_it_is_asked_of_the_source_that_refers_to_it_and_of_no_other(ask: Asking) -> None:
    plain = ask.bundle(SYSTEM, PLANS)
    assert ask.adapter.asked == [("linde", "CarePlan"), ("wijk", "CarePlan")]
    ask.adapter.asked.clear()
    found = ask.bundle(SYSTEM, f"{PLANS}&_include=CarePlan:goal")
    assert ask.adapter.asked == [("linde", "CarePlan"), ("wijk", "CarePlan"), ("wijk", "Goal")]
    assert ids(found) == ids(plain)
    plan = plain["entry"][0]["resource"]
    assert [f"Goal/{each}" for each in ids(found, "include")] == [each["reference"] for each in plan["goal"]]
    assert found["total"] == 1


def test_what_cannot_be_had_is_told(ask: Asking) -> None:
    assert isinstance(ask.adapter, ByType)
    ask.adapter.failing = {"Goal"}
    found = ask.bundle(SYSTEM, f"{PLANS}&_include=CarePlan:goal&_include=CarePlan:condition")
    assert "total" not in found
    assert [each["search"]["mode"] for each in found["entry"]] == ["outcome", "match", "include"]
    assert dict(ask.calls[-1][1].headers)["Federation-Completeness"] == "partial"
    assert ask.calls[-1][0].touched.sources == {"linde": "ok", "wijk": "timeout"}


def test_one_that_did_not_come_along_is_read(ask: Asking) -> None:
    plan = ask.bundle(SYSTEM, PLANS)["entry"][0]["resource"]
    assert b'"resourceType":"Goal"' in ask(SYSTEM, plan["goal"][0]["reference"]).body
