"""Somebody breaks the glass: who may, what opens, what stays closed, and what the client is told of it."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from consents import ANY, UZI, concept, consent, provision
from flows.client import Client, Demo, Reply, cli
from flows.test_under_consent import World

from fhir_server.bootstrap import now, token_for
from fhir_server.settings import read_settings

WHY = "Bewusteloos aangetroffen op straat"
GP, OUTSIDER, CLIENT = "Practitioner/gp-harmsen", "Practitioner/gp-elders", "Patient/ansje"
QUESTION = f"MedicationDispense?patient={CLIENT}"
NOTICES, REVIEWS = "Communication?category=emergency-access", "Task?code=review-emergency-access"


def breaking(hub: Demo, reference: str, role: str = "practitioner", **more: Any) -> Client:
    """Return somebody with a fresh token for an emergency."""
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(hub.folder), "FHIR_SERVER_PORT": str(hub.port)})
    asked = {"ttl": 600, "scope": "user/*.cruds", "purpose": "BTG", "reason": WHY, **more}
    return Client(hub.port, token_for(settings, reference, role, at=now(), **asked))


def refusal(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.detail


@pytest.fixture
def world(hub: Demo) -> World:
    return World(hub)


@pytest.fixture
def doctor(hub: Demo, world: World) -> Client:
    return breaking(hub, employed(world, "g", "01.015"))


def employed(world: World, name: str, code: str) -> str:
    """Store a professional of no network, in the function ``code``."""
    person = world.put("Practitioner", name, active=True, name=[{"text": "Sam Vliet"}])
    world.put("PractitionerRole", name, active=True, practitioner={"reference": person}, code=[concept(UZI, code)])
    return person


@pytest.fixture
def refused_in_advance(hub: Demo) -> Iterator[None]:
    """Let the demo's client refuse emergency access, at every source and here, until the test is done."""
    client = {"reference": CLIENT}
    made = consent(provision("deny", purposes=["BTG"]), f"b-{uuid.uuid4().hex[:10]}", [ANY], patient=client, performer=[client])
    assert hub.as_("client").put(made).status == 201
    yield
    assert hub.as_("system").request("DELETE", f"Consent/{made['id']}").status == 204


def test_a_qualified_outsider_sees_in_an_emergency_what_the_network_sees(hub: Demo) -> None:
    client = hub.as_("client")
    before, wanted = len(client.get(NOTICES).resources), hub.as_("gp").get(QUESTION)
    assert hub.as_("outsider").get(QUESTION).resources == []
    settings = {"FHIR_SERVER_DATA_DIR": str(hub.folder), "FHIR_SERVER_PORT": str(hub.port)}
    given = cli("token", "--as", OUTSIDER, "--role", "practitioner", "--purpose", "BTG", "--reason", WHY, **settings)
    outsider = Client(hub.port, given.stdout.strip())
    found = outsider.get(QUESTION)
    assert found.status == 200, found.body
    assert [each["id"] for each in found.resources] == [each["id"] for each in wanted.resources]
    assert found.headers["federation-completeness"] == "complete"
    read = outsider.get(f"MedicationDispense/{found.resources[0]['id']}")
    assert (read.status, read.json["id"]) == (200, found.resources[0]["id"])
    assert outsider.get(f"Patient/{'ansje'}").json["name"][0]["text"] == "Ansje Veenstra"
    notices, reviews = client.get(f"{NOTICES}&_sort=-sent").resources, client.get(REVIEWS).resources
    assert len(notices) == len(reviews) == before + 1, "once, however much is asked"
    told = notices[0]
    assert [each["reference"] for each in told["recipient"]] == [CLIENT, "RelatedPerson/daughter-marije"]
    assert all("Rein Postma (Huisartsenpraktijk Elders)" in each["contentString"] for each in told["payload"])
    assert WHY not in str(told)
    review = next(each for each in reviews if each["id"] == told["id"])
    assert (review["status"], review["focus"]["reference"]) == ("requested", f"Communication/{told['id']}")
    assert "owner" not in review


