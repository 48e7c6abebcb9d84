"""Erasing a client's dossier: nothing of it is left on either engine, nothing else is touched, and the record tells of it."""

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from at_rest import files, rows, where
from engines import PostgresServer
from flows.client import Client, Reply
from flows.networked import Networked, networked, uploaded
from index_check import select

from fhir_server import bootstrap
from fhir_server.storage.authorization.store import ConsentGiven, Granted, RefreshToken

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
BOTH = ("expungeDeletedResources", "expungePreviousVersions")
KINDS = ("naam", "eerder", "bericht", "weg", "relatie", "bestand", "taak", "abonnement", "binair")
GP = "Practitioner/gp-harmsen"


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    folder = tmp_path_factory.mktemp(f"expunge-{request.param}")
    database = f"sqlite:///{folder}/hub.db"
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("expunge", "template1")
    with networked(folder, database, SUBSCRIPTION_ALLOW_LOOPBACK="true") as started:
        yield started


def planted(id_: str) -> dict[str, str]:
    """Return what stands in the dossier, by the place where it does."""
    return {each: f"plantsoen{id_}{each}" for each in KINDS}


def filled(hub: Networked, id_: str) -> None:
    """Make a dossier with replaced versions, a deletion, a Binary and an attachment, and a task elsewhere that refers to it."""
    system, gp, text = hub.as_("system"), hub.as_("gp"), planted(id_)
    subject = {"reference": f"Patient/{id_}", "type": "Patient"}
    patient = {"resourceType": "Patient", "id": id_, "birthDate": "1940-01-01"}
    for family in (text["eerder"], text["weg"], text["naam"]):
        assert system.put({**patient, "name": [{"family": family}]}).status in {200, 201}
    son = {"resourceType": "RelatedPerson", "id": f"{id_}-son", "patient": subject, "name": [{"family": text["relatie"]}]}
    people = (f"RelatedPerson/{id_}-son", GP, f"Patient/{id_}")
    members = [{"member": {"reference": each, "type": each.partition("/")[0]}} for each in people]
    team = {"resourceType": "CareTeam", "id": f"network-{id_}", "status": "active", "subject": subject, "participant": members}
    thread = {
        "resourceType": "CommunicationRequest",
        "id": f"{id_}-thread",
        "status": "active",
        "subject": subject,
        "requester": {"reference": GP},
        "recipient": [{"reference": f"CareTeam/network-{id_}"}],
        "payload": [{"contentString": text["bericht"]}],
    }
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "for": subject}
    foreign = {"for": {"reference": "Patient/ansje"}, "focus": {"reference": f"CommunicationRequest/{id_}-thread"}}
    for each in (
        *(son, team, thread),
        {**task, "id": f"{id_}-deleted", "description": text["weg"]},
        {**task, "id": f"{id_}-task", "description": text["taak"]},
        {**task, "id": f"foreign-{id_}", **foreign},
    ):
        assert system.put(each).status == 201, each
    assert system.request("DELETE", f"Task/{id_}-deleted").status == 204
    binary = {"resourceType": "Binary", "contentType": "text/plain", "data": b64encode(text["binair"].encode()).decode()}
    assert gp.post({**binary, "securityContext": subject}).status == 201
    url = uploaded(gp, f"network-{id_}", PNG + text["bestand"].encode(), name=f"{text['bestand']}.png")
    attached = {"contentAttachment": {"contentType": "image/png", "url": url}}
    reply = {"resourceType": "Communication", "status": "completed", "subject": subject, "sender": {"reference": GP}}
    part = {"partOf": [{"reference": f"CommunicationRequest/{id_}-thread"}], "payload": [attached]}
    assert gp.post({**reply, **part}).status == 201
    channel = {"type": "rest-hook", "endpoint": f"http://127.0.0.1:9/{text['abonnement']}"}
    wanted = {"resourceType": "Subscription", "status": "requested", "reason": "news", "criteria": "Task?id", "channel": channel}
    assert hub.acting(f"Patient/{id_}", "patient").post(wanted).status == 201


def expunge(client: Client, id_: str, *named: str, **also: bool) -> Reply:
    parameters = [{"name": each, "valueBoolean": True} for each in named]
    parameters += [{"name": name, "valueBoolean": value} for name, value in also.items()]
    body = {"resourceType": "Parameters"} | ({"parameter": parameters} if parameters else {})
    return client.request("POST", f"Patient/{id_}/$expunge", body)


