"""Log or no data: whatever is asked leaves one line, and while nothing can be recorded nothing is shown."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from flows.client import Client, Demo, Reply
from flows.networked import uploaded
from flows.test_attachments import PNG, TEAM, path

CLIENT = "Patient/ansje"
WAYS = [
    CLIENT,
    f"{CLIENT}/_history",
    f"{CLIENT}/_history/1",
    f"{CLIENT}/Task",
    f"{CLIENT}/$everything",
    f"{CLIENT}/$access-log",
    f"{CLIENT}/$access-log?_format=csv",
    f"{CLIENT}/$access-log?_format=html",
    f"{CLIENT}/$who-can-see",
    f"{CLIENT}/$network-summary",
    "Task?_count=1",
    "Task?_summary=count",
    "Patient?_format=xml",
    "_history?_count=1",
    "AuditEvent?_count=1",
    "MedicationDispense?patient=Patient/ansje",
    "Patient/nobody",
    "Nonsense",
]


@pytest.fixture(scope="module")
def hub(fresh_hub: Demo) -> Demo:
    return fresh_hub


@contextmanager
def no_record(hub: Demo) -> Iterator[None]:
    """Let the table of the record take nothing until the block ends; everything else works."""
    if hub.database:
        with psycopg.connect(hub.database, autocommit=True) as session:
            raising = "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'gone'; END $$"
            session.execute(raising.encode())
            session.execute(b"CREATE TRIGGER gone BEFORE INSERT ON audit_block EXECUTE FUNCTION gone()")
            try:
                yield
            finally:
                session.execute(b"DROP FUNCTION gone CASCADE")
        return
    with closing(sqlite3.connect(hub.folder / "hub.db", isolation_level=None, timeout=20)) as session:
        session.execute("CREATE TRIGGER gone BEFORE INSERT ON audit_block BEGIN SELECT RAISE(ABORT, 'gone'); END")
        try:
            yield
        finally:
            session.execute("DROP TRIGGER gone")


def ready(hub: Demo) -> tuple[int, str]:
    reply = Client(hub.port).get("/health/ready")
    return reply.status, reply.json["status"]


def told(hub: Demo, status: int, text: str) -> bool:
    """Tell whether readiness comes to say so, within the second between two trials."""
    until = time.monotonic() + 5
    while ready(hub) != (status, text) and time.monotonic() < until:
        time.sleep(0.05)
    return ready(hub) == (status, text)


def test_readiness_tells_that_nothing_can_be_recorded(hub: Demo) -> None:
    system = hub.as_("system")
    assert ready(hub) == (200, "ok")
    with no_record(hub):
        assert system.get(CLIENT).status == 503
        assert ready(hub) == (503, "nothing can be written")
        assert told(hub, 503, "nothing can be written")
    assert told(hub, 200, "ok"), "nobody asks anything of a server that is not ready: it has to find out by itself"
    blocks = hub.rows("SELECT count(*) FROM audit_block WHERE chain = 'trial'")
    assert blocks == [(0,)], "a trial leaves nothing in the record"


def is_refused(reply: Reply) -> bool:
    told = b"Veenstra" in reply.body or b"ansje" in reply.body
    return reply.status == 503 and int(reply.headers["retry-after"]) > 0 and not told


@pytest.fixture
def page(hub: Demo) -> str:
    """Return the address of a second page."""
    first = hub.as_("client").get("Task?_count=1").json
    (following,) = (each["url"] for each in first["link"] if each["relation"] == "next")
    return str(following)


def test_nothing_is_shown_that_cannot_be_recorded(hub: Demo, page: str) -> None:
    client = hub.as_("client")
    address = path(uploaded(client, TEAM, PNG))
    binary = client.request("POST", "Binary", PNG, Content_Type="image/png").json["id"]
    with no_record(hub):
        replies = {each: client.get(each) for each in [*WAYS, address]}
        replies["page"] = client.follow(page)
        replies["binary"] = client.get(f"Binary/{binary}", Accept="image/png")
        replies["post"] = client.request("POST", "Patient/_search", b"", Content_Type="application/x-www-form-urlencoded")
        entry = {"request": {"method": "GET", "url": CLIENT}}
        replies["batch"] = client.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
        replies["nobody"] = Client(hub.port).get(CLIENT)
        token = Client(hub.port).request("POST", "/oauth/token", b"", Content_Type="application/x-www-form-urlencoded")
    assert [name for name, reply in replies.items() if not is_refused(reply)] == []
    assert token.status == 503
    assert [each for each in [CLIENT, address] if client.get(each).status != 200] == []


def test_whatever_is_asked_leaves_one_line(hub: Demo, page: str) -> None:
    client = hub.as_("client")

    address = path(uploaded(client, TEAM, PNG))
    binary = client.request("POST", "Binary", PNG, Content_Type="image/png").json["id"]
    ways = [*WAYS, address, f"Binary/{binary}", page[page.index("Task?") :], "Task?_count=0", "Task?identifier=none"]
    asked = [client.get(way).headers["x-request-id"] for way in ways]
    lines = {each[0]: each[1] for each in hub.rows("SELECT request, count(*) FROM audit_event GROUP BY request")}
    assert {way: lines.get(request, 0) for way, request in zip(ways, asked, strict=True)} == dict.fromkeys(ways, 1)
