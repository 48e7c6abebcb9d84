"""A client collects with a PGO, on the wire: from the page that says who asks to the record of what was fetched."""

import json
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from flows.client import Demo
from flows.pgo import ALONG, CORRELATION, DISPENSED, TA, Pgo
from lxml import etree

BSN = b"999990019"
NETWORK = "9000000021"


@pytest.fixture(scope="module")
def pgo(hub: Demo) -> Pgo:
    return Pgo(hub)


@pytest.fixture(scope="module")
def given(pgo: Pgo) -> dict[str, Any]:
    """Return what the token endpoint gave for a consent of indefinite time."""
    reply = pgo.exchange(pgo.code(("indefinite", "yes")))
    assert reply.status == 200, reply.body
    assert reply.headers["cache-control"] == "no-store"
    found: dict[str, Any] = reply.json
    return found


def test_the_pages_and_what_they_lead_to(pgo: Pgo) -> None:
    page = pgo.ask()
    assert "Demo-PGO wil uw gegevens ophalen bij Apotheek De Linde" in page.text
    assert page.headers["x-frame-options"] == "DENY"
    page = pgo.log_in()
    assert "<h1>Toestemming geven</h1>" in page.text
    form = page.form("/authorize")
    assert form.choices == {"indefinite": ["yes"]}
    assert form.on == []  # not ticked
    answer = pgo.visitor.send(form, ("step", "approve"))
    assert answer.headers["location"].startswith(pgo.facts["redirect_uri"] + "?")
    assert answer.answer_of(302)["state"] == "s&1=ü"
    assert set(answer.answer_of(302)) == {"code", "state"}


def test_once_is_without_a_refresh_token(pgo: Pgo) -> None:
    reply = pgo.exchange(pgo.code()).json
    assert (reply["token_type"], reply["expires_in"], reply["scope"]) == ("Bearer", 900, DISPENSED)
    assert set(reply) == {"access_token", "token_type", "expires_in", "scope"}


def test_what_was_dispensed_is_collected(pgo: Pgo, given: dict[str, Any]) -> None:
    reply = pgo.collect(given["access_token"], TA + ALONG, Accept="application/fhir+json; fhirVersion=4.0")
    assert reply.status == 200, reply.body
    assert reply.headers["content-type"] == "application/fhir+json; charset=utf-8; fhirVersion=4.0"
    bundle = reply.json
    matches = [entry for entry in bundle["entry"] if entry["search"]["mode"] == "match"]
    assert bundle["total"] == len(matches) > 1
    assert BSN not in reply.body
    assert [link["relation"] for link in bundle["link"]] == ["self"]
    for part in (TA + ALONG).partition("?")[2].split("&"):
        assert part.replace("%3A", ":").replace("%2F", "/").replace("%7C", "|") in bundle["link"][0]["url"]
    kinds = {entry["resource"]["resourceType"] for entry in bundle["entry"]}
    assert {"MedicationDispense", "Medication", "Patient", "Organization"} <= kinds
    assert {name.rpartition("#")[0] for name in _sources(matches)} != set()


def _sources(entries: list[dict[str, Any]]) -> Iterator[str]:
    return (entry["resource"]["meta"]["source"] for entry in entries)


def test_the_service_narrows_by_itself(pgo: Pgo, given: dict[str, Any]) -> None:
    assert set(pgo.facts) == {
        "authorize", "token", "client_id", "redirect_uri", "provider", "person", "token_headers", "services"
    }  # fmt: skip
    whole = pgo.collect(given["access_token"], "MedicationDispense")
    assert whole.ids() == pgo.collect(given["access_token"], TA).ids()
    assert whole.json["link"][0]["url"].endswith("/MedicationDispense")


def test_each_provider_gives_what_is_its_own(pgo: Pgo, given: dict[str, Any]) -> None:
    night = pgo.exchange(pgo.code(scope="dienstapotheekwolddorp@medmij".removesuffix("@medmij"))).json["access_token"]
    mine = {entry["fullUrl"].rpartition("/")[2] for entry in pgo.collect(given["access_token"], TA).json["entry"]}
    base = pgo.base(provider="dienstapotheekwolddorp")
    theirs = {entry["fullUrl"].rpartition("/")[2] for entry in pgo.collect(night, TA, base).json["entry"]}
    assert mine
    assert theirs
    assert not mine & theirs
    for id_ in theirs:
        assert pgo.collect(given["access_token"], f"MedicationDispense/{id_}").status == 404
    assert pgo.collect(night, TA).status == 403