def parts(reply: Reply, name: str) -> list[Any]:
    found = [each for each in reply.json.get("parameter", []) if each["name"] == name]
    return [next((value for key, value in each.items() if key.startswith("value")), each) for each in found]


def others(hub: Networked, id_: str) -> list[str]:
    """Return all that is not of the dossier, as it reads."""
    types = ("Patient", "CareTeam", "Practitioner", "Communication", "CommunicationRequest", "Task", "Consent")
    found = [each for type_ in types for each in hub.as_("system").get(f"{type_}?_count=500").resources]
    return [str(each) for each in found if each["id"] == f"foreign-{id_}" or id_ not in str(each)]


def test_nothing_is_left_and_nothing_else_is_touched(hub: Networked) -> None:
    filled(hub, "erika")
    system, gp, database, texts = hub.as_("system"), hub.as_("gp"), hub.server.settings.database, planted("erika")
    page = gp.get("Task?patient=Patient/erika&_count=1")
    before = others(hub, "erika")
    assert {each.rpartition(" ")[2] for each in where(texts.values(), rows(database))} == {*texts.values()} - {texts["binair"]}
    if database.startswith("sqlite"):
        assert where(texts.values(), files(*hub.folder.glob("hub.db*")))  # names can be searched for, and stand there in clear
    for person in ("daughter", "gp", "client", "operator"):
        assert expunge(hub.as_(person), "erika", *BOTH).status == 403
    done = expunge(system, "erika", *BOTH)
    assert done.status == 200, done.body
    kinds = {each["part"][0]["valueCode"] for each in parts(done, "resources")}
    assert kinds >= {
        "Patient",
        "RelatedPerson",
        "CareTeam",
        "CommunicationRequest",
        "Communication",
        "Task",
        "Binary",
        "Subscription",
    }
    assert (parts(done, "attachments"), parts(done, "referrer")) == ([1], [{"reference": "Task/foreign-erika"}])
    for place in (
        "Patient/erika",
        "Patient/erika/_history/1",
        "RelatedPerson/erika-son",
        "Task/erika-deleted",
        "CareTeam/network-erika",
    ):
        assert system.get(place).status == 404, place
    assert gp.get("Task?patient=Patient/erika").resources == []
    following = [each["url"] for each in page.json["link"] if each["relation"] == "next"]
    assert [gp.follow(each).resources for each in following] == [[]]
    assert others(hub, "erika") == before
    assert where(texts.values(), rows(database)) == []
    assert [each for each in (hub.folder / "data" / "attachments").rglob("*") if each.is_file()] == []
    if database.startswith("sqlite"):
        assert where(texts.values(), files(*hub.folder.glob("hub.db*"))) == []
    told = [each for each in hub.lines("$expunge") if each.status == 200]
    assert [(each.action, each.type, each.id, each.dossier) for each in told] == [("D", "Patient", "erika", "Patient/erika")]
    assert expunge(system, "erika", *BOTH).status == 404


def test_what_is_only_old_or_deleted(hub: Networked) -> None:
    filled(hub, "frits")
    system, text = hub.as_("system"), planted("frits")
    nothing = [
        system.request("POST", "Patient/frits/$expunge"),
        expunge(system, "frits"),
        expunge(system, "frits", expungeDeletedResources=False),
    ]
    assert [(each.status, parts(each, "count")) for each in nothing] == [(200, [0])] * 3
    assert all("Nothing was removed" in parts(each, "message")[0] for each in nothing)
    assert expunge(system, "frits", "expungePreviousVersions").status == 200
    versions = [system.get(f"Patient/frits{each}").status for each in ("", "/_history/3", "/_history/2", "/_history/1")]
    assert versions == [200, 200, 404, 404]
    assert system.get("Task/frits-deleted").status == 410
    (reply,) = system.get("Communication?part-of=CommunicationRequest/frits-thread").resources
    unread = system.get(f"Task?focus=Communication/{reply['id']}").resources
    for each in (*unread, reply):
        assert system.request("DELETE", f"{each['resourceType']}/{each['id']}").status == 204
    gone = expunge(system, "frits", "expungeDeletedResources")
    found = [[part.get("valueCode", part.get("valueInteger")) for part in each["part"]] for each in parts(gone, "resources")]
    assert (found, parts(gone, "attachments")) == ([["Communication", 1], ["Task", 1 + len(unread)]], [1])
    assert [system.get(f"Task/frits-{each}").status for each in ("deleted", "task")] == [404, 200]
    assert where([text["eerder"], text["weg"]], rows(hub.server.settings.database)) == []
    assert expunge(system, "frits", "_everything").status == 400
    assert expunge(system, "nobody", *BOTH).status == 404