def test_the_record_says_that_it_was_an_emergency_and_why(hub: Demo) -> None:
    assert breaking(hub, OUTSIDER).get(QUESTION).status == 200
    entries = hub.as_("client").get(f"{CLIENT}/$access-log").json["parameter"]
    told = [{part["name"]: part for part in each["part"]} for each in entries if each["name"] == "entry"]
    mine = [
        each for each in told if "agent" in each and each["agent"]["valueReference"]["reference"] == OUTSIDER and "sources" in each
    ]
    assert mine[0]["emergency"]["valueBoolean"] is True
    assert mine[0]["reason"]["valueString"] == WHY
    events = hub.as_("client").get(f"AuditEvent?agent={OUTSIDER}&_count=20").resources
    details = {each["type"]: each["valueString"] for one in events[0]["entity"] for each in one.get("detail", ())}
    assert (details["decision"], details["emergency-reason"]) == ("btg", WHY)
    assert events[0]["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert [each["action"] for each in events[:3]].count("C") == 2, "the notice and the task have lines of their own"
    assert hub.rows("SELECT 1 FROM audit_event WHERE reason LIKE '%Bewusteloos%'") == []


def test_ten_first_requests_at_once_tell_it_once(world: World, doctor: Client) -> None:
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(lambda _: doctor.get(world.patient), range(10)))
    assert [each.status for each in replies] == [200] * 10
    assert len(world.client.get(NOTICES).resources) == len(world.client.get(REVIEWS).resources) == 1


def test_of_two_clients_at_once_one_token_opens_one(hub: Demo, world: World, doctor: Client) -> None:
    other = World(hub)
    asked = [world.patient, other.patient] * 4
    with ThreadPoolExecutor(8) as pool:
        replies = dict(zip(range(8), pool.map(doctor.get, asked), strict=True))
    opened = {asked[number] for number, reply in replies.items() if reply.status == 200}
    assert len(opened) == 1
    assert {refusal(each) for each in replies.values() if each.status != 200} == {(403, "btg-one-patient")}
    assert sum(len(each.client.get(NOTICES).resources) for each in (world, other)) == 1


def test_the_own_store_opens_what_has_a_category_and_nothing_else(world: World, doctor: Client) -> None:
    world.choose(provision("deny"))
    for type_ in ("Task", "Observation", "CommunicationRequest", "CareTeam"):
        assert len(doctor.get(f"{type_}?patient={world.patient}&_count=50").resources) >= 1, type_
    assert doctor.get(f"{world.patient}/Observation").json["total"] == 1
    assert doctor.get(world.measured).status == 200, "the token was used for this client"
    assert [each["id"] for each in doctor.get(f"Patient?_id=p-{world.mark}").resources] == [f"p-{world.mark}"]
    assert refusal(doctor.get("Task")) == (400, "patient-needed")
    for type_ in ("RelatedPerson", "Consent", "AuditEvent"):
        assert refusal(doctor.get(f"{type_}?patient={world.patient}")) == (403, "btg-type")


def test_a_token_for_one_patient_opens_no_other(hub: Demo, world: World) -> None:
    other = World(hub)
    bound = breaking(hub, employed(world, "g", "01.015"), patient=world.patient.partition("/")[2])
    assert bound.get(world.measured).status == 200
    assert refusal(bound.get(other.patient)) == (403, "btg-one-patient")
    assert refusal(bound.get(f"Task?patient={other.patient}")) == (403, "btg-one-patient")
    assert refusal(bound.get(f"Task?patient={world.patient},{other.patient}")) == (403, "btg-one-patient")
    assert bound.get(other.measured).status == 403
    assert [each["id"] for each in bound.get("Task?status=requested").resources if each["for"]["reference"] != world.patient] == []
    assert other.client.get(NOTICES).resources == []


def test_a_second_patient_at_the_sources(hub: Demo, world: World) -> None:
    outsider = breaking(hub, OUTSIDER)
    assert outsider.get(QUESTION).status == 200
    assert refusal(outsider.get(f"MedicationDispense?patient={world.patient}")) == (403, "btg-one-patient")
    sealed = hub.as_("gp").get(QUESTION).resources[0]["id"]
    elsewhere = breaking(hub, OUTSIDER)
    assert elsewhere.get(world.patient).status == 200
    assert refusal(elsewhere.get(f"MedicationDispense/{sealed}")) == (404, "unknown-resource")


def test_who_is_not_qualified(hub: Demo, world: World) -> None:
    nurse = employed(world, "v", "30.000")
    relative, client = world.name("RelatedPerson/d"), world.patient
    people = {nurse: "practitioner", GP: "practitioner", relative: "related-person", client: "patient", "Device/x": "system"}
    for reference, role in people.items():
        for path in (world.patient, f"MedicationDispense?patient={world.patient}"):
            assert refusal(breaking(hub, reference, role).get(path)) == (403, "btg-not-qualified"), reference
    assert refusal(breaking(hub, OUTSIDER, reason="spoed").get(world.patient)) == (403, "btg-not-qualified")
    assert world.client.get(NOTICES).resources == []
    log = world.client.get(f"{world.patient}/$access-log").body.decode()
    assert "geen recht op de noodknop" in log


