"""Who may write a choice over HTTP, and what is said when it cannot be carried out."""

from typing import Any

import pytest
from consents import consent, provision, verification
from flows.client import Client, Demo

DRAFT = {**consent(provision("permit", "CareTeam/network-ansje", purposes=("TREAT",)), status="draft"), "id": None}
CLIENT, DAUGHTER = {"reference": "Patient/ansje"}, {"reference": "RelatedPerson/daughter-marije"}
VERIFIED = {"performer": [DAUGHTER], "verification": [verification("written-mandate", verifiedWith=CLIENT)]}


def choice(value: str, **more: Any) -> dict[str, Any]:
    stated = {**DRAFT, "patient": CLIENT, "performer": [CLIENT], "identifier": [{"system": "https://x.example", "value": value}]}
    return {name: each for name, each in {**stated, **more}.items() if each is not None}


@pytest.fixture
def system(hub: Demo) -> Client:
    return hub.as_("system")


def written(client: Client, resource: dict[str, Any], system: Client) -> tuple[int, str]:
    """Return the status and, of a refusal, its code; what was stored is removed."""
    reply = client.post(resource)
    if reply.status == 201:
        assert system.request("DELETE", reply.headers["location"].partition("/fhir/")[2].partition("/_history")[0]).status == 204
        return 201, ""
    return reply.status, reply.detail


def test_the_client_and_who_has_a_mandate_write_choices(hub: Demo, system: Client) -> None:
    assert written(hub.as_("client"), choice("client"), system) == (201, "")
    assert written(hub.as_("daughter"), choice("daughter", **VERIFIED), system) == (201, "")
    assert written(system, choice("system"), system) == (201, "")
    assert written(hub.as_("gp"), choice("gp"), system) == (403, "not-permitted")
    assert written(hub.as_("daughter"), choice("in the name of the client"), system) == (403, "consent-author")


def test_what_cannot_be_carried_out_is_refused_with_the_name_of_the_rule(hub: Demo, system: Client) -> None:
    reply = hub.as_("client").post(choice("x", provision={"type": "permit"}))
    found = {issue["details"]["coding"][0]["code"]: issue["expression"] for issue in reply.json["issue"]}
    assert (reply.status, found) == (
        422,
        {"consent-recipient-missing": ["Consent.provision.actor"], "consent-purpose-missing": ["Consent.provision.purpose"]},
    )
    assert written(hub.as_("daughter"), choice("x", performer=[DAUGHTER]), system) == (422, "consent-mandate")


def test_a_mandate_that_the_dossier_does_not_know_is_none(hub: Demo, system: Client) -> None:
    person = system.get("RelatedPerson/daughter-marije").json
    claimed = choice("claimed", **VERIFIED)
    try:
        assert system.put({name: value for name, value in person.items() if name != "extension"}).status == 200
        assert written(hub.as_("daughter"), claimed, system) == (403, "consent-mandate-unknown")
        entry = {"resource": claimed, "request": {"method": "POST", "url": "Consent"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        reply = hub.as_("daughter").request("POST", "/fhir", bundle)
        assert (reply.status, reply.detail) == (403, "consent-mandate-unknown")
    finally:
        assert system.put(person).status == 200
    assert written(hub.as_("daughter"), claimed, system) == (201, "")


def test_a_choice_stays_one(hub: Demo, system: Client) -> None:
    client = hub.as_("client")
    stored = client.get("Consent/consent-ansje").json
    assert client.put({**stored, "category": stored["category"][:1]}).detail == "consent-kind"
    assert client.put({**stored, "status": "draft"}).detail == "consent-status"
    assert system.put({**stored, "status": "draft"}).detail == "consent-status"