def test_who_is_stopped_half_way_goes_on_later(hub: Networked, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(hub, "geert")
    monkeypatch.setattr("fhir_server.interactions.erase.BATCH", 2)
    steps = Steps(monkeypatch)
    gp, system, stops = hub.as_("gp"), hub.as_("system"), 0
    while True:
        steps.left = stops + 1  # further each time
        reply = expunge(system, "geert", *BOTH)
        if reply.status != 500:
            break
        stops += 1
        assert gp.get("Task?patient=Patient/geert").resources == []
        assert gp.get("Patient/geert").status in {403, 404}
    assert (reply.status in {200, 404}, stops > 3) == (True, True)
    database = hub.server.settings.database
    assert where(planted("geert").values(), rows(database)) == []
    assert bootstrap.check_index(hub.server.settings).equal
    assert select(database, "SELECT row FROM history WHERE row NOT IN (SELECT row FROM resource)") == []


def test_the_tokens_for_a_dossier_end(hub: Networked) -> None:
    filled(hub, "hanna")
    store, now = hub.services.repository.authorization(), bootstrap.now()
    ends = now + 3_600_000_000
    given = {
        "by-client": Granted("app", "Patient/hanna", "patient", "patient/*.rs"),
        "by-son": Granted("app", "RelatedPerson/hanna-son", "related-person", "user/*.rs"),
        "for-client": Granted("app", GP, "practitioner", "patient/*.rs", patient="hanna"),
        "other": Granted("app", GP, "practitioner", "patient/*.rs", patient="hannah"),
    }
    for name, granted in given.items():
        hub.do(store.put_refresh(RefreshToken(f"hash-{name}", name, granted, ends, ends)))
        hub.do(store.remember_consent(ConsentGiven(granted.subject, name, granted.scope, now, granted.patient)))
    assert expunge(hub.as_("system"), "hanna", *BOTH).status == 200
    left = {name for name in given if hub.do(store.find_refresh(f"hash-{name}"))}
    revoked = {name for name in given if hub.do(store.is_revoked(name, "", 0))}
    assert (left, revoked) == ({"other"}, {"by-client", "by-son", "for-client"})
    people = ("Patient/hanna", "RelatedPerson/hanna-son", GP)
    assert [each.patient for person in people for each in hub.do(store.consents(person))] == ["hannah"]


def test_no_transaction_is_long(hub: Networked, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = Steps(monkeypatch)
    system = hub.as_("system")
    patient = {"resourceType": "Patient", "id": "irma", "birthDate": "1940-01-01"}
    bundle = [
        {"resource": {**patient, "language": each}, "request": {"method": "PUT", "url": "Patient/irma"}} for each in ("nl", "fy")
    ]
    for _ in range(75):
        batch = {"resourceType": "Bundle", "type": "batch", "entry": bundle}
        assert system.request("POST", "/fhir", batch).status == 200
    steps.left, steps.longest = 1_000, 0
    assert expunge(system, "irma", *BOTH).status == 200
    assert steps.longest == 1 + 100  # what finds replaced versions, and what removes one each
    assert select(hub.server.settings.database, "SELECT count(*) FROM resource WHERE id = 'irma'") == [(0,)]


class Steps:
    """Stops the work on the database after ``left`` more transactions; ``longest`` is how many statements one of them had."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from fhir_server.storage.engines.postgres_scripts import PostgresScripts
        from fhir_server.storage.engines.sqlite_scripts import SqliteScripts

        self.left, self.longest = 1_000, 0
        for engine in (PostgresScripts, SqliteScripts):
            monkeypatch.setattr(engine, "do", self._stopping(engine.do))

    def _stopping(self, do: Any) -> Any:
        async def stopping(engine: Any, script: Any) -> Any:
            if "subscriptions" not in script.gi_code.co_filename:  # these are done on the side
                if self.left == 0:
                    raise RuntimeError("stopped")
                self.left -= 1
            return await do(engine, self._counted(script))

        return stopping

    def _counted(self, script: Any) -> Any:
        number, sent = 0, None
        try:
            while True:
                step = script.send(sent)
                number += 1
                sent = yield step
        except StopIteration as end:
            self.longest = max(self.longest, number)
            return end.value
