"""How much one caller may ask for, over HTTP, and what the record says of it."""

from collections.abc import Iterator

import pytest
from flows.authorization import running
from flows.client import Client
from flows.networked import Networked
from record_check import lines

from fhir_server import bootstrap
from fhir_server.access.actor import Actor
from fhir_server.background import _tell_refused
from fhir_server.errors import Forbidden, TooMany
from fhir_server.interactions.call import Call
from fhir_server.interactions.emergency_client import named_clients

NURSE, DAUGHTER = ("Practitioner/nurse", "practitioner"), ("RelatedPerson/daughter", "related-person")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def narrow(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    folder = tmp_path_factory.mktemp(f"rates-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        database = request.getfixturevalue("postgres_server").create("rates", "template1")
    limits = {"RATE_PERSON": "0.01", "RATE_SOFTWARE": "0.2", "RATE_ADDRESS": "0.1", "RATE_LOOKUPS": "3"}
    with running(folder, database, **limits) as server:
        made = [
            {"resourceType": "Practitioner", "id": "nurse", "active": True},
            {"resourceType": "Patient", "id": "client", "active": True},
            {"resourceType": "RelatedPerson", "id": "daughter", "active": True, "patient": {"reference": "Patient/client"}},
        ]
        found = Networked(server, folder)
        for each in made:
            found.do(bootstrap._store(found.services, each))
        yield found


def test_who_asks_for_too_much_waits_and_nobody_else_does(narrow: Networked) -> None:
    nurse, daughter = narrow.acting(*NURSE), narrow.acting(*DAUGHTER)
    assert nurse.get("Practitioner/nurse").status == 200
    for path in ("Practitioner/nurse", "Task", "metadata", "Practitioner/nurse"):
        reply = nurse.get(path)
        assert (reply.status, reply.detail) == (429, "rate-limited")
        assert 90 <= int(reply.headers["retry-after"]) <= 100
    assert daughter.get("RelatedPerson/daughter").status == 200
    text = Client(narrow.port).get("/metrics").body.decode()
    assert "fhir_rate_limited_person 4.0" in text
    assert 'fhir_request_duration_seconds_count{interaction="read",status="429",type="Practitioner"} 2.0' in text

    narrow.do(_tell_refused(narrow.services))
    told = [each for each in lines(narrow.server.settings.database) if each.status == 429]
    assert [(each.actor, each.interaction, each.detail) for each in told] == [
        ("Practitioner/nurse", "read", ""),
        ("Practitioner/nurse", "unknown", "times:3"),
    ]
    assert told[1].address == "127.0.0.1"
    found = narrow.acting("Device/test", "system").get("AuditEvent?agent=Practitioner/nurse&outcome=4").json["entry"]
    assert {each["resource"]["outcomeDesc"] for each in found} == {
        "HTTP 429 Too Many Requests",
        "HTTP 429 Too Many Requests (3 times)",
    }


def test_the_entries_of_a_batch_are_paid_for(narrow: Networked) -> None:
    client = narrow.acting("Device/batches", "system")
    entry = {"request": {"method": "GET", "url": "Practitioner/nurse"}}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [entry] * 12}
    assert client.request("POST", "", batch).status == 200
    refused = client.request("POST", "", batch)
    assert (refused.status, refused.detail) == (429, "rate-limited")


def test_who_is_not_recognised_pays_by_address_and_a_good_token_does_not(narrow: Networked) -> None:
    stranger = Client(narrow.port, "nonsense")
    replies = [stranger.get("Task").status for _ in range(4)] + [Client(narrow.port).get("metadata").status for _ in range(5)]
    assert replies == [401] * 4 + [200] * 2 + [429] * 3
    assert Client(narrow.port).get("nowhere").status == 429
    assert narrow.acting("Device/others", "system").get("Practitioner/nurse").status == 200
    assert Client(narrow.port).get("/health/live").status == 200


def test_numbers_are_not_tried_one_after_the_other_in_an_emergency(narrow: Networked) -> None:
    services = narrow.services
    actor = Actor(NURSE[0], "practitioner", (), purpose="BTG", reason="unconscious", people=(NURSE[0],), token="t")

    async def look_for(number: str) -> None:
        asked = [("identifier", f"https://example.org/number|{number}")]
        call = Call(services, actor, "search-type", services.catalog.types["Patient"], parameters=asked, now=1)
        await named_clients(call, "")

    for number in ("1", "2", "1", "3", "2"):
        with pytest.raises(Forbidden):
            narrow.do(look_for(number))
    with pytest.raises(TooMany):
        narrow.do(look_for("4"))
