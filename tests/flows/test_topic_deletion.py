"""Who hears on both engines that a resource was deleted: whoever could see it until then, and subscribed to a topic."""

import json
from collections.abc import Iterator

import pytest
from consents import consent, provision
from dossier_room import CHEMIST, CLIENT, DAUGHTER, DOCTOR, NETWORK, NURSE, OUTSIDER, SYSTEM, ref, team
from engines import PostgresServer
from flows.test_subscription import Bureau, bureau_open
from flows.test_topics import EVERYBODY, Json, asked, numbers, received, subscribe, told, topical
from hook import hook_running

from fhir_server import validation
from fhir_server.interactions.bundle import process
from fhir_server.interactions.call import WHOLE_SYSTEM, Call


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def bureau(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bureau]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("topic_deletion", "template1")
    with (
        hook_running() as hook,
        bureau_open(tmp_path_factory.mktemp("deletion"), database, hook, FHIR_SERVER_REFERENTIAL_INTEGRITY="off") as opened,
    ):
        yield opened


def task(id_: str, owner: str, **more: object) -> Json:
    made = {"resourceType": "Task", "id": id_, "status": "requested", "intent": "order", "for": ref(CLIENT), "owner": ref(owner)}
    return made | more


def following(bureau: Bureau, who: object, path: str, filters: tuple[str, ...] = (), topic: str = "task") -> str:
    return subscribe(bureau, who, path, topical(topic, bureau.hook.url(path), filters))  # type: ignore[arg-type]


def last(bureau: Bureau, path: str) -> Json:
    return received(bureau, path)[-1]


def test_a_deletion_is_told_to_those_who_could_see_it(bureau: Bureau) -> None:
    paths = [following(bureau, who, f"/told{number}") for number, who in enumerate((NURSE, SYSTEM))]
    others = [following(bureau, who, f"/other{number}") for number, who in enumerate((CHEMIST, OUTSIDER))]
    plain = bureau.subscribe(NURSE, "Task?id")
    done = following(bureau, NURSE, "/done", ("Task?status=completed",))
    bureau.room.write(SYSTEM, task("t1", NURSE))
    bureau.settle()  # before, or only the deletion would be told: nobody can read a version of what is gone
    bureau.room.delete(SYSTEM, "Task/t1")
    bureau.settle()
    focus = f"{bureau.room.services.base}/Task/t1"
    for path in paths:
        bundle = last(bureau, path)
        validation.check(bundle)
        assert told(bundle)["events"] == [(2, focus)]
        assert bundle["entry"][1] == {
            "fullUrl": focus,
            "request": {"method": "DELETE", "url": "Task/t1"},
            "response": {"status": "204"},
        }
    assert [numbers(bureau, path) for path in (*others, done)] == [[], [], []]
    assert bureau.hook.count(plain) == 1  # criteria are about new versions
    events = asked(bureau, NURSE, paths[0])
    assert told(events)["events"] == [(1, ""), (2, focus)]  # what can be read no more is told by its number alone
    assert [each["request"]["method"] for each in events["entry"][1:]] == ["DELETE"]


