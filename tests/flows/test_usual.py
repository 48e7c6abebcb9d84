"""A request that was admitted before is answered, refused and recorded as the first of its words was."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from engines import PostgresServer
from flows.client import Client, Reply
from flows.networked import Networked, networked

from profiles.demo import persons

OWN = {"x-request-id", "traceparent", "date"}
"""Headers in which two answers to the same request differ."""
ASKED = [
    ("{patient}", {}),
    ("{team}", {"Accept": "application/fhir+xml"}),
    ("{team}", {"Accept-Encoding": "gzip"}),
    ("{team}", {"Cache-Control": "no-store"}),
    ("{team}", {"Accept": "text/csv"}),
    ("Task/nobody-knows", {}),
    ("CareTeam?patient={patient}", {}),
    ("CareTeam?patient={patient}&_include=CareTeam:participant&_count=1", {}),
    ("CareTeam?patient={patient}&_format=xml&_pretty=true", {}),
    ("Communication?_count=0", {}),
    ("Communication?_sort=-sent&_count=1", {"Prefer": "handling=lenient"}),
    ("Communication?nonsense=1", {}),
    ("Communication?_count=abc", {}),
    ("AuditEvent?_count=1&_elements=action", {}),
    ("Binary/none", {"Accept": "image/png"}),
]
GP = persons()["gp"]["reference"]
PERSONS = ["system", "gp", "daughter", "client", "outsider", "operator"]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    folder = tmp_path_factory.mktemp(f"usual-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("usual", "template1")
    with networked(folder, database) as running:
        yield running


def own_team(served: Networked) -> dict[str, Any]:
    """Return the network of the client of the demo."""
    reply = served.as_("system").get(f"CareTeam?patient={persons()['client']['reference']}&status=active&participant={GP}")
    found: dict[str, Any] = reply.resources[0]
    return found


def told(reply: Reply) -> tuple[object, ...]:
    headers = {name.lower(): value for name, value in reply.headers.items() if name.lower() not in OWN}
    body = reply.body if b"?_page=" not in reply.body else reply.body.partition(b"?_page=")[0]  # a token of its own for each
    if b"?_page=" in reply.body:
        headers.pop("content-length", None)
    return reply.status, headers, body


@pytest.mark.parametrize("person", PERSONS)
def test_the_second_answer_is_the_first(served: Networked, person: str) -> None:
    client = served.as_(person)
    team = own_team(served)
    names = {"patient": team["subject"]["reference"], "team": f"CareTeam/{team['id']}"}
    for path, headers in ASKED:
        replies = [client.get(path.format(**names), **headers) for _ in range(3)]
        if not path.startswith("AuditEvent"):  # each adds a line to what it shows
            assert told(replies[1]) == told(replies[0]), (path, headers)
        assert told(replies[2])[0] == told(replies[0])[0], (path, headers)


def test_each_is_recorded_alike(served: Networked) -> None:
    client = served.as_("gp")
    team = own_team(served)["id"]
    before = len(served.lines("read")), len(served.lines("search-type"))
    for _ in range(3):
        assert client.get(f"CareTeam/{team}").status == 200
        assert client.get("Communication?_count=1").status == 200
    for interaction, start in zip(("read", "search-type"), before, strict=True):
        lines = [each._replace(recorded=0, request="", trace="") for each in served.lines(interaction)[start:]]
        assert len(lines) == 3
        assert len(set(lines)) == 1
        assert lines[0].dossier, "the line names the client"


def test_what_changed_since_counts_for_the_next(served: Networked) -> None:
    system, reference = served.as_("system"), "Practitioner/passing-by"
    system.put({"resourceType": "Practitioner", "id": "passing-by", "active": True})
    team = own_team(served)
    path = f"CareTeam/{team['id']}"
    guest = served.acting(reference, "practitioner")
    assert [guest.get(path).status for _ in range(2)] == [403, 403]
    joined = system.put(
        {**team, "participant": [*team["participant"], {"member": {"reference": reference, "type": "Practitioner"}}]}
    )
    assert joined.status == 200, joined.body
    assert [guest.get(path).status for _ in range(2)] == [200, 200]
    etag = guest.get(path).headers["etag"]
    assert guest.get(path, If_None_Match=etag).status == 304
    assert guest.get(path, If_None_Match='W/"0"').status == 200
    system.put(team)
    assert [guest.get(path).status for _ in range(2)] == [403, 403]
    system.put({"resourceType": "Practitioner", "id": "passing-by", "active": False})
    assert guest.get("CareTeam/another").status == 401, "who has left is nobody"
    refused = served.lines("read")[-1]
    assert (refused.status, refused.type, refused.id) == (401, "CareTeam", "another")
    system.put({"resourceType": "Practitioner", "id": "gone", "active": True})
    assert [system.get("Practitioner/gone").status for _ in range(2)] == [200, 200]
    assert system.request("DELETE", "Practitioner/gone").status in {200, 204}
    assert system.get("Practitioner/gone").status == 410


def test_a_token_that_was_good_is_looked_at_each_time(served: Networked) -> None:
    client = served.as_("gp")
    assert [client.get("Task?_count=1").status for _ in range(2)] == [200, 200]
    assert Client(served.port, client.token + "x").get("Task?_count=1").status == 401
    assert Client(served.port).get("Task?_count=1").status == 401
    assert served.as_("gp", scope="user/CareTeam.rs").get("Task?_count=1").status == 403


def test_what_many_ask_at_once_is_answered_to_each(served: Networked) -> None:
    several = [served.as_(person) for person in ("gp", "daughter", "outsider")]
    alone = [told(each.get("CommunicationRequest?_count=5"))[2] for each in several]

    async def all_at_once() -> list[Reply]:
        asking = [asyncio.to_thread(each.get, "CommunicationRequest?_count=5") for _ in range(5) for each in several]
        return await asyncio.gather(*asking)

    assert [told(each)[2] for each in asyncio.run(all_at_once())] == alone * 5
