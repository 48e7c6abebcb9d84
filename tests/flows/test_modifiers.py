"""What would change the meaning of a resource in a way that the server does not know is refused however it comes."""

from typing import Any

import pytest
from flows.client import Demo, Reply
from flows.test_transaction import bundle, entry, send, statuses, stored

UNKNOWN = [{"url": "https://x.example/not", "valueBoolean": True}]
RULES = {"implicitRules": "https://x.example/rules"}
JSON_PATCH = "application/json-patch+json"


def team(**more: Any) -> dict[str, Any]:
    return {"resourceType": "CareTeam", "id": "modified", "status": "active", **more}


def refused(reply: Reply, detail: str, place: str) -> None:
    assert (reply.status, reply.detail) == (422, detail), reply.body
    assert [each["expression"] for each in reply.json["issue"]] == [[place]]


@pytest.mark.parametrize(
    ("more", "detail", "at"),
    [
        (RULES, "unknown-implicit-rules", "CareTeam.implicitRules"),
        ({"modifierExtension": UNKNOWN}, "unknown-modifier", "CareTeam.modifierExtension[0]"),
    ],
)
def test_on_every_way_of_writing(hub: Demo, more: dict[str, Any], detail: str, at: str) -> None:
    system = hub.as_("system")
    assert system.put(team()).status in {200, 201}
    before = stored(hub)
    ((name, value),) = more.items()
    refused(system.put(team(**more)), detail, at)
    refused(system.request("PUT", "CareTeam?name=nowhere", team(**more, name="nowhere") | {"id": "modified-too"}), detail, at)
    refused(system.post(team(**more)), detail, at)
    patch = [{"op": "add", "path": f"/{name}", "value": value}]
    refused(system.request("PATCH", "CareTeam/modified", patch, Content_Type=JSON_PATCH), detail, at)
    within = at.replace("CareTeam", "Bundle.entry[0].resource")
    refused(send(hub, "system", bundle("transaction", entry("POST", "CareTeam", team(**more)))), detail, within)
    assert statuses(send(hub, "system", bundle("batch", entry("POST", "CareTeam", team(**more))))) == ["422"]
    refused(
        send(hub, "system", {**bundle("batch", entry("GET", "CareTeam")), **RULES}),
        "unknown-implicit-rules",
        "Bundle.implicitRules",
    )
    assert stored(hub) == before


def test_what_the_server_only_keeps_comes_back_as_it_was(hub: Demo) -> None:
    system = hub.as_("system")
    place = {"resourceType": "Location", "id": "modified", "modifierExtension": UNKNOWN}
    assert system.put(place).status in {200, 201}
    assert system.get("Location/modified").json["modifierExtension"] == UNKNOWN