def test_what_came_along_is_read_one_by_one(pgo: Pgo, given: dict[str, Any]) -> None:
    entries = pgo.collect(given["access_token"], TA + ALONG).json["entry"]
    for entry in entries[:3] + entries[-3:]:
        resource = entry["resource"]
        reply = pgo.collect(given["access_token"], f"{resource['resourceType']}/{resource['id']}")
        assert reply.status == 200, reply.body
        assert BSN not in reply.body


def test_both_formats_and_pages(pgo: Pgo, given: dict[str, Any]) -> None:
    reply = pgo.collect(given["access_token"], TA + ALONG, Accept="application/fhir+xml")
    assert etree.fromstring(reply.body).tag == "{http://hl7.org/fhir}Bundle"
    assert BSN not in reply.body
    page = pgo.collect(given["access_token"], TA + "&_count=2").json
    assert "total" not in page
    found = [entry["fullUrl"] for entry in page["entry"]]
    while following := [link["url"] for link in page["link"] if link["relation"] == "next"]:
        page = pgo.collect(given["access_token"], following[0].partition("/fhir/")[2]).json
        assert "total" not in page
        found += [entry["fullUrl"] for entry in page["entry"]]
    assert sorted(found) == sorted(entry["fullUrl"] for entry in pgo.collect(given["access_token"], TA).json["entry"])


def test_filters_narrow_what_is_collected(pgo: Pgo, given: dict[str, Any]) -> None:
    token = given["access_token"]
    bundle = pgo.collect(token, TA + ALONG)
    found = [each for each in bundle.resources if each["resourceType"] == "MedicationDispense"]
    (identifier,) = found[0]["identifier"]
    extensions = {each["url"].rpartition("/")[2]: each for each in found[0]["extension"]}
    treatment = extensions["ext-PharmaceuticalTreatment.Identifier"]["valueIdentifier"]
    codes = [
        coding for each in bundle.resources if each["resourceType"] == "Medication" for coding in each["code"].get("coding", ())
    ]
    for name, value in (
        ("identifier", f"{identifier['system']}|{identifier['value']}"),
        ("pharmaceutical-treatment-identifier", f"{treatment['system']}|{treatment['value']}"),
        ("medication.code", f"{codes[0]['system']}|{codes[0]['code']}"),
        ("period-of-use", "ge1900-01-01"),
    ):
        some = pgo.collect(token, f"{TA}&{name}={quote(value)}")
        assert some.status == 200, some.body
        assert 0 < some.json["total"] <= len(found), name
        none = pgo.collect(token, f"{TA}&{name}={quote('lt1900-01-01' if name == 'period-of-use' else value + 'x')}")
        assert none.json["total"] < some.json["total"], name


def test_the_network_is_collected_from_the_own_store(pgo: Pgo) -> None:
    given = pgo.exchange(pgo.code(scope="netwerkdossier")).json
    assert given["scope"] == f"{NETWORK} 9000000022"
    token, base = given["access_token"], pgo.base(NETWORK, "netwerkdossier")
    team = pgo.collect(token, "CareTeam?_include=CareTeam:participant", base)
    assert team.ids() == ["CareTeam/network-ansje"]
    assert "RelatedPerson/daughter-marije" in team.ids("include")
    assert pgo.collect(token, "Patient", base).ids() == ["Patient/ansje"]
    assert BSN not in pgo.collect(token, "Patient", base).body
    messages = pgo.base("9000000022", "netwerkdossier")
    assert pgo.collect(token, "CommunicationRequest", messages).json["total"] >= 1
    assert pgo.collect(token, "CareTeam", messages).status == 403
    for other in ("Patient/other-client", "CareTeam/network-other", "Practitioner/gp-elders"):
        assert pgo.collect(token, other, base).status == 404, other


