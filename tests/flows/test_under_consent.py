"""What the client decides holds from the next request on, on every way to a resource."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from consents import consent, provision
from flows.client import Client, Demo, Reply
from flows.test_system import token

CLOSED = 403


class World:
    """A client with a network of their own, in the demo that other tests use too: a nurse and a daughter take part."""

    def __init__(self, hub: Demo) -> None:
        self.system = hub.as_("system")
        self.mark = uuid.uuid4().hex[:10]
        self.patient = self.put("Patient", "p", name=[{"family": "Bos"}])
        self.put("Practitioner", "w", active=True, name=[{"family": "Vos"}])
        self.put("RelatedPerson", "d", active=True, patient={"reference": self.patient})
        members = [{"member": {"reference": self.name(each)}} for each in ("Practitioner/w", "RelatedPerson/d")]
        subject = {"reference": self.patient}
        self.team = self.put("CareTeam", "t", status="active", participant=members, subject=subject)
        self.thread = self.put(
            "CommunicationRequest", "c", status="active", subject=subject, requester={"reference": self.name("Practitioner/w")}
        )
        order = {"status": "requested", "intent": "order", "for": subject, "focus": {"reference": self.thread}}
        self.task = self.put("Task", "a", authoredOn="2026-03-01", **order)
        self.measured = self.measure("o", "2026-03-01")
        self.nurse = token(hub, self.name("Practitioner/w"), "practitioner", "user/*.cruds")
        self.daughter = token(hub, self.name("RelatedPerson/d"), "related-person", "user/*.cruds")
        self.client = token(hub, self.patient, "patient", "user/*.cruds")

    def name(self, reference: str) -> str:
        return f"{reference}-{self.mark}"

    def put(self, type_: str, name_: str, **content: Any) -> str:
        reply = self.system.put({"resourceType": type_, "id": f"{name_}-{self.mark}", **content})
        assert reply.status in {200, 201}, reply.body
        return f"{type_}/{name_}-{self.mark}"

    def measure(self, name: str, day: str, *labels: str) -> str:
        content = {"status": "final", "code": {"text": "weight"}, "subject": {"reference": self.patient}, "effectiveDateTime": day}
        security = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": each} for each in labels]
        return self.put("Observation", name, **content, **({"meta": {"security": security}} if labels else {}))

    def choose(self, root: dict[str, Any], name: str = "k", **more: Any) -> str:
        """Store a choice of the client; ``root`` is its provision."""
        client = {"reference": self.patient}
        made = consent(root, f"{name}-{self.mark}", patient=client, performer=[client], **more)
        reply = self.system.put(made)
        assert reply.status in {200, 201}, reply.body
        return f"Consent/{name}-{self.mark}"

    def permit(self, *purposes: str, **limits: Any) -> dict[str, Any]:
        return provision("permit", self.team, purposes=purposes or ("TREAT", "PATRQT"), **limits)

    def deny(self, recipient: str, *categories: str, **limits: Any) -> dict[str, Any]:
        return provision("deny", self.name(recipient), categories=categories, **limits)


@pytest.fixture
def world(hub: Demo) -> World:
    return World(hub)


def ways(world: World, who: Client, reference: str) -> set[str]:
    """Return the ways on which ``who`` reaches a resource."""
    type_, _, id_ = reference.partition("/")
    subject = {"Task": "patient", "Observation": "subject", "CommunicationRequest": "subject"}[type_]
    searches = {
        "search": f"{type_}?_id={id_}",
        "by client": f"{type_}?{subject}={world.patient}&_id={id_}",
        "revinclude": f"Patient?_id=p-{world.mark}&_revinclude={type_}:{subject}",
        "has": f"Patient?_id=p-{world.mark}&_has:{type_}:{subject}:_id={id_}",
        "whole system": f"?_type={type_}&_id={id_}",
    }
    found = {way for way, query in searches.items() if _finds(who.get(query), world.patient if way == "has" else reference)}
    found |= {"count"} if who.get(f"{type_}?_id={id_}&_summary=count").json["total"] else set()
    for way, path in {"read": reference, "vread": f"{reference}/_history/1", "history": f"{reference}/_history"}.items():
        reply = who.get(path)
        assert reply.status in {200, CLOSED}, reply.body
        found |= {way} if reply.status == 200 else set()
    return found


def _finds(reply: Reply, reference: str) -> bool:
    assert reply.status == 200, reply.body
    return any(f"{each['resourceType']}/{each.get('id')}" == reference for each in reply.resources)


EVERY_WAY = {"search", "by client", "revinclude", "has", "whole system", "count", "read", "vread", "history"}


def test_messages_are_open_to_members_until_the_first_choice_and_everything_else_is_closed(world: World) -> None:
    for who in (world.nurse, world.daughter):
        assert ways(world, who, world.task) == EVERY_WAY
        assert ways(world, who, world.measured) == set()
    world.choose(world.permit("TREAT", categories=["message"]))
    assert ways(world, world.nurse, world.task) == EVERY_WAY
    assert ways(world, world.nurse, world.measured) == set()
    assert ways(world, world.daughter, world.task) == set(), "her purpose is another one"
    assert world.daughter.get(world.patient).status == 200, "what has no category is as it was"


def test_the_client_reads_the_own_dossier_whatever_is_permitted(world: World) -> None:
    told = world.measure("x", "2026-03-02", "third-party")
    assert world.system.get(told).status == 200
    assert ways(world, world.client, world.measured) == EVERY_WAY
    world.choose(provision("deny", categories=["ObservationActivity", "message"]))
    assert ways(world, world.client, world.measured) == ways(world, world.client, world.task) == EVERY_WAY
    assert ways(world, world.client, told) == set(), "what somebody else told in confidence"


def test_an_exception_closes_every_way(world: World) -> None:
    exception = world.deny("Practitioner/w", "message")
    world.choose(world.permit(exceptions=[exception]))
    assert ways(world, world.nurse, world.task) == set()
    assert ways(world, world.nurse, world.measured) == EVERY_WAY
    assert ways(world, world.daughter, world.task) == EVERY_WAY
    assert world.nurse.get(f"CommunicationRequest?_include=CommunicationRequest:subject&_id=c-{world.mark}").resources == []
    assert world.nurse.get(f"Task?focus:CommunicationRequest.status=active&_id=a-{world.mark}").resources == []


def test_who_may_not_read_messages_writes_none(world: World) -> None:
    message = {
        "resourceType": "Communication",
        "status": "completed",
        "partOf": [{"reference": world.thread}],
        "subject": {"reference": world.patient},
        "sender": {"reference": world.name("Practitioner/w")},
    }
    assert world.nurse.post(message).status == 201
    world.choose(world.permit(exceptions=[world.deny("Practitioner/w", "message")]))
    assert world.nurse.post(message).status == CLOSED
    world.choose(world.permit())
    assert world.nurse.post(message).status == 201


def test_a_choice_that_is_withdrawn_or_deleted_stays_in_charge(world: World) -> None:
    choice = world.choose(world.permit())
    assert ways(world, world.nurse, world.task) == EVERY_WAY
    world.choose(world.permit(), status="inactive")
    assert ways(world, world.nurse, world.task) == set()
    world.choose(world.permit())
    assert ways(world, world.nurse, world.task) == EVERY_WAY
    assert world.system.request("DELETE", choice).status == 204
    assert ways(world, world.nurse, world.task) == set()


def test_a_mistake_was_no_choice(world: World) -> None:
    world.choose(world.permit("TREAT", categories=["appointment"]))
    assert ways(world, world.nurse, world.task) == set()
    world.choose(world.permit("TREAT", categories=["appointment"]), status="entered-in-error")
    assert ways(world, world.nurse, world.task) == EVERY_WAY


def test_the_choice_that_was_made_last_counts(world: World) -> None:
    same = [{"system": "urn:choices", "value": world.mark}]
    world.choose(world.permit(), "old", identifier=same)
    world.choose(world.permit("TREAT", categories=["appointment"]), "new", identifier=same)
    assert ways(world, world.nurse, world.task) == set()


def test_a_label_and_a_time_of_the_data_limit_what_is_open(world: World) -> None:
    restricted, later = world.measure("r", "2026-03-02", "R"), world.measure("l", "2026-05-01")
    world.choose(world.permit(categories=["ObservationActivity"], label="N", about=("2026-01-01", "2026-03-31")))
    assert ways(world, world.nurse, world.measured) == EVERY_WAY
    assert ways(world, world.nurse, restricted) == ways(world, world.nurse, later) == set()


def test_withdrawal_counts_on_the_next_page(world: World) -> None:
    for number in range(3):
        world.measure(f"n{number}", "2026-03-02")
    world.choose(world.permit())
    first = world.nurse.get(f"Observation?subject={world.patient}&_count=2")
    assert len(first.resources) == 2
    following = next(link["url"] for link in first.json["link"] if link["relation"] == "next")
    assert len(world.nurse.follow(following).resources) == 2
    world.choose(world.permit(), status="inactive")
    assert world.nurse.follow(following).resources == []


QUESTION = "MedicationDispense?patient=Patient/ansje"
LINDE = "http://fhir.nl/fhir/NamingSystem/ura|90000383"


@pytest.fixture
def denied(hub: Demo) -> Iterator[Demo]:
    """Let the demo's client deny one pharmacy's data to one pharmacist, until the test is done."""
    client = {"reference": "Patient/ansje"}
    root = provision("deny", "Practitioner/pharmacist-bos", categories=["MedicationUse"])
    made = consent(root, f"denied-{uuid.uuid4().hex[:10]}", [LINDE], patient=client, performer=[client])
    assert hub.as_("system").put(made).status == 201
    yield hub
    assert hub.as_("system").request("DELETE", f"Consent/{made['id']}").status == 204


def dispensed(reply: Reply) -> dict[str, str]:
    """Return the ids of what was dispensed, with the organisation that each comes from."""
    assert reply.status == 200, reply.body
    return {each["id"]: each["meta"]["source"].partition("#")[0] for each in reply.resources}


def test_a_source_that_is_closed_is_as_if_it_were_not_there(denied: Demo) -> None:
    gp, pharmacist = denied.as_("gp").get(QUESTION), denied.as_("pharmacist").get(QUESTION)
    everything, open_ = dispensed(gp), dispensed(pharmacist)
    assert len(set(everything.values())) == 2
    assert open_ == {id_: source for id_, source in everything.items() if source.endswith("90000385")}
    assert pharmacist.headers["federation-completeness"] == gp.headers["federation-completeness"] == "complete"
    assert pharmacist.json["total"] == len(open_)
    assert all(each["search"]["mode"] == "match" for each in pharmacist.json["entry"])
    closed = next(id_ for id_ in everything if id_ not in open_)
    refused, unknown = (denied.as_(who).get(f"MedicationDispense/{closed}") for who in ("pharmacist", "outsider"))
    assert (refused.status, refused.json["issue"]) == (unknown.status, unknown.json["issue"])
    assert refused.status == 404
    assert dispensed(denied.as_("client").get(QUESTION)) == everything


def test_the_record_says_by_which_choice_and_shows_no_denial_to_who_asked(denied: Demo) -> None:
    pharmacist = denied.as_("pharmacist")
    pharmacist.get(QUESTION)
    lines = "FROM audit_event WHERE actor = 'Practitioner/pharmacist-bos' AND interaction = 'search-type'"
    (basis, source), *_ = denied.rows(f"SELECT basis, source {lines} ORDER BY recorded DESC")
    assert basis.startswith("closed:apotheek-de-linde=tie-deny closed:apotheek-de-linde=Consent/denied-")
    version = denied.as_("system").get("Consent/consent-ansje").json["meta"]["versionId"]
    assert f"permit-careteam Consent/consent-ansje/_history/{version}" in basis
    assert source == "dienstapotheek-wolddorp"
    shown = pharmacist.get("AuditEvent?_count=1").body.decode()
    assert "linde" not in shown
    assert "deny" not in shown


def test_what_was_denied_is_open_again_once_that_is_over(hub: Demo) -> None:
    assert dispensed(hub.as_("pharmacist").get(QUESTION)) == dispensed(hub.as_("gp").get(QUESTION))


def test_nobody_is_asked_about_a_client_who_chose_nothing(world: World) -> None:
    reply = world.nurse.get(f"MedicationDispense?patient={world.patient}")
    assert (reply.status, reply.resources, reply.headers["federation-completeness"]) == (200, [], "complete")


def test_an_attachment_is_as_closed_as_the_message_it_belongs_to(world: World) -> None:
    stored = world.put("Binary", "b", contentType="text/plain", data="aGFsbG8=", securityContext={"reference": world.thread})
    assert world.nurse.get(stored).status == 200
    world.choose(world.permit(exceptions=[world.deny("Practitioner/w", "message")]))
    assert world.nurse.get(stored).status == CLOSED
    assert world.client.get(stored).status == 200