@pytest.mark.usefixtures("refused_in_advance")
def test_what_the_client_refused_in_advance_stays_closed(hub: Demo) -> None:
    before = len(hub.as_("client").get(NOTICES).resources)
    sealed = hub.as_("gp").get(QUESTION).resources[0]["id"]
    refused, unknown = (breaking(hub, OUTSIDER).get(f"MedicationDispense?patient=Patient/{each}") for each in ("ansje", "nobody"))
    assert refusal(refused) == refusal(unknown) == (403, "btg-refused")
    assert refused.json == unknown.json
    assert refusal(breaking(hub, OUTSIDER).get(CLIENT)) == (403, "btg-refused")
    assert refusal(breaking(hub, OUTSIDER).get(f"MedicationDispense/{sealed}")) == (404, "unknown-resource")
    assert len(hub.as_("client").get(NOTICES).resources) == before


def test_a_refusal_of_some_data_leaves_the_rest_open(world: World, doctor: Client) -> None:
    labelled, restricted = world.measure("v", "2026-03-03", "V"), world.measure("r", "2026-03-03", "R")
    task = provision("deny", purposes=["BTG"], categories=["ObservationActivity"], data=[("instance", world.measured)])
    world.choose(task)
    assert doctor.get(world.patient).status == 200
    seen = {f"Observation/{each['id']}" for each in doctor.get(f"Observation?patient={world.patient}").resources}
    assert seen == {restricted}
    assert doctor.get(labelled).status == doctor.get(world.measured).status == 403
    world.choose(provision("deny", purposes=["BTG"], categories=["ObservationActivity"]))
    assert refusal(doctor.get(f"Observation?patient={world.patient}")) == (403, "btg-refused")
    assert doctor.get(f"Task?patient={world.patient}").status == 200


def test_nothing_but_reading(world: World, doctor: Client) -> None:
    assert doctor.get(world.patient).status == 200
    observation = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": world.patient}}
    read = {"request": {"method": "GET", "url": world.patient}}
    batch = {"resourceType": "Bundle", "type": "batch", "entry": [read]}
    refused = [
        doctor.post(observation),
        doctor.put({**observation, "id": f"o-{world.mark}"}),
        doctor.request("DELETE", world.measured),
        doctor.request("POST", "/fhir", batch),
        doctor.get(f"{world.patient}/$access-log"),
        doctor.get(f"{world.patient}/$who-can-see"),
        doctor.get(f"{world.patient}/_history"),
        doctor.get(f"{world.patient}/_history/1"),
        doctor.get(f"{world.patient}/*"),
        doctor.get(f"?_type=Task&patient={world.patient}"),
    ]
    assert {refusal(each) for each in refused} == {(403, "btg-read-only")}


def test_what_comes_along_is_of_the_same_client(world: World, doctor: Client) -> None:
    query = f"Task?patient={world.patient}&_include=Task:focus&_include=Task:patient&_revinclude=Provenance:target"
    along = {"CommunicationRequest", "Patient"}
    assert {each["resourceType"] for each in doctor.get(query).resources} == {*along, "Task", "Communication"}
    assert doctor.get(f"CareTeam?patient={world.patient}&_include=CareTeam:participant").ids("include") == [], "people are no data"


def test_a_dossier_that_is_closed(world: World, doctor: Client) -> None:
    world.put("Patient", "p", active=False, name=[{"family": "Bos"}])
    assert refusal(doctor.get(world.patient)) == refusal(doctor.get(f"Patient/none-{world.mark}")) == (403, "btg-refused")
    assert refusal(doctor.get(f"MedicationDispense?patient={world.patient}")) == (403, "btg-refused")


def test_a_client_of_whom_only_the_number_is_known(hub: Demo) -> None:
    form = {"Content_Type": "application/x-www-form-urlencoded"}

    def searched(bsn: str, doctor: Client | None = None) -> Reply:
        body = f"identifier=http%3A%2F%2Ffhir.nl%2Ffhir%2FNamingSystem%2Fbsn%7C{bsn}".encode()
        return (doctor or breaking(hub, OUTSIDER)).request("POST", "Patient/_search", body, **form)

    assert searched("999990019").ids() == [CLIENT]
    assert refusal(searched("999990044")) == (403, "btg-refused")
    used = breaking(hub, OUTSIDER)
    assert used.get(CLIENT).status == 200
    assert refusal(searched("999990020", used)) == refusal(searched("999990044", used)) == (403, "btg-refused")
    assert refusal(breaking(hub, OUTSIDER).get("Patient?family=veenstra")) == (400, "patient-needed")
    assert refusal(breaking(hub, OUTSIDER).get("Patient?identifier=ansje")) == (400, "patient-needed")


def test_a_token_for_longer_than_an_hour(hub: Demo) -> None:
    with pytest.raises(ValueError, match="3600 seconds at most"):
        breaking(hub, OUTSIDER, ttl=3601)
