"""Who directs a network, whom they invite, and what becomes of it: nothing is open before an invitation is accepted."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from consents import consent, provision, verification
from directed_room import (
    AGB,
    CARE,
    SOCIAL_WORKER,
    TOWN,
    DirectedRoom,
    body,
    directed_room,
    employed,
    mandated,
    parameters,
    refusal,
)
from dossier_room import AIDE, CLIENT, DAUGHTER, DOCTOR, NEIGHBOUR, NETWORK, NURSE, OUTSIDER, SYSTEM, actor, person
from engines import PostgresServer

from fhir_server.errors import FhirError
from fhir_server.network import consent_check
from fhir_server.validation import validate

_numbers = count()
NOBODY: set[str] = set()


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectedRoom]:
    database = ""
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create(f"invitations_{next(_numbers)}", "template1")
    with directed_room(tmp_path_factory.mktemp("invitations"), database) as found:
        yield found


@pytest.fixture
def hub(opened: DirectedRoom) -> DirectedRoom:
    opened.set_out()
    return opened


def test_an_invitation_waits_and_opens_nothing(hub: DirectedRoom) -> None:
    answer = hub.ask(CLIENT, "$invite", NETWORK, parameters(who=OUTSIDER, role="core", message="Kom erbij", category="Condition"))
    task = body(answer)
    assert (answer.status, task["status"], task["intent"]) == (201, "requested", "proposal")
    assert task["for"]["reference"] == CLIENT
    assert "display" not in task["for"], "the client's name is in what the client says, and in nothing else"
    assert task["requester"] == {"reference": CLIENT, "type": "Patient", "display": "Client"}
    assert task["owner"]["reference"] == OUTSIDER
    assert hub.sees(OUTSIDER) == NOBODY
    assert [each["id"] for each in hub.found(OUTSIDER, "Task", code="invitation")] == [task["id"]]
    assert (
        hub.found(OUTSIDER, "Patient") == hub.found(OUTSIDER, "CareTeam") == hub.found(OUTSIDER, "Practitioner", _id="nurse") == []
    )
    assert hub.found(NURSE, "Task", code="invitation") == [], "the others in the network do not see who is invited"
    for other in (AIDE, NEIGHBOUR, SOCIAL_WORKER):
        assert hub.found(other, "Task", code="invitation") == []
        assert refusal(lambda who=other: hub.ask(who, "$accept", f"Task/{task['id']}")) == "not-invited"
    assert hub.places(OUTSIDER) == []


def test_who_accepts_takes_part_from_now_on(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, OUTSIDER, period={"end": "2026-12-31"})
    done = body(hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}"))
    assert done["status"] == "completed"
    assert hub.sees(OUTSIDER) == {CLIENT, NETWORK, DAUGHTER}
    assert [validate(each) for each in (task, done, hub.network())] == [[], [], []]
    (place,) = hub.places(OUTSIDER)
    assert place["onBehalfOf"]["reference"] == CARE
    assert place["period"]["end"] == "2026-12-31"
    assert place["role"][0]["coding"][0]["code"] == "core"
    again = hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")
    assert (again.status, body(again)["meta"]["versionId"]) == (200, "2")
    assert len(hub.places(OUTSIDER)) == 1


def test_two_answers_at_once_give_one_participant(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, OUTSIDER)

    async def both() -> list[int]:
        answers = [hub.asking(OUTSIDER, "$accept", f"Task/{task['id']}") for _ in range(4)]
        return [each.status for each in await asyncio.gather(*answers)]

    assert hub.room.runner.run(both()) == [200] * 4
    assert len(hub.places(OUTSIDER)) == 1


def test_who_declines_is_no_participant_and_sees_nothing(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, OUTSIDER)
    for _ in range(2):
        done = body(hub.ask(OUTSIDER, "$decline", f"Task/{task['id']}", parameters(reason="Geen tijd")))
    assert (done["status"], done["statusReason"]["text"], done["meta"]["versionId"]) == ("rejected", "Geen tijd", "2")
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "invitation-answered"
    assert hub.found(OUTSIDER, "Task") == []
    assert hub.sees(OUTSIDER) == NOBODY
    assert [each["status"] for each in hub.found(CLIENT, "Task", _id=task["id"])] == ["rejected"]


def test_an_invitation_is_withdrawn_and_expires(hub: DirectedRoom) -> None:
    withdrawn = hub.invite(CLIENT, OUTSIDER)
    hub.ask(CLIENT, "$cancel", f"Task/{withdrawn['id']}")
    assert hub.found(OUTSIDER, "Task") == []
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{withdrawn['id']}")) == "invitation-withdrawn"
    assert refusal(lambda: hub.ask(OUTSIDER, "$cancel", f"Task/{withdrawn['id']}")) == "not-invited"
    late = hub.invite(CLIENT, OUTSIDER)
    hub.clock.forward(31 * 86_400)
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{late['id']}")) == "invitation-expired"
    assert hub.places(OUTSIDER) == []


def test_who_directs_a_network(hub: DirectedRoom) -> None:
    for nobody in (NURSE, DOCTOR, DAUGHTER, NEIGHBOUR, OUTSIDER):
        assert refusal(lambda who=nobody: hub.invite(who, AIDE)) == "not-directing"
    hub.room.write(SYSTEM, mandated(DAUGHTER))
    assert hub.invite(DAUGHTER, AIDE)["requester"]["reference"] == DAUGHTER
    hub.room.write(SYSTEM, mandated(NEIGHBOUR))
    assert refusal(lambda: hub.invite(NEIGHBOUR, DOCTOR)) == "not-directing", "a mandate counts for who is in the network"
    hub.room.write(SYSTEM, person(NEIGHBOUR))
    assert hub.ask(SYSTEM, "$invite", NETWORK, parameters(who=DOCTOR, role="director")).status == 201


@pytest.mark.parametrize("way", ["mandate", "relationship"])
def test_one_rule_says_who_represents_the_client(hub: DirectedRoom, way: str) -> None:
    """The record, choices, emergencies and the network: whoever represents the client does so in all of them."""
    related = {"mandate": mandated, "relationship": guardian}[way](DAUGHTER)
    given_ = consent(
        provision("permit", NURSE, purposes=["TREAT"], categories=["message"]),
        id_=f"c-{way}",
        status="proposed",
        patient={"reference": CLIENT},
        performer=[{"reference": DAUGHTER}],
        verification=[verification() | {"verifiedWith": {"reference": DAUGHTER}}],
    )
    for known, may in ((person(DAUGHTER), False), (related, True)):
        hub.room.write(SYSTEM, known)
        hub.clock.forward(2)
        tried = [
            lambda: hub.invite(DAUGHTER, OUTSIDER),
            lambda: hub.ask(DAUGHTER, "$who-can-see", CLIENT),
            lambda: hub.room.write(DAUGHTER, given_, interaction="update"),
        ]
        assert [_may(each) for each in tried] == [may] * 3
        glass = replace(actor(DOCTOR), purpose="BTG", reason="Bewusteloos, niemand bereikbaar", token=f"{way}-{may}")
        hub.ask(glass, "read", CLIENT)
        notices = [each for each in hub.room.stored("Communication") if "category" in each]
        newest = max(notices, key=lambda each: each["sent"])
        assert ({"reference": DAUGHTER} in newest["recipient"]) is may


def guardian(relation: str) -> dict[str, Any]:
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}
    return person(relation) | {"relationship": [{"coding": [coding]}]}


def _may(act: Callable[[], object]) -> bool:
    try:
        act()
    except FhirError:
        return False
    return True


def test_the_same_invitation_is_sent_once(hub: DirectedRoom) -> None:
    first, second = (hub.invite(CLIENT, OUTSIDER)["id"] for _ in range(2))
    assert first == second
    assert hub.invite(CLIENT, OUTSIDER, role="shell")["id"] != first


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"who": "Practitioner/none", "role": "core"}, "invitee-unknown"),
        ({"who": NETWORK, "role": "core"}, "invitee-unknown"),
        ({"who": {"system": "http://fhir.nl/fhir/NamingSystem/bsn", "value": "999999999"}, "role": "core"}, "invitee-identifier"),
        ({"who": "nobody", "role": "core"}, "invitee-identifier"),
        ({"who": OUTSIDER, "role": "king"}, "role-unknown"),
        ({"who": OUTSIDER, "role": "stand-in"}, "role-not-yours"),
        ({"who": OUTSIDER}, "parameter-missing"),
        ({"role": "core"}, "parameter-missing"),
        ({"who": OUTSIDER, "role": "core", "colour": "red"}, "parameter-unknown"),
        ({"who": [OUTSIDER, AIDE], "role": "core"}, "parameter-value"),
        ({"who": OUTSIDER, "role": "core", "period": {"end": "2020-01-01"}}, "period-over"),
        ({"who": OUTSIDER, "role": "core", "expires": "2036-01-01T00:00:00Z"}, "invitation-expires"),
        ({"who": OUTSIDER, "role": "core", "category": "Horoscope"}, "category-unknown"),
        ({"who": OUTSIDER, "role": "core", "onBehalfOf": "Organization/none"}, "organisation-unknown"),
        ({"who": NURSE, "role": {"text": "verpleegkundige"}}, "already-member"),
    ],
)
def test_what_is_no_invitation(hub: DirectedRoom, given: dict[str, object], code: str) -> None:
    assert refusal(lambda: hub.ask(CLIENT, "$invite", NETWORK, parameters(**given))) == code


def test_who_is_not_known_yet_finds_the_invitation_by_an_identifier(hub: DirectedRoom) -> None:
    number, mail = {"system": AGB, "value": "01234567"}, "Nieuw@Welzijn.example"
    invited = [hub.invite(CLIENT, each)["id"] for each in (number, mail)]
    known = person("Practitioner/new") | {
        "identifier": [number],
        "telecom": [{"system": "email", "value": "nieuw@welzijn.example"}],
    }
    hub.room.write(SYSTEM, person("Practitioner/new"))
    assert hub.found("Practitioner/new", "Task") == []
    hub.room.write(SYSTEM, known)
    assert {each["id"] for each in hub.found("Practitioner/new", "Task", code="invitation")} == {*invited}
    assert hub.found(OUTSIDER, "Task", code="invitation") == []
    task = body(hub.ask("Practitioner/new", "$accept", f"Task/{invited[1]}"))
    assert task["owner"] == {"reference": "Practitioner/new", "type": "Practitioner"}
    assert hub.sees("Practitioner/new")


def test_a_colleague_answers_for_an_organisation(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, TOWN, role="social-domain")
    assert hub.found(SOCIAL_WORKER, "Task", code="invitation")[0]["id"] == task["id"]
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "not-invited"
    hub.ask(SOCIAL_WORKER, "$accept", f"Task/{task['id']}")
    (place,) = hub.places(SOCIAL_WORKER)
    assert (place["onBehalfOf"]["reference"], place["role"][0]["coding"][0]["code"]) == (TOWN, "social-domain")


def test_nobody_takes_part_for_an_organisation_that_is_not_theirs(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, OUTSIDER, onBehalfOf=TOWN)
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "not-of-organisation"


def test_a_director_is_a_doctor_and_there_is_one(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, SOCIAL_WORKER, role="director")
    assert refusal(lambda: hub.ask(SOCIAL_WORKER, "$accept", f"Task/{task['id']}")) == "role-not-allowed"
    hub.join(DOCTOR, "director")
    task = hub.invite(CLIENT, OUTSIDER, role="director")
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "second-director"
    network = hub.network()
    network["participant"].append({**hub.places(DOCTOR)[0], "member": {"reference": OUTSIDER, "type": "Practitioner"}})
    assert refusal(lambda: hub.room.write(SYSTEM, network)) == "second-director"
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=DOCTOR))
    hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")
    assert hub.found(CLIENT, "CareTeam", role="director")


def test_leaving_ends_everything_at_once(hub: DirectedRoom) -> None:
    hub.join(OUTSIDER)
    thread = hub.room.thread(OUTSIDER, [NETWORK])
    work = hub.room.write(SYSTEM, _work(OUTSIDER)).id
    assert hub.sees(OUTSIDER)
    hub.ask(OUTSIDER, "$leave", NETWORK, parameters(reason="Verhuisd"))
    assert hub.sees(OUTSIDER) == NOBODY
    assert not hub.reads(OUTSIDER, thread)
    assert hub.found(OUTSIDER, "Task") == []
    (place,) = hub.places(OUTSIDER)
    assert place["period"]["start"] <= place["period"]["end"]
    assert hub.task(work)["status"] == "cancelled"
    assert refusal(lambda: hub.ask(OUTSIDER, "$leave", NETWORK)) == "not-a-participant"
    hub.join(OUTSIDER)
    assert hub.sees(OUTSIDER), "who left can come back"


def test_removing_hands_over_the_work(hub: DirectedRoom) -> None:
    hub.join(OUTSIDER)
    thread = hub.room.thread(DAUGHTER, [NETWORK])
    assert OUTSIDER in hub.room.unread(thread)
    work = hub.room.write(SYSTEM, _work(OUTSIDER)).id
    assert refusal(lambda: hub.ask(CLIENT, "$remove", NETWORK, parameters(who=OUTSIDER, reassign_to=AIDE))) == "not-a-member"
    for nobody in (NURSE, DAUGHTER, OUTSIDER):
        assert refusal(lambda who=nobody: hub.ask(who, "$remove", NETWORK, parameters(who=OUTSIDER))) == "not-directing"
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=OUTSIDER, reason="Klaar", reassign_to=NURSE))
    assert hub.sees(OUTSIDER) == NOBODY
    assert hub.task(work)["owner"]["reference"] == NURSE
    assert hub.room.tasks(thread)[OUTSIDER][0] == "cancelled"
    assert refusal(lambda: hub.ask(CLIENT, "$remove", NETWORK, parameters(who=OUTSIDER))) == "not-a-participant"
    assert refusal(lambda: hub.ask(CLIENT, "$remove", NETWORK, parameters(who=CLIENT))) == "client-stays"


def test_the_last_director_does_not_just_leave(hub: DirectedRoom) -> None:
    hub.join(DOCTOR, "director")
    assert refusal(lambda: hub.ask(DOCTOR, "$leave", NETWORK)) == "last-director"
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=DOCTOR))
    assert hub.sees(DOCTOR) == NOBODY


def test_an_employee_who_left_accepts_nothing(hub: DirectedRoom) -> None:
    task = hub.invite(CLIENT, TOWN, role="social-domain")
    hub.room.write(SYSTEM, employed(SOCIAL_WORKER, CARE, "http://x.example|x"))
    assert hub.found(SOCIAL_WORKER, "Task", code="invitation") == []
    assert refusal(lambda: hub.ask(SOCIAL_WORKER, "$accept", f"Task/{task['id']}")) == "not-invited"


def _work(owner: str) -> dict[str, object]:
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {"text": "Bel de apotheek"},
        "for": {"reference": CLIENT},
        "owner": {"reference": owner},
    }


def test_nobody_accepts_what_somebody_sent_who_directs_no_longer(hub: DirectedRoom) -> None:
    hub.join(NURSE, "coordinator")
    hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=NURSE, period={"end": "2027-01-01"}))
    task = hub.invite(NURSE, OUTSIDER)
    hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=NURSE, withdraw=True))
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "invitation-withdrawn"
    assert hub.places(OUTSIDER) == []
    hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=NURSE, period={"end": "2027-01-01"}))
    assert body(hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}"))["status"] == "completed"


@pytest.mark.parametrize("leave", ["$leave", "write"])
def test_what_a_leaver_sent_is_withdrawn(hub: DirectedRoom, leave: str) -> None:
    hub.room.write(SYSTEM, mandated(DAUGHTER))
    by_her, by_client = hub.invite(DAUGHTER, OUTSIDER), hub.invite(CLIENT, AIDE)
    if leave == "write":
        network = hub.network()
        staying = [each for each in network["participant"] if each["member"]["reference"] != DAUGHTER]
        hub.room.write(SYSTEM, network | {"participant": staying})
    else:
        hub.ask(DAUGHTER, "$leave", NETWORK)
    hub.clock.forward(1)
    task = hub.task(by_her["id"])
    assert (task["status"], task["businessStatus"]["coding"][0]["code"]) == ("cancelled", "withdrawn")
    assert validate(task) == []
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{by_her['id']}")) == "invitation-withdrawn"
    assert body(hub.ask(AIDE, "$accept", f"Task/{by_client['id']}"))["status"] == "completed"


def test_who_represents_the_client_no_longer_lets_nobody_in(hub: DirectedRoom) -> None:
    hub.room.write(SYSTEM, mandated(DAUGHTER))
    task = hub.invite(DAUGHTER, OUTSIDER)
    hub.room.write(SYSTEM, person(DAUGHTER))
    hub.clock.forward(2)
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "invitation-withdrawn"
    hub.room.write(SYSTEM, mandated(DAUGHTER) | {"active": False})
    hub.clock.forward(2)
    assert refusal(lambda: hub.ask(OUTSIDER, "$accept", f"Task/{task['id']}")) == "invitation-withdrawn"


def test_the_client_lets_a_coordinator_direct_and_takes_it_back(hub: DirectedRoom) -> None:
    assert refusal(lambda: hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=NURSE))) == "role-not-delegable"
    hub.join(DOCTOR, "coordinator")
    for nobody in (DOCTOR, NURSE, OUTSIDER):
        assert refusal(lambda who=nobody: hub.ask(who, "$delegate", NETWORK, parameters(who=DOCTOR))) in {
            "not-permitted",
            "not-directing",
        }
    hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=DOCTOR, period={"start": "2026-09-01", "end": "2027-09-01"}))
    hub.join(OUTSIDER, by=DOCTOR)
    assert refusal(lambda: hub.invite(DOCTOR, AIDE, "director")) == "role-not-yours"
    hub.room.write(SYSTEM, mandated(DAUGHTER))
    assert refusal(lambda: hub.ask(DOCTOR, "$remove", NETWORK, parameters(who=DAUGHTER))) == "representative-stays"
    hub.ask(DOCTOR, "$remove", NETWORK, parameters(who=OUTSIDER))
    hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=DOCTOR, withdraw=True))
    assert refusal(lambda: hub.invite(DOCTOR, OUTSIDER)) == "not-directing"
    hub.ask(CLIENT, "$delegate", NETWORK, parameters(who=DOCTOR, period={"end": "2026-10-31"}))
    assert validate(hub.network()) == []
    hub.clock.forward(120 * 86_400)
    assert refusal(lambda: hub.invite(DOCTOR, OUTSIDER)) == "not-directing"


@pytest.mark.parametrize("by", [CLIENT, DAUGHTER])
def test_the_categories_of_an_invitation_become_a_choice_of_who_chose_before(hub: DirectedRoom, by: str) -> None:
    wished = hub.join(OUTSIDER, category=["message", "Condition"])
    assert "output" not in wished, "nobody's first choice is made by inviting somebody"
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=OUTSIDER))
    hub.room.write(SYSTEM, mandated(DAUGHTER))
    own = {"patient": {"reference": CLIENT}, "performer": [{"reference": CLIENT}]}
    hub.room.write(SYSTEM, consent(provision("permit", NURSE, purposes=["TREAT"], categories=["message"]), **own))
    thread = hub.room.thread(NURSE, [NETWORK])
    done = hub.join(OUTSIDER, "shell", by, category=["message", "Condition"])
    made = next(each for each in hub.room.stored("Consent") if each["id"] == done["output"][0]["valueReference"]["reference"][8:])
    assert made["performer"][0]["reference"] == by
    consent_check.check(made, None, SYSTEM, hub.room.services.base)
    assert validate(made) == []
    assert hub.reads(OUTSIDER, thread)
    assert not hub.reads(AIDE, thread)
    hub.ask(CLIENT, "$remove", NETWORK, parameters(who=OUTSIDER))
    assert not hub.reads(OUTSIDER, thread)
    for each in hub.room.stored("Consent"):
        hub.room.write(SYSTEM, each | {"status": "entered-in-error"})


def test_every_change_has_its_provenance_in_the_dossier(hub: DirectedRoom) -> None:
    before = {each["id"] for each in hub.room.stored("Provenance")}
    task = hub.join(OUTSIDER)
    hub.ask(OUTSIDER, "$leave", NETWORK)
    made = [each for each in hub.room.stored("Provenance") if each["id"] not in before]
    assert sorted(each["activity"]["coding"][0]["code"] for each in made) == ["accept", "invite", "leave"]
    accepted = next(each for each in made if each["activity"]["coding"][0]["code"] == "accept")
    assert {"reference": f"Task/{task['id']}/_history/2", "type": "Task"} in accepted["target"]
    assert accepted["agent"] == [
        {"who": {"reference": OUTSIDER, "type": "Practitioner"}, "onBehalfOf": {"reference": CARE, "type": "Organization"}}
    ]
    assert [validate(each) for each in made] == [[]] * 3
    code = {f"Provenance/{each['id']}": each["activity"]["coding"][0]["code"] for each in made}

    def seen(who: str) -> set[str]:
        found = (f"{each['resourceType']}/{each['id']}" for each in hub.found(who, "Provenance", patient=CLIENT))
        return {code[each] for each in found if each in code}

    assert (seen(CLIENT), seen(OUTSIDER)) == ({"accept", "invite", "leave"}, set()), "who left sees nothing"
    assert seen(NURSE) == seen(DAUGHTER) == {"leave"}, "an invitation is among who invites and who is invited"
    assert len(hub.found(SYSTEM, "Provenance", patient=CLIENT)) >= 3


@pytest.mark.parametrize(
    ("operation", "place"), [("$invite", "CareTeam/none"), ("$leave", "CareTeam/none"), ("$accept", "Task/none")]
)
def test_what_is_not_there_is_refused_like_what_is_foreign(hub: DirectedRoom, operation: str, place: str) -> None:
    foreign = {"$invite": NETWORK, "$leave": NETWORK, "$accept": f"Task/{hub.invite(CLIENT, AIDE)['id']}"}[operation]
    given = parameters(who=OUTSIDER, role="core") if operation == "$invite" else None
    assert refusal(lambda: hub.ask(OUTSIDER, operation, place, given)) == refusal(
        lambda: hub.ask(OUTSIDER, operation, foreign, given)
    )


def test_the_carer_of_another_client_gets_a_relation_with_this_one(hub: DirectedRoom) -> None:
    mail = "buur@straat.example"
    other = person("RelatedPerson/other") | {
        "patient": {"reference": "Patient/other", "type": "Patient"},
        "identifier": [
            {"system": "https://www.ozoverbindzorg.nl/namingsystem/person", "value": "4711"},
            {"system": "https://www.ozoverbindzorg.nl/namingsystem/network-relation", "value": "1"},
        ],
        "telecom": [{"system": "email", "value": mail}],
    }
    hub.room.write(SYSTEM, person("Patient/other"))
    hub.room.write(SYSTEM, other)
    task = hub.invite(CLIENT, mail, "informal-carer")
    assert refusal(lambda: hub.invite(CLIENT, "RelatedPerson/other")) == "invitee-unknown", "people of other clients are not known"
    done = body(hub.ask("RelatedPerson/other", "$accept", f"Task/{task['id']}"))
    made = next(each for each in hub.room.stored("RelatedPerson") if done["owner"]["reference"].endswith(each["id"]))
    assert (made["patient"]["reference"], [each["value"] for each in made["identifier"]]) == (CLIENT, ["4711"])
    assert validate(made) == []
    assert CLIENT in hub.sees("RelatedPerson/other")
    again = body(hub.ask("RelatedPerson/other", "$accept", f"Task/{task['id']}"))
    assert again["meta"]["versionId"] == "2"
    hub.ask("RelatedPerson/other", "$leave", NETWORK)
    assert CLIENT not in hub.sees("RelatedPerson/other")