def test_members_of_a_network_hear_that_it_is_deleted(bureau: Bureau) -> None:
    """And they are its members no more when that is matched."""
    bureau.settle()  # what was written before is nothing that they follow
    path = following(bureau, CHEMIST, "/network", topic="careteam")
    bureau.room.write(SYSTEM, team("CareTeam/second", [CHEMIST], CLIENT))
    bureau.settle()
    bureau.room.delete(SYSTEM, "CareTeam/second")
    bureau.settle()
    assert numbers(bureau, path) == [1, 2]
    assert told(last(bureau, path))["events"] == [(2, f"{bureau.room.services.base}/CareTeam/second")]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first retries come at once."""
    monkeypatch.setattr("fhir_server.subscriptions.backoff.FIRST", (200_000, 300_000))


@pytest.mark.usefixtures("quick")
def test_who_may_hear_no_more_does_not(bureau: Bureau) -> None:
    who = ((DOCTOR, "/left"), (NURSE, "/ended"), (NURSE, "/leaver"))
    left, ended, leaver = (following(bureau, each, path, topic="thread") for each, path in who)
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.settle()
    assert [numbers(bureau, path) for path in (left, ended, leaver)] == [[1], [1], [1]]
    bureau.room.write(SYSTEM, team(NETWORK, [each for each in EVERYBODY if each != DOCTOR], CLIENT))
    bureau.room.write(NURSE, {**bureau.shown(ended), "status": "off"})
    bureau.hook.answers[leaver] = [500]
    bureau.room.delete(SYSTEM, thread)
    bureau.until(lambda: bureau.hook.count(leaver) == 3)  # the handshake first
    (nurse,) = [each for each in bureau.room.stored("Practitioner") if each["id"] == "nurse"]
    bureau.room.write(SYSTEM, nurse | {"active": False})
    bureau.settle()
    assert [bureau.hook.count(path) for path in (left, ended, leaver)] == [2, 2, 3]
    bureau.room.write(SYSTEM, nurse)
    bureau.room.write(SYSTEM, team(NETWORK, EVERYBODY, CLIENT))


def test_what_is_deleted_in_a_transaction_is_told_too(bureau: Bureau) -> None:
    path = following(bureau, DAUGHTER, "/thread", topic="thread")
    thread = bureau.room.thread(DAUGHTER, [NETWORK])
    bureau.settle()
    entry = {"request": {"method": "DELETE", "url": thread}}
    body = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).encode()
    services = bureau.room.services
    answer = bureau.room.runner.run(process(Call(services, SYSTEM, "batch", WHOLE_SYSTEM, body=body, now=services.clock())))
    assert answer.status == 200
    bureau.settle()
    focus = f"{services.base}/{thread}"
    assert [event for each in received(bureau, path) for event in told(each)["events"]] == [(1, focus), (2, focus)]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the first retries come when there was time to change something."""
    monkeypatch.setattr("fhir_server.subscriptions.backoff.FIRST", (1_500_000, 1_600_000))


@pytest.mark.usefixtures("later")
def test_a_late_notice_of_a_deletion_names_it_to_those_alone_who_could_still_see_it(bureau: Bureau) -> None:
    room, base = bureau.room, bureau.room.services.base
    who = ((DOCTOR, "/left"), (DAUGHTER, "/unconsented"), (NURSE, "/stays"))
    paths = [following(bureau, each, path + "-late", topic="thread") for each, path in who]
    network = following(bureau, CHEMIST, "/network-late", topic="careteam")
    thread = room.thread(DAUGHTER, [NETWORK])
    room.write(SYSTEM, team("CareTeam/third", [CHEMIST], CLIENT))
    bureau.settle()
    for path in (*paths, network):
        bureau.hook.answers[path] = [500]
    room.delete(SYSTEM, thread)
    room.delete(SYSTEM, "CareTeam/third")
    bureau.until(lambda: all(bureau.hook.count(path) == 3 for path in (*paths, network)))
    room.write(SYSTEM, team(NETWORK, [each for each in EVERYBODY if each != DOCTOR], CLIENT))
    more = {"patient": ref(CLIENT), "performer": [ref(CLIENT)]}
    room.write(SYSTEM, consent(provision("permit", NURSE, DOCTOR, purposes=["TREAT"], categories=["message"]), "only", **more))
    bureau.until(lambda: all(bureau.hook.count(path) == 4 for path in (*paths, network)))
    assert [told(last(bureau, path))["events"] for path in paths] == [[(2, "")], [(2, "")], [(2, f"{base}/{thread}")]]
    assert told(last(bureau, network))["events"] == [(2, f"{base}/CareTeam/third")]
    events = [told(asked(bureau, each, path))["events"][-1] for (each, _), path in zip(who, paths, strict=True)]
    assert events == [(2, ""), (2, ""), (2, f"{base}/{thread}")]
