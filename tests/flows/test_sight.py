"""Who can see what: told to the client before and after a choice, by the decision that requests pass."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from flows.client import Client, Demo, Reply
from flows.test_system import token

PURPOSE = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
OWN = "https://netwerkdossier.example/fhir/CodeSystem/data-category"
NATIONAL = "http://minvws.github.io/generiekefuncties-docs/CodeSystem/nl-gf-data-categories-cs"


def values(part: Mapping[str, Any], name: str) -> list[Any]:
    """Return the values of the parts called ``name``."""
    found = [each for each in part["part"] if each["name"] == name]
    return [next((value for key, value in each.items() if key.startswith("value")), each.get("part")) for each in found]


def value(part: Mapping[str, Any], name: str) -> Any:
    (found,) = values(part, name)
    return found


def rows(reply: Reply) -> dict[tuple[str, str, str], tuple[bool, list[str], str]]:
    """Return person, category and holder, each with whether it is permitted, for what, and why."""
    assert reply.status == 200, reply.body
    return {
        (value(person, "who")["reference"], value(each, "category")["code"], value(each, "holder")): (
            value(each, "permit"),
            values(each, "purpose"),
            value(each, "reason"),
        )
        for person in reply.json["parameter"]
        for each in [one for one in person["part"] if one["name"] == "category"]
    }


class Home:
    """A client with a network of their own, in the demo that other tests use too."""

    def __init__(self, hub: Demo) -> None:
        self.hub = hub
        self.system = hub.as_("system")
        self.mark = uuid.uuid4().hex[:10]
        self.patient = self.put("Patient", "p", name=[{"family": "Bos", "given": ["Jo"]}])
        self.nurse = self.put("Practitioner", "n", active=True, name=[{"text": "Wia Vos"}])
        self.neighbour = self.put("RelatedPerson", "b", patient={"reference": self.patient})
        self.team = self.put(
            "CareTeam",
            "t",
            status="active",
            subject={"reference": self.patient},
            participant=[{"member": {"reference": each}} for each in (self.patient, self.nurse, self.neighbour)],
        )
        self.client = token(hub, self.patient, "patient", "user/*.cruds")

    def put(self, type_: str, name_: str, **content: Any) -> str:
        reply = self.system.put({"resourceType": type_, "id": f"{name_}-{self.mark}", **content})
        assert reply.status in {200, 201}, reply.body
        return f"{type_}/{name_}-{self.mark}"

    def consent(self, classes: Sequence[tuple[str, str]] = (), **more: Any) -> dict[str, Any]:
        limit = {"class": [{"system": system, "code": code} for system, code in classes]} if classes else {}
        return {
            "resourceType": "Consent",
            "status": "active",
            "identifier": [{"system": "urn:test:choices", "value": self.mark}],
            "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [
                {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]},
                {
                    "coding": [
                        {"system": "https://netwerkdossier.example/fhir/CodeSystem/consent-category", "code": "network-dossier"}
                    ]
                },
            ],
            "patient": {"reference": self.patient},
            "dateTime": "2026-01-05T14:30:00+01:00",
            "performer": [{"reference": self.patient}],
            "policy": [{"uri": "https://netwerkdossier.example/fhir/policy/network-dossier/1"}],
            "provision": {
                "type": "permit",
                "actor": [
                    {
                        "role": {
                            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP"}]
                        },
                        "reference": {"reference": self.team},
                    }
                ],
                "purpose": [{"system": PURPOSE, "code": "TREAT"}, {"system": PURPOSE, "code": "CAREMGT"}],
                **limit,
            },
            **more,
        }

    def ask(self, who: Client, operation: str, **headers: str) -> Reply:
        return who.get(f"{self.patient}/${operation}", **headers)


@pytest.fixture
def home(hub: Demo) -> Home:
    return Home(hub)


def test_before_any_choice_members_see_messages_and_the_client_everything(home: Home) -> None:
    found = rows(home.ask(home.client, "who-can-see"))
    assert found[home.nurse, "message", "hub"][0::2] == (True, "membership")
    assert found[home.neighbour, "message", "hub"][0] is True
    assert found[home.nurse, "appointment", "hub"] == (False, [], "default-closed")
    assert found[home.patient, "appointment", "hub"][0::2] == (True, "self")
    assert {person for person, *_ in found} == {home.patient, home.nurse, home.neighbour}


def test_a_choice_shows_in_who_can_see_as_it_decides(home: Home) -> None:
    assert home.client.post(home.consent([(OWN, "message")])).status == 201
    found = rows(home.ask(home.client, "who-can-see"))
    assert found[home.nurse, "message", "hub"] == (True, ["TREAT", "CAREMGT"], "permit-careteam")
    assert found[home.nurse, "appointment", "hub"] == (False, [], "default-closed")
    home.put(
        "CareTeam",
        "t",
        status="active",
        subject={"reference": home.patient},
        participant=[
            {"member": {"reference": home.patient}},
            {"member": {"reference": home.nurse}, "period": {"end": "2020-01-01"}},
            {"member": {"reference": home.neighbour}},
        ],
    )
    found = rows(home.ask(home.client, "who-can-see"))
    assert found[home.nurse, "message", "hub"] == (False, [], "membership-ended")
    assert found[home.neighbour, "message", "hub"][0] is True


def test_names_go_to_the_client_and_not_to_the_operator(home: Home) -> None:
    def nurse(who: Client) -> Any:
        people = home.ask(who, "who-can-see").json["parameter"]
        return next(found for each in people if (found := value(each, "who"))["reference"] == home.nurse)

    assert nurse(home.client) == {"reference": home.nurse, "display": "Wia Vos"}
    assert nurse(home.hub.as_("operator")) == {"reference": home.nurse}


@pytest.mark.parametrize("operation", ["who-can-see", "explain-access?who=Practitioner/x&category=message"])
def test_others_are_not_told(home: Home, operation: str) -> None:
    nurse = token(home.hub, home.nurse, "practitioner", "user/*.cruds")
    neighbour = token(home.hub, home.neighbour, "related-person", "user/*.cruds")
    for who in (nurse, neighbour, home.hub.as_("outsider"), home.hub.as_("client")):
        refused = home.ask(who, operation)
        assert refused.status == 403, refused.body
        assert b"Vos" not in refused.body
    assert home.ask(home.system, operation).status == 200


def test_one_decision_is_explained(home: Home) -> None:
    assert home.client.post(home.consent([(NATIONAL, "MedicationUse")])).status == 201

    def decisions(query: str, **headers: str) -> list[tuple[str, bool, list[str]]]:
        reply = home.ask(home.client, f"explain-access?{query}", **headers)
        assert reply.status == 200, reply.body
        parts = [each for each in reply.json["parameter"] if each["name"] == "decision"]
        return [(value(each, "holder"), value(each, "permit"), values(each, "reason")) for each in parts]

    assert decisions(f"who={home.nurse}&type=Task") == [("hub", False, ["default-closed"])]
    assert decisions(f"who={home.nurse}&category=message&purpose=FAMRQT") == [("hub", False, ["default-closed"])]
    assert decisions("who=Practitioner/nobody&type=Communication") == [("hub", False, ["not-a-member"])]
    english = home.ask(home.client, f"explain-access?who={home.nurse}&type=Task", Accept_Language="en")
    dutch = home.ask(home.client, f"explain-access?who={home.nurse}&type=Task")
    texts = [values(reply.json["parameter"][-1], "text") for reply in (english, dutch)]
    assert texts[0] != texts[1]


@pytest.mark.parametrize(
    "query", ["", "who=Practitioner/x", "who=x&category=message", "who=Practitioner/x&category=none", "what=1"]
)
def test_a_question_that_asks_nothing_is_refused(home: Home, query: str) -> None:
    assert home.ask(home.client, f"explain-access?{query}").status == 400


def test_a_draft_shows_who_gains_and_who_loses_and_is_not_kept(home: Home) -> None:
    def changes(draft: Mapping[str, Any]) -> set[tuple[str, str, str, str]]:
        reply = home.client.request("POST", f"{home.patient}/$what-if", draft)
        assert reply.status == 200, reply.body
        return {
            (value(each, "who")["reference"], value(each, "category")["code"], value(each, "purpose"), value(each, "effect"))
            for each in reply.json.get("parameter", [])
        }

    before = rows(home.ask(home.client, "who-can-see"))
    draft = home.consent([(OWN, "appointment")], status="draft")
    found = changes(draft)
    assert (home.nurse, "appointment", "TREAT", "gains") in found
    assert (home.nurse, "message", "TREAT", "loses") in found, "from the first choice on consent governs messages too"
    assert rows(home.ask(home.client, "who-can-see")) == before
    assert home.client.post({**draft, "status": "active"}).status == 201
    after = rows(home.ask(home.client, "who-can-see"))
    assert (after[home.nurse, "appointment", "hub"][0], after[home.nurse, "message", "hub"][0]) == (True, False)
    assert changes({**draft, "status": "active"}) == set(), "what is so already changes nothing"
    assert (home.nurse, "appointment", "TREAT", "loses") in changes({**draft, "status": "inactive"})


def test_a_draft_is_checked_as_a_choice_would_be(home: Home) -> None:
    draft = home.consent()
    del draft["provision"]["actor"]
    refused = home.client.request("POST", f"{home.patient}/$what-if", draft)
    assert refused.status == 422
    other = home.client.request("POST", "Patient/ansje/$what-if", home.consent())
    assert other.status == 403
    foreign = home.system.request("POST", "Patient/ansje/$what-if", home.consent())
    assert foreign.status == 422


def test_what_is_asked_by_get_is_asked_by_post_too(hub: Demo) -> None:
    """With the parameters in a body, as every client that knows operations sends them."""
    home = Home(hub)
    operator = hub.as_("operator")
    given = {"who": {"valueReference": {"reference": home.nurse}}, "type": {"valueCode": "Task"}, "purpose": {"valueCode": "TREAT"}}
    asked: Sequence[tuple[Client, str, str, Mapping[str, Mapping[str, Any]]]] = [
        (home.client, f"{home.patient}/$who-can-see", "", {}),
        (home.client, f"{home.patient}/$network-summary", "", {}),
        (home.client, f"{home.patient}/$explain-access", f"?who={home.nurse}&type=Task&purpose=TREAT", given),
        (home.client, f"{home.patient}/$access-log", "?end=2020-01-01", {"end": {"valueDate": "2020-01-01"}}),
        (operator, "$usage-report", "?month=2026-01", {"month": {"valueString": "2026-01"}}),
        (operator, "$question-report", "?start=2026-01-01&end=2026-02-01", {"start": day("01"), "end": day("02")}),
    ]
    for who, path, query, parameters in asked:
        by_get = who.get(f"{path}{query}")
        body = {"resourceType": "Parameters", "parameter": [{"name": name, **each} for name, each in parameters.items()]}
        by_post = who.request("POST", f"/fhir/{path}", body if parameters else {"resourceType": "Parameters"})
        assert (by_get.status, by_post.status) == (200, 200), (path, by_get.body, by_post.body)
        assert _undated(by_post.json) == _undated(by_get.json), path
    unknown = {"resourceType": "Parameters", "parameter": [{"name": "whom", "valueString": "x"}]}
    assert home.client.request("POST", f"/fhir/{home.patient}/$explain-access", unknown).status == 400


def day(month: str) -> Mapping[str, str]:
    return {"valueDate": f"2026-{month}-01"}


def _undated(report: Mapping[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in report.items() if name not in {"date", "id"}}