def test_the_client_sees_what_was_fetched(pgo: Pgo, given: dict[str, Any]) -> None:
    correlation = str(uuid.uuid4())
    request = str(uuid.uuid4())
    reply = pgo.collect(given["access_token"], TA, X_Correlation_ID=correlation, MedMij_Request_ID=request)
    assert reply.headers["medmij-request-id"] == request
    trace = correlation.replace("-", "")
    rows = pgo.demo.rows(f"SELECT actor, role, client, dossier, detail, status FROM audit_event WHERE trace LIKE '{trace}-%'")
    assert len(rows) == 1
    actor, role, client, dossier, detail, status = rows[0]
    assert (actor, role, client, dossier, status) == ("Patient/ansje", "pgo", pgo.facts["client_id"], "Patient/ansje", 200)
    assert detail.split()[0] == f"service:{pgo.facts['provider']}/{DISPENSED}"
    events = pgo.demo.as_("client").get("AuditEvent?_count=100&_sort=-date").resources
    details = [each for event in events for entity in event.get("entity", ()) for each in entity.get("detail", ())]
    assert {"type": "data-service", "valueString": f"{pgo.facts['provider']}/{DISPENSED}"} in details
    log = pgo.demo.as_("client").get("Patient/ansje/$access-log?_count=100")
    assert log.status == 200
    entries = [{part["name"]: next(iter(v for k, v in part.items() if k != "name")) for part in each["part"]}
               for each in log.json["parameter"] if each["name"] == "entry"]  # fmt: skip
    mine = [each for each in entries if each["role"] == "persoonlijke gezondheidsomgeving"]
    assert mine
    assert {each["organisation"] for each in mine} == {pgo.facts["client_id"]}


def test_each_code_and_refresh_token_is_used_once(pgo: Pgo) -> None:
    code = pgo.code(("indefinite", "yes"))
    first = pgo.exchange(code).json
    second = pgo.refresh(first["refresh_token"]).json
    assert second["refresh_token"] != first["refresh_token"]
    assert pgo.collect(second["access_token"], TA).status == 200
    assert pgo.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert pgo.refresh(second["refresh_token"]).json["error"] == "invalid_grant"  # the family is over
    assert pgo.collect(second["access_token"], TA).status == 401

    code = pgo.code(("indefinite", "yes"))
    tokens = pgo.exchange(code).json
    assert pgo.exchange(code).json["error"] == "invalid_grant"
    assert pgo.refresh(tokens["refresh_token"]).status == 400
    assert pgo.collect(tokens["access_token"], TA).status == 401


def test_the_client_takes_it_back(hub: Demo) -> None:
    pgo = Pgo(hub)
    tokens = pgo.exchange(pgo.code(("indefinite", "yes"))).json
    page = pgo.visitor.get("/oauth/apps")
    assert "Demo-PGO, Apotheek De Linde" in page.text
    assert "Toedieningsafspraken" in page.text
    (form,) = [each for each in page.forms if each.hidden.get("client", "").endswith("/apotheekdelinde")]
    assert pgo.visitor.send(form).status == 303
    assert pgo.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    assert pgo.collect(tokens["access_token"], TA).status == 401
    assert "Apotheek De Linde" not in pgo.visitor.get("/oauth/apps").text


def test_saying_no_takes_back_what_was_given(hub: Demo) -> None:
    pgo = Pgo(hub)
    tokens = pgo.exchange(pgo.code(("indefinite", "yes"))).json
    page = pgo.log_in()
    answer = pgo.visitor.send(page.form("/authorize"), ("step", "deny")).answer_of(302)
    assert answer["error"] == "access_denied"
    assert pgo.collect(tokens["access_token"], TA).status == 401


def test_a_line_tells_of_consent_and_token(pgo: Pgo, given: dict[str, Any]) -> None:
    assert given["refresh_token"]
    found = pgo.demo.rows(
        "SELECT interaction, status, client, detail FROM audit_event"
        " WHERE interaction IN ('authorize', 'token') AND detail LIKE '%service:%'"
    )
    assert {(interaction, status) for interaction, status, *_ in found} >= {("token", 200), ("authorize", 200)}
    assert {client for _, status, client, _ in found if status == 200} == {pgo.facts["client_id"]}
    assert any(detail == f"service:{pgo.facts['provider']} trace:{CORRELATION} consent" for *_, detail in found)
    assert not any(given["refresh_token"] in json.dumps(row) or given["access_token"] in json.dumps(row) for row in found)
