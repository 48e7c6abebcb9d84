"""Erasing a client's dossier: nothing of it is left on either engine, nothing else is touched, and the record tells of it."""

from base64 import b64encode
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from at_rest import files, rows, where
from engines import PostgresServer
from flows.client import Client, Reply
from flows.networked import Networked, networked, uploaded

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
BOTH = ("expungeDeletedResources", "expungePreviousVersions")
PLANTED = tuple(f"plantsoen{each}" for each in ("naam", "eerder", "bericht", "weg", "relatie", "bestand", "binair", "taak"))
_numbers = count()


@pytest.fixture(params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Networked]:
    database = f"sqlite:///{tmp_path}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"expunge_{next(_numbers)}", "template1")
    with networked(tmp_path, database, *planted()) as started:
        yield started


def planted() -> list[dict[str, Any]]:
    """Return a client with a dossier of known texts, and a resource of another one that refers to it."""
    subject = {"reference": "Patient/erika", "type": "Patient"}
    return [
        {"resourceType": "Patient", "id": "erika", "name": [{"family": PLANTED[0]}], "birthDate": "1940-01-01"},
        {"resourceType": "RelatedPerson", "id": "erika-son", "patient": subject, "name": [{"family": PLANTED[4]}], "active": True},
        {
            "resourceType": "CareTeam",
            "id": "network-erika",
            "status": "active",
            "subject": subject,
            "participant": [
                {"member": {"reference": each, "type": each.partition("/")[0]}}
                for each in ("RelatedPerson/erika-son", "Practitioner/gp-harmsen", "Patient/erika")
            ],
        },
        {
            "resourceType": "CommunicationRequest",
            "id": "erika-thread",
            "status": "active",
            "subject": subject,
            "requester": {"reference": "Practitioner/gp-harmsen"},
            "recipient": [{"reference": "CareTeam/network-erika"}],
            "payload": [{"contentString": PLANTED[2]}],
        },
        {
            "resourceType": "Task",
            "id": "foreign-task",
            "status": "requested",
            "intent": "order",
            "for": {"reference": "Patient/ansje"},
            "description": "stays",
            "basedOn": [{"reference": "CommunicationRequest/erika-thread"}],
        },
    ]


def expunge(client: Client, id_: str = "erika", *named: str, **also: bool) -> Reply:
    parameters = [{"name": each, "valueBoolean": True} for each in named]
    parameters += [{"name": name, "valueBoolean": value} for name, value in also.items()]
    body = {"resourceType": "Parameters"} | ({"parameter": parameters} if parameters else {})
    return client.request("POST", f"Patient/{id_}/$expunge", body)


def parts(reply: Reply, name: str) -> list[Any]:
    found = [each for each in reply.json.get("parameter", []) if each["name"] == name]
    return [next((value for key, value in each.items() if key.startswith("value")), each) for each in found]


def filled(hub: Networked) -> None:
    """Give the dossier replaced versions, a deleted resource, private things and an attachment."""
    system, gp = hub.as_("system"), hub.as_("gp")
    patient = system.get("Patient/erika").json
    assert system.put({**patient, "name": [{"family": PLANTED[1]}]}).status == 200
    assert system.put({**patient, "name": [{"family": PLANTED[0]}]}).status == 200
    subject = {"reference": "Patient/erika", "type": "Patient"}
    task = {"resourceType": "Task", "id": "erika-task", "status": "requested", "intent": "order", "for": subject}
    assert system.put({**task, "description": PLANTED[3]}).status == 201
    assert system.request("DELETE", "Task/erika-task").status == 204
    assert system.put({**task, "id": "erika-other", "description": PLANTED[7]}).status == 201
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": b64encode(PLANTED[6].encode()).decode()}
    assert gp.post({**binary, "securityContext": subject}).status == 201
    url = uploaded(gp, "network-erika", PNG + PLANTED[5].encode(), name=f"{PLANTED[5]}.png")
    sent = {
        "resourceType": "Communication",
        "status": "completed",
        "subject": subject,
        "partOf": [{"reference": "CommunicationRequest/erika-thread"}],
        "sender": {"reference": "Practitioner/gp-harmsen"},
        "payload": [{"contentAttachment": {"contentType": "image/png", "url": url}}, {"contentString": PLANTED[2]}],
    }
    assert gp.post(sent).status == 201


def others(hub: Networked) -> list[str]:
    """Return all that is not of the dossier, as it reads."""
    system = hub.as_("system")
    found = []
    for type_ in ("Patient", "CareTeam", "Practitioner", "Communication", "CommunicationRequest", "Task", "Consent"):
        reply = system.get(f"{type_}?_count=200")
        found += [str(each) for each in reply.resources if "erika" not in str(each) or each["id"] == "foreign-task"]
    return found


