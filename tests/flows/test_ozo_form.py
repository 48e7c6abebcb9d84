"""What a client written for OZO finds unchanged: profiles, defaults, refusals, statements, in both modes of the server."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from engines import PostgresServer
from flows.client import Reply
from flows.ozo import BASE, KEES, MANU, PT, Json, Ozo, example, ozo_running

from fhir_server.network.ozo import PROFILED

STATEMENT = "http://ozoverbindzorg.nl/fhir/CapabilityStatement/"
THREAD = "CommunicationRequest-Thread-Example"


@pytest.fixture(scope="module", params=["default", "strict"])
def ozo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ozo]:
    folder = tmp_path_factory.mktemp(f"ozo-{request.param}")
    strict = request.param == "strict"
    database = f"sqlite:///{folder}/hub.db"
    if strict:
        server: PostgresServer = request.getfixturevalue("postgres_server")
        database = server.create("ozo_strict", "template1")
    with ozo_running(folder, database, strict=strict) as running:
        yield running


def new(name: str, **changes: Any) -> Json:
    """Return an example without id, changed; None removes a member."""
    made = {key: value for key, value in {**example(name), **changes}.items() if value is not None}
    made.pop("id")
    return made


def thread(ozo: Ozo) -> str:
    reply = ozo.as_(KEES).post(new(THREAD))
    assert reply.status == 201, reply.body
    return f"CommunicationRequest/{reply.json['id']}"


def message(thread_: str, sender: str, **changes: Any) -> Json:
    made = {
        "resourceType": "Communication",
        "partOf": [{"reference": thread_, "type": "CommunicationRequest"}],
        "sender": {"reference": sender, "type": sender.partition("/")[0]},
        "payload": [{"contentString": "Goedemorgen"}],
    }
    return made | changes


def places(reply: Reply) -> list[str]:
    return [place for issue in reply.json["issue"] for place in issue.get("expression", ())]


def test_metadata_by_role(ozo: Ozo) -> None:
    callers = {"OZO-Server": ozo.anybody, "OZO-System": ozo.system, "OZO-Client": ozo.as_(MANU)}
    for name, caller in callers.items():
        statement = caller.get("metadata").json
        assert statement["fhirVersion"] == "4.0.1"
        assert statement["instantiates"] == [STATEMENT + name]
        types = {each["type"]: each for each in statement["rest"][0]["resource"]}
        absent = {"Organization"} if ozo.strict and name == "OZO-Client" else set()
        for type_ in [*PROFILED, "Subscription"]:
            if type_ in absent or (ozo.strict and type_ == "Device"):
                assert type_ not in types
            else:
                assert types[type_].get("profile") == (BASE + PROFILED[type_][0] if type_ in PROFILED else None)
        assert ("Observation" in types) is not ozo.strict
        stored = ozo.system.get(f"CapabilityStatement/{name}").json
        assert stored["url"] == STATEMENT + name


def test_a_token_is_needed_and_a_bad_one_is_nobody(ozo: Ozo) -> None:
    assert ozo.anybody.get("Patient").status == 401
    reply = ozo.anybody.get("metadata", Authorization="Bearer nonsense")
    assert reply.json["instantiates"] == [STATEMENT + "OZO-Server"]


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("Patient-H-de-Boer", "OZOPatient"),
        ("Practitioner-Mark-Benson", "OZOPractitioner"),
        ("RelatedPerson-Kees-Groot", "OZORelatedPerson"),
        ("CareTeam-Netwerk-H-de-Boer", "OZOCareTeam"),
        ("CareTeam-Clinic-B", "OZOOrganizationalCareTeam"),
        ("Organization-Apotheek-de-Pil", "OZOOrganization"),
    ],
)
def test_what_is_stored_claims_the_profile_of_its_type(ozo: Ozo, name: str, profile: str) -> None:
    reply = ozo.system.post(new(name, status="proposed") if name.startswith("CareTeam") else new(name))
    assert reply.status == 201, reply.body
    assert {"location", "etag"} <= reply.headers.keys()
    assert ozo.system.get(f"{reply.json['resourceType']}/{reply.json['id']}").json["meta"]["profile"] == [BASE + profile]


def test_a_claim_of_the_client_is_replaced_and_others_stay(ozo: Ozo) -> None:
    wrong = {"profile": [BASE + "OZOCareTeam"]}
    reply = ozo.system.post(new("CareTeam-Clinic-B", status="proposed", meta=wrong))
    assert reply.json["meta"]["profile"] == [BASE + "OZOOrganizationalCareTeam"]
    foreign = {"profile": ["https://example.org/Team", BASE + "OZOOrganizationalCareTeam"]}
    reply = ozo.system.post(new("CareTeam-Netwerk-H-de-Boer", status="proposed", meta=foreign))
    assert reply.json["meta"]["profile"] == [BASE + "OZOCareTeam", "https://example.org/Team"]


def _without_a_type(team: Json) -> Json:
    team["participant"][1]["member"].pop("type")
    return team


REFUSED: dict[str, tuple[Callable[[], Json], str]] = {
    "client without birth date": (lambda: new("Patient-H-de-Boer", birthDate=None), "Patient.birthDate"),
    "carer without relationship": (lambda: new("RelatedPerson-Kees-Groot", relationship=None), "RelatedPerson.relationship"),
    "department of nobody": (lambda: new("CareTeam-Clinic-B", managingOrganization=None), "CareTeam.managingOrganization"),
    "department with a carer": (
        lambda: new("CareTeam-Clinic-B", participant=[{"member": {"reference": KEES, "type": "RelatedPerson"}}]),
        "CareTeam.participant[0].member",
    ),
    "member without type": (
        lambda: _without_a_type(new("CareTeam-Netwerk-H-de-Boer")),
        "CareTeam.participant[1].member.type",
    ),
    "team that sends": (
        lambda: new(THREAD, sender={"reference": "CareTeam/Clinic-B", "type": "CareTeam"}),
        "CommunicationRequest.sender",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(ozo: Ozo, case: str) -> None:
    body, place = REFUSED[case]
    made = {**body(), "id": "refused"}
    for reply in (ozo.system.post(made), ozo.system.put(made)):
        assert reply.status == 422, reply.body
        assert any(each.startswith(place) for each in places(reply))
        assert reply.detail
    assert ozo.system.get(f"{made['resourceType']}/refused").status == 404


def test_what_does_not_speak_ozo_is_held_to_it_in_strict_mode_only(ozo: Ozo) -> None:
    reply = ozo.system.post({"resourceType": "Patient", "name": [{"text": "Iemand"}]})
    assert reply.status == (422 if ozo.strict else 201)
    if not ozo.strict:
        assert "profile" not in reply.json["meta"]


def test_tolerated(ozo: Ozo) -> None:
    bare = {"resourceType": "Practitioner", "active": True, "name": [{"family": "Kaal"}]}
    old = {**bare, "identifier": [{"system": "OZO-CONNECT/Professional", "value": "898855"}]}
    relation = [{"coding": [{"system": "urn:oid:2.16.840.1.113883.5.111", "code": "SONC"}]}]
    for body in (
        new("CareTeam-Clinic-B", category=None, status="proposed"),
        new("CareTeam-Netwerk-H-de-Boer", status="proposed"),
        bare,
        old,
        new("RelatedPerson-Kees-Groot", relationship=relation),
    ):
        reply = ozo.system.post(body)
        assert reply.status == 201, reply.body
        assert reply.json.get("identifier") == body.get("identifier")
        assert len(reply.json["meta"]["profile"]) == 1


def test_a_message_without_status_and_moment(ozo: Ozo) -> None:
    about = thread(ozo)
    reply = ozo.as_(MANU).post(message(about, MANU))
    assert reply.status == 201, reply.body
    stored = reply.json
    assert (stored["status"], stored["sent"]) == ("preparation", stored["meta"]["lastUpdated"])
    assert stored["meta"]["profile"] == [BASE + "OZOCommunication"]
    again = ozo.system.put({**message(about, MANU), "id": stored["id"]})
    assert (again.status, again.json["meta"]["versionId"], again.json["sent"]) == (200, "1", stored["sent"])
    patch = ozo.system.request(
        "PATCH", f"Communication/{stored['id']}", {"status": "completed"}, Content_Type="application/merge-patch+json"
    )
    assert (patch.json["status"], patch.json["sent"]) == ("completed", stored["sent"])


def test_the_bytes_of_a_message_stay_but_for_what_is_added(ozo: Ozo) -> None:
    about = thread(ozo)
    extension = b'"extension":[ {"url":"urn:x",  "valueDecimal":1.50} ]'
    body = b'{"resourceType":"Communication",%b,"partOf":[{"reference":"%b","type":"CommunicationRequest"}],' % (
        extension,
        about.encode(),
    )
    body += b'"sender":{"reference":"%b","type":"Practitioner"},"payload":[{"contentString":"a"}]}' % MANU.encode()
    reply = ozo.as_(MANU).request("POST", "Communication", body)
    assert reply.status == 201, reply.body
    assert extension in reply.body


def receipt(who: str, about: str) -> Json:
    """Return the body that clients send on the wire."""
    person = {"reference": who, "type": who.partition("/")[0]}
    return {
        "resourceType": "AuditEvent",
        "type": {"system": "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle", "code": "access"},
        "action": "R",
        "recorded": "2026-11-22T09:00:00Z",
        "agent": [{"who": person, "requestor": True}],
        "source": {"site": "OZO Client", "observer": person},
        "entity": [{"what": {"reference": about}}],
    }


def test_a_receipt_is_completed_and_claims_the_profile_only_if_it_conforms(ozo: Ozo) -> None:
    about = thread(ozo)
    reply = ozo.as_(KEES).post(receipt(KEES, about))
    assert reply.status == 201, reply.body
    stored = reply.json
    assert (stored["type"]["code"], stored["outcome"], stored["source"]["type"][0]["code"]) == ("access", "0", "4")
    assert stored["agent"][0]["type"]["coding"][0]["code"] == "110153"
    assert "profile" not in stored["meta"]
    proper = new("AuditEvent-Manu-Read-Messages", entity=[{"what": {"reference": f"{about}/_history/1"}}])
    reply = ozo.as_(MANU).post(proper)
    assert (reply.status, reply.json["meta"]["profile"]) == (201, [BASE + "OZOAuditEvent"])


def test_what_the_profiles_know_no_client_for(ozo: Ozo) -> None:
    """D3: a client as recipient and as reader."""
    about = thread(ozo)
    to_client = new(THREAD, requester={"reference": MANU, "type": "Practitioner"}, recipient=[{"reference": PT, "type": "Patient"}])
    expected = 422 if ozo.strict else 201
    for reply in (ozo.as_(MANU).post(to_client), ozo.as_(PT).post(receipt(PT, about))):
        assert reply.status == expected, reply.body
        assert ozo.strict or "profile" not in reply.json["meta"]


def test_nobody_writes_for_others(ozo: Ozo) -> None:
    about = thread(ozo)
    kees = ozo.as_(KEES)
    task = ozo.system.get(f"Task?based-on={about}&owner={MANU}").resources[0]
    for reply in (
        kees.post(message(about, MANU)),
        kees.post(new(THREAD, requester={"reference": MANU, "type": "Practitioner"})),
        kees.put({**task, "status": "completed"}),
        kees.put(example("CareTeam-Netwerk-H-de-Boer")),
    ):
        assert reply.status == 403, reply.body


@pytest.mark.parametrize(
    ("path", "default"),
    [
        ("Communication?_filter=sent%20gt%202026", 400),
        ("Communication?_contained=true", 400),
        ("Patient/H-de-Boer/$everything", 200),
        ("Patient?_format=turtle", 400),
        ("Patient?_format=xml", 200),
        ("Communication?_count=abc", 400),
        ("Patient?_has:Observation:patient:code=x", 200),
        ("Patient?_has:Consent:patient:status=active", 200),
        ("Patient?_has:Organization:partof:name=x", 400),
        ("Communication?_include=Communication:part-of", 200),
        ("CommunicationRequest?_revinclude=Communication:part-of", 200),
        ("Patient?_has:CareTeam:patient:participant=Practitioner/Manu-van-Weel", 200),
    ],
)
def test_blocked(ozo: Ozo, path: str, default: int) -> None:
    reply = ozo.as_(MANU).get(path)
    open_ = "_has:CareTeam" in path
    assert reply.status == (400 if ozo.strict and not open_ else default), reply.body
    if reply.status >= 400:
        assert reply.json["resourceType"] == "OperationOutcome"
    assert ozo.system.get("Communication?_include=Communication:part-of").status == 200


def test_pages_are_followed_to_the_end(ozo: Ozo) -> None:
    about = thread(ozo)
    entries = [{"resource": message(about, KEES), "request": {"method": "POST", "url": "Communication"}} for _ in range(130)]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    assert ozo.system.request("POST", "/fhir", bundle).status == 200
    pages = list(ozo.as_(KEES).pages(f"Communication?part-of={about}&_count=500"))
    assert [len(page.ids()) for page in pages] == [100, 30]
    assert len({each for page in pages for each in page.ids()}) == 130
    assert len(ozo.as_(KEES).get(f"Communication?based-on={about}&_count=100").ids()) == 100


def test_what_was_just_posted_is_found_and_nothing_need_be_kept(ozo: Ozo) -> None:
    about = thread(ozo)
    kees = ozo.as_(KEES)
    made = kees.post(message(about, KEES)).json["id"]
    path = f"Communication?part-of={about}"
    assert kees.get(path, Cache_Control="no-cache").ids() == [f"Communication/{made}"]
    reply = kees.get(path, Cache_Control="no-store")
    if ozo.strict:
        assert (reply.status, reply.detail) == (400, "no-store")
    else:
        assert reply.status == 200
        assert reply.headers["warning"].startswith("199 ")


def test_what_is_foreign_and_what_is_not_there(ozo: Ozo) -> None:
    manu = ozo.as_(MANU)
    foreign = manu.get("Patient/Jan-de-Hoop")
    assert foreign.status == 403
    assert b"Hoop" not in foreign.body
    for path in ("Patient/nobody", "Patient/nobody/_history/1", "Patient/nobody/_history"):
        absent = manu.get(path)
        assert absent.status == (403 if ozo.strict else 404)
        assert not ozo.strict or absent.body == foreign.body
    assert manu.get("Patient?_id=Jan-de-Hoop").json["total"] == 0


def test_nothing_is_deleted(ozo: Ozo) -> None:
    about = thread(ozo)
    stored = ozo.as_(KEES).post(message(about, KEES)).json["id"]
    for caller in (ozo.as_(MANU), ozo.as_(KEES), *([ozo.system] if ozo.strict else [])):
        for path in (f"Communication/{stored}", PT, "Task/x", "Subscription/x", "AuditEvent/x"):
            reply = caller.request("DELETE", path)
            assert reply.status == 405
            assert "DELETE" not in reply.headers["allow"]
        entry = {"request": {"method": "DELETE", "url": f"Communication/{stored}"}}
        batch = caller.request("POST", "/fhir", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
        assert batch.json["entry"][0]["response"]["status"].startswith("405")
    assert ozo.system.get(f"Communication/{stored}").status == 200


def test_who_asked_for_a_conversation_closes_it(ozo: Ozo) -> None:
    about = thread(ozo)
    stored = ozo.system.get(about).json
    kees = ozo.as_(KEES)
    for changed in ({"status": "active"}, {"status": "revoked", "payload": [{"contentString": "anders"}]}):
        assert kees.put({**stored, **changed}).status == 403
    assert ozo.as_(MANU).put({**stored, "status": "revoked"}).status == 403
    assert kees.put({**stored, "id": "of-my-own"}).status == 403
    assert kees.put({**stored, "status": "revoked"}).status == (403 if ozo.strict else 200)


def test_the_organisations_of_the_network(ozo: Ozo) -> None:
    reply = ozo.as_(KEES).get("Organization/Huisarts-Amsterdam")
    assert reply.status == (403 if ozo.strict else 200)
    assert ozo.as_(KEES).get("Organization").status == reply.status


def test_a_version_is_read_as_the_record_names_it(ozo: Ozo) -> None:
    about = thread(ozo)
    assert ozo.as_(MANU).get(f"{about}/_history/1").status == 200
    assert ozo.as_(MANU).get(f"{about}/_history/9").status == 404


@pytest.mark.parametrize("type_", ["Questionnaire", "Consent", "Observation", "Device", "MedicationStatement"])
def test_types_that_ozo_does_not_have(ozo: Ozo, type_: str) -> None:
    """A client finds the type closed in strict mode, and open to read or to search in the other."""
    manu = ozo.as_(MANU)
    query = f"{type_}?patient=H-de-Boer" if type_ == "MedicationStatement" else type_
    assert (manu.get(query).status == 403) is ozo.strict
    assert (manu.get(f"{type_}/x").status == 403) is ozo.strict
    assert ozo.system.get(query).status == 200
    if ozo.strict:
        assert manu.post({"resourceType": type_}).status in {403, 405}
    assert manu.get("StructureDefinition/ozo-task").status == 200


def test_the_version_of_the_profiles_is_found(ozo: Ozo) -> None:
    path = f"StructureDefinition?url:below={BASE.rstrip('/')}&_elements=url,version,name&_sort=name&_count=5"
    pages = list(ozo.system.pages(path))
    found = [each for page in pages for each in page.resources]
    assert [each["name"] for each in found] == sorted(each["name"] for each in found)
    assert len({each["url"] for each in found}) == 12
    assert {each["version"] for each in found} == {"0.7.8"}
    assert not any("differential" in each for each in found)
    assert ozo.system.get("ImplementationGuide?_id=fhir.ozo&_elements=version").resources[0]["version"] == "0.7.8"
    assert ozo.system.get("StructureDefinition?name=OZOTask").ids() == ["StructureDefinition/ozo-task"]
    assert ozo.system.get("NamingSystem?value=OZO/Person").ids() == ["NamingSystem/ozo-person"]
    assert ozo.system.get("StructureDefinition/none").status == 404
    assert ozo.system.post({"resourceType": "StructureDefinition"}).status == 405


def test_a_client_is_stored_once(ozo: Ozo) -> None:
    body = new("Patient-H-de-Boer", identifier=[{"system": "https://www.ozoverbindzorg.nl/namingsystem/person", "value": "once"}])
    criteria = "identifier=https://www.ozoverbindzorg.nl/namingsystem/person|once"
    assert [ozo.system.post(body, If_None_Exist=criteria).status for _ in range(2)] == [201, 200]
    assert ozo.system.search("Patient", ("identifier", criteria.partition("=")[2])).json["total"] == 1


BIG, EMAIL = "http://fhir.nl/fhir/NamingSystem/big", "https://www.ozoverbindzorg.nl/namingsystem/email"


def wrongly_known(**more: Any) -> Json:
    """Return a professional whose number lacks digits, and whose address is none."""
    wrong = [{"system": BIG, "value": "4711"}, {"system": EMAIL, "value": "jansen"}]
    return {"resourceType": "Practitioner", "active": True, "name": [{"family": "Jansen"}], "identifier": wrong, **more}


def warnings(outcome: Json) -> list[tuple[str, str]]:
    assert outcome["resourceType"] == "OperationOutcome"
    return [
        (each["expression"][0], each["details"]["coding"][0]["code"]) for each in outcome["issue"] if each["severity"] == "warning"
    ]


WARNED = [(f"Practitioner.identifier[{at}].value", "identifier-form") for at in (0, 1)]


def test_identifiers_that_break_a_rule_are_stored_with_a_warning(ozo: Ozo) -> None:
    system, wish = ozo.system, {"Prefer": "return=OperationOutcome"}
    made = system.post(wrongly_known())
    assert (made.status, made.json["identifier"]) == (201, wrongly_known()["identifier"])
    assert made.headers["warning"].startswith("199 ")
    body = wrongly_known(id=made.json["id"])
    changed = {**body, "name": [{"family": "Janssen"}]}
    patch = {"name": [{"family": "Jans"}]}
    merge = {"Content_Type": "application/merge-patch+json"}
    for reply, status in (
        (system.post(wrongly_known(), **wish), 201),
        (system.put(body, **wish), 200),
        (system.put(changed, **wish), 200),
        (system.request("PATCH", f"Practitioner/{made.json['id']}", patch, **wish, **merge), 200),
    ):
        assert (reply.status, warnings(reply.json)) == (status, WARNED), reply.body
        assert reply.json["issue"][0]["details"]["text"] == "Stored."
        assert b"4711" not in reply.body
        assert "4711" not in reply.headers["warning"]
    good = system.post(wrongly_known(identifier=[{"system": BIG, "value": "19012345601"}]), **wish)
    assert (good.status, warnings(good.json), "warning" in good.headers) == (201, [], False)


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_the_entries_of_a_bundle_are_warned_of_one_by_one(ozo: Ozo, kind: str) -> None:
    request = {"method": "POST", "url": "Practitioner"}
    known = wrongly_known(identifier=[{"system": EMAIL, "value": "jansen@example.org"}])
    entries = [{"resource": each, "request": request} for each in (wrongly_known(), known)]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
    first, second = ozo.system.request("POST", "/fhir", bundle).json["entry"]
    assert first["resource"]["resourceType"] == "Practitioner"
    assert warnings(first["response"]["outcome"]) == WARNED
    assert "outcome" not in second["response"]
    first, second = ozo.system.request("POST", "/fhir", bundle, Prefer="return=OperationOutcome").json["entry"]
    assert "resource" not in first
    assert warnings(first["response"]["outcome"]) == WARNED
    assert warnings(second["response"]["outcome"]) == []


def test_a_search_by_the_system_of_today_finds_older_data(ozo: Ozo) -> None:
    person = "https://www.ozoverbindzorg.nl/namingsystem/person"
    made = ozo.system.post(new("Patient-H-de-Boer", identifier=[{"system": "OZO/Person", "value": "older"}]))
    assert made.status == 201
    found = [f"Patient/{made.json['id']}"]
    assert ozo.system.search("Patient", ("identifier", f"{person}|older")).ids() == found
    assert ozo.system.search("Patient", ("identifier", "OZO/Person|older")).ids() == found
    assert ozo.system.search("Patient", ("identifier", "https://www.ozoverbindzorg.nl/namingsystem/ozo/person|older")).ids() == []
    again = ozo.system.post(new("Patient-H-de-Boer"), If_None_Exist=f"identifier={person}|older")
    assert (again.status, again.json["id"]) == (200, made.json["id"])


def test_a_relationship_is_found_under_either_name_of_its_system(ozo: Ozo) -> None:
    systems = ("urn:oid:2.16.840.1.113883.5.111", "http://terminology.hl7.org/CodeSystem/v3-RoleCode")
    relations = [
        ozo.system.post(new("RelatedPerson-Kees-Groot", relationship=[{"coding": [{"system": each, "code": "NBOR"}]}]))
        for each in systems
    ]
    stored = {f"RelatedPerson/{each.json['id']}" for each in relations}
    for each in systems:
        assert set(ozo.system.search("RelatedPerson", ("relationship", f"{each}|NBOR")).ids()) == stored
    assert set(ozo.system.search("RelatedPerson", ("relationship:not", f"{systems[0]}|NBOR"), ("_count", "100")).ids()).isdisjoint(
        stored
    )