def test_nothing_is_left_and_nothing_else_is_touched(hub: Networked) -> None:
    filled(hub)
    system, database = hub.as_("system"), hub.server.settings.database
    page = hub.as_("gp").get("Task?patient=Patient/erika&_count=1")
    before = others(hub)
    assert {each.rpartition(" ")[2] for each in where(PLANTED, rows(database))} == {*PLANTED} - {PLANTED[6]}  # that is in base64
    if database.startswith("sqlite"):
        assert where(PLANTED, files(*hub.folder.glob("hub.db*")))  # names can be searched for, and stand there in clear
    for person in ("daughter", "gp", "client", "operator"):
        assert expunge(hub.as_(person), "erika", *BOTH).status == 403
    done = expunge(system, "erika", *BOTH)
    assert done.status == 200, done.body
    kinds = {each["part"][0]["valueCode"] for each in parts(done, "resources")}
    assert kinds >= {"Patient", "RelatedPerson", "CareTeam", "CommunicationRequest", "Communication", "Task", "Binary"}
    assert (parts(done, "attachments"), parts(done, "referrer")) == ([1], [{"reference": "Task/foreign-task"}])
    for place in (
        "Patient/erika",
        "Patient/erika/_history/1",
        "RelatedPerson/erika-son",
        "Task/erika-task",
        "CareTeam/network-erika",
    ):
        assert system.get(place).status in {404, 410}, place
    assert hub.as_("gp").get("Task?patient=Patient/erika").resources == []
    following = [each["url"] for each in page.json["link"] if each["relation"] == "next"]
    assert all(hub.as_("gp").follow(each).resources == [] for each in following)
    assert others(hub) == before
    assert where(PLANTED, rows(database)) == []
    assert list((hub.folder / "data" / "attachments").rglob("*/*")) == []
    if database.startswith("sqlite"):
        assert where(PLANTED, files(*hub.folder.glob("hub.db*"))) == []
    told = hub.lines("$expunge")[-1]
    assert (told.status, told.action, told.type, told.id, told.dossier) == (200, "D", "Patient", "erika", "Patient/erika")
    assert len([each for each in hub.lines("$expunge") if each.status == 200]) == 1
    assert expunge(system, "erika", *BOTH).status == 404


def test_the_index_is_what_a_rebuild_would_make(hub: Networked) -> None:
    from index_check import index_faults, version_faults

    filled(hub)
    assert expunge(hub.as_("system"), "erika", *BOTH).status == 200
    database = hub.server.settings.database
    assert (version_faults(database), index_faults(database, hub.base)) == ([], [])


def test_what_is_only_old_or_deleted(hub: Networked) -> None:
    filled(hub)
    system = hub.as_("system")
    nothing = [system.request("POST", "Patient/erika/$expunge"), expunge(system), expunge(system, expungeDeletedResources=False)]
    assert [(each.status, parts(each, "count")) for each in nothing] == [(200, [0])] * 3
    assert all("Nothing was removed" in parts(each, "message")[0] for each in nothing)
    assert expunge(system, "erika", "expungePreviousVersions").status == 200
    assert [system.get(f"Patient/erika{each}").status for each in ("", "/_history/3", "/_history/2", "/_history/1")] == [
        200,
        200,
        404,
        404,
    ]
    assert system.get("Task/erika-task").status == 410
    gone = expunge(system, "erika", "expungeDeletedResources")
    assert [each["part"] for each in parts(gone, "resources")] == [
        [{"name": "type", "valueCode": "Task"}, {"name": "count", "valueInteger": 1}]
    ]
    assert [system.get(f"Task/{each}").status for each in ("erika-task", "erika-other")] == [404, 200]
    assert where([PLANTED[1], PLANTED[3]], rows(hub.server.settings.database)) == []
    assert expunge(system, "erika", "_everything").status == 400
    assert expunge(system, "nobody", *BOTH).status == 404


def test_who_is_stopped_half_way_goes_on_later(hub: Networked, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(hub)
    monkeypatch.setattr("fhir_server.interactions.erase.BATCH", 2)
    steps = Steps(monkeypatch)
    gp, system, stops = hub.as_("gp"), hub.as_("system"), 0
    while True:
        steps.left = stops + 1  # further each time
        reply = expunge(system, "erika", *BOTH)
        if reply.status != 500:
            break
        stops += 1
        assert gp.get("Task?patient=Patient/erika").resources == []
        assert gp.get("Patient/erika").status in {403, 404}
    assert (reply.status in {200, 404}, stops > 3) == (True, True)
    assert where(PLANTED, rows(hub.server.settings.database)) == []


class Steps:
    """Stops the work on the database after ``left`` more transactions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fhir_server.storage.engines.postgres_scripts import PostgresScripts
        from fhir_server.storage.engines.sqlite_scripts import SqliteScripts

        self.left = 0
        for engine in (PostgresScripts, SqliteScripts):
            monkeypatch.setattr(engine, "do", self._stopping(engine.do))

    def _stopping(self, do: Any) -> Any:
        async def stopping(engine: Any, script: Any) -> Any:
            if self.left == 0:
                raise RuntimeError("stopped")
            self.left -= 1
            return await do(engine, script)

        return stopping
