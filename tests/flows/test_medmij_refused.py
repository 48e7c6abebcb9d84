"""What the door of MedMij refuses: wrong requests, other people's codes and tokens, and every way to name a client."""

import re
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from flows.client import Client, Demo, Reply
from flows.pgo import ALONG, CORRELATION, DISPENSED, TA, Pgo
from flows.visitor import Page, Visitor

from fhir_server.cli.demo_medmij import certificate
from fhir_server.oauth.grants import challenge_of

VERIFIER = "v" * 43
DENIED = {"error": "access_denied", "error_description": "nothing is collected", "state": "s&1=ü"}


@pytest.fixture(scope="module")
def pgo(sqlite_hub: Demo) -> Pgo:
    return Pgo(sqlite_hub)


@pytest.fixture(scope="module")
def token(pgo: Pgo) -> str:
    return str(pgo.exchange(pgo.code(scope="dienstapotheekwolddorp")).json["access_token"])


@pytest.fixture
def base(pgo: Pgo) -> str:
    return pgo.base(provider="dienstapotheekwolddorp")


def refused(page: Page) -> dict[str, str]:
    assert page.headers["location"].startswith("https://medmij.demo-pgo.example/callback?")
    return page.answer_of(302)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "medmij.other-pgo.example"},
        {"redirect_uri": None},
        {"redirect_uri": "http://medmij.demo-pgo.example/callback"},
        {"redirect_uri": "https://medmij.demo-pgo.example.evil.example/callback"},
        {"redirect_uri": "https://medmij.demo-pgo.example@evil.example/callback"},
        {"redirect_uri": "https://medmij.demo-pgo.example:8443/callback"},
        {"redirect_uri": "https://medmij.demo-pgo.example/callback?x=1"},
        {"redirect_uri": "https://medmij.demo-pgo.example/callback#x"},
    ],
)
def test_who_asks_and_where_it_is_answered_must_be_right(pgo: Pgo, changed: dict[str, str | None]) -> None:
    page = pgo.ask(**changed)
    assert page.status == 400
    assert "location" not in page.headers
    assert "evil" not in page.text
    assert "088-5550100" in page.text
    assert re.search(r"Trace ID: [0-9a-f]+", page.text)


def test_the_client_id_may_not_come_twice(pgo: Pgo) -> None:
    page = pgo.visitor.get(f"/medmij/authorize?{pgo.query()}&client_id={pgo.facts['client_id']}")
    assert page.status == 400


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"state": None}, "invalid_request"),
        ({"state": "s" * 2_001}, "invalid_request"),
        ({"scope": None}, "invalid_request"),
        ({"scope": "iemandanders"}, "invalid_scope"),
        ({"scope": "apotheekdelinde~9000000012"}, "invalid_scope"),
        ({"scope": "subscribe~30/apotheekdelinde~9000000012"}, "invalid_scope"),
        ({"scope": "apotheekdelinde onbehalfof"}, "invalid_scope"),
        ({"MedMij__Request__ID": "1"}, "invalid_request"),
        ({"MedMij__Request__ID": None}, "invalid_request"),
        ({"X__Correlation__ID": None}, "invalid_request"),
        ({"code_challenge": "x" * 43}, "invalid_request"),
    ],
)
def test_the_rest_is_told_to_the_pgo(pgo: Pgo, changed: dict[str, str | None], error: str) -> None:
    answer = refused(pgo.ask(**changed))
    assert answer["error"] == error
    detail = pgo.demo.rows("SELECT detail FROM audit_event WHERE interaction = 'authorize' ORDER BY recorded DESC LIMIT 1")[0][0]
    assert detail.split()[1:] == [pgo.facts["client_id"], error]
    assert answer.get("state") == (None if changed.get("state", "") != "" else "s&1=ü")


def test_a_long_state_comes_back(pgo: Pgo) -> None:
    page = pgo.ask(state="s" * 2_000)
    assert page.status == 200


def test_the_client_cancels(pgo: Pgo) -> None:
    page = pgo.ask()
    assert refused(pgo.visitor.send(page.form("/authorize"), ("step", "cancel"))) == DENIED
    page = pgo.visitor.follow(pgo.visitor.send(page.form("/authorize"), ("step", "login")))
    assert refused(pgo.visitor.send(page.form("/authorize"), ("step", "cancel"))) == DENIED


def test_the_pgo_cannot_tell_no_data_from_no(pgo: Pgo) -> None:
    page = pgo.log_in("Patient/other-client")  # no client of this pharmacy
    assert "heeft geen gegevens" in page.text
    assert refused(pgo.visitor.send(page.form("/authorize"), ("step", "deny"))) == DENIED
    page = pgo.log_in("RelatedPerson/daughter-marije")
    assert "niet bekend als cliënt" in page.text
    # Whoever says yes where nothing was asked gets no code.
    assert refused(pgo.visitor.send(page.form("/authorize"), ("step", "approve"))) == DENIED
    page = pgo.log_in()
    assert refused(pgo.visitor.send(page.form("/authorize"), ("step", "deny"))) == DENIED


def test_forms_come_from_our_pages_in_the_same_browser(pgo: Pgo) -> None:
    page = pgo.ask()
    form = page.form("/authorize")
    page = Visitor(pgo.demo.port).post(form.action, {**form.hidden, "step": "login"})
    assert page.status == 403
    assert f"Trace ID: {CORRELATION}" in page.text
    (link,) = [given["href"] for tag, given in page.tags if tag == "a" and "error" in given["href"]]
    assert link.startswith(f"{pgo.facts['redirect_uri']}?error=server_error&state=")
    assert pgo.visitor.post(form.action, {"csrf": "x", "step": "login"}).status == 403
    page = pgo.log_in()
    form = page.form("/authorize")
    assert pgo.visitor.post(form.action, {"csrf": "x", "step": "approve"}).status == 403
    assert pgo.visitor.post(form.action, form.hidden).answer_of(302)["error"] == "server_error"
    assert pgo.visitor.send(form, ("step", "approve")).status == 302
    assert pgo.visitor.send(form, ("step", "approve")).status == 403  # answered once


def test_who_was_logged_in_before_logs_in_for_this(pgo: Pgo) -> None:
    pgo.log_in()
    page = pgo.ask()
    page = pgo.visitor.follow(pgo.visitor.send(page.form("/authorize"), ("step", "login")))
    assert page.form("/login/development")


def test_a_ticket_is_for_one_request_and_one_browser(pgo: Pgo) -> None:
    page = pgo.log_in()
    other = pgo.visitor.get(page.form("/authorize").action.replace("scope=apotheekdelinde", "scope=netwerkdossier"))
    assert "wil uw gegevens ophalen" in other.text  # from the beginning
    assert "wil uw gegevens ophalen" in Visitor(pgo.demo.port).get(page.form("/authorize").action).text


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"redirect_uri": None}, 400, "invalid_request"),
        ({"redirect_uri": "https://medmij.demo-pgo.example/other"}, 400, "invalid_grant"),
        ({"client_id": "medmij.other-pgo.example"}, 401, "invalid_client"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"grant_type": "refresh_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": None}, 400, "invalid_request"),
    ],
)
def test_a_code_is_spent_when_it_is_shown(pgo: Pgo, changed: dict[str, str | None], status: int, error: str) -> None:
    code = pgo.code()
    reply = pgo.exchange(code, **changed)
    assert (reply.status, reply.json["error"]) == (status, error)
    assert reply.headers["cache-control"] == "no-store"
    assert pgo.exchange(code).json["error"] == "invalid_grant"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Client-Cert": "nonsense"},
        {"X-Client-Cert": certificate("medmij.other-pgo.example")},
        {"X-Client-Cert": certificate("medmij.demo-pgo.example.evil.example")},
    ],
)
def test_the_certificate_is_that_of_the_client(pgo: Pgo, headers: dict[str, str]) -> None:
    code = pgo.code()
    reply = pgo.exchange(code, headers=headers)
    assert (reply.status, reply.json["error"]) == (401, "invalid_client")
    assert pgo.exchange(code).json["error"] == "invalid_grant"


def test_a_challenge_holds_who_sends_one(pgo: Pgo) -> None:
    asked = {"code_challenge": challenge_of(VERIFIER), "code_challenge_method": "S256"}
    assert pgo.exchange(pgo.code(**asked)).json["error"] == "invalid_grant"
    assert pgo.exchange(pgo.code(**asked), code_verifier="w" * 43).json["error"] == "invalid_grant"
    assert pgo.exchange(pgo.code(**asked), code_verifier=VERIFIER).status == 200


def test_a_code_of_medmij_is_good_nowhere_else(pgo: Pgo) -> None:
    code, app = pgo.code(), pgo.demo.facts["clients"]["app"]["client_id"]
    form = {"grant_type": "authorization_code", "code": code, "client_id": app, "code_verifier": VERIFIER}
    body = urlencode({**form, "redirect_uri": pgo.facts["redirect_uri"]}).encode()
    reply = Client(pgo.demo.port).request("POST", "/oauth/token", body, Content_Type="application/x-www-form-urlencoded")
    assert reply.json["error"] == "invalid_grant"


def test_a_token_of_one_door_opens_no_other(pgo: Pgo, token: str, base: str) -> None:
    reply = Client(pgo.demo.port, token).get("Patient/ansje")
    assert (reply.status, reply.detail) == (401, "token-header")
    reply = pgo.demo.as_("client").get(f"{base}/{TA}")
    assert reply.status == 401
    assert 'error="invalid_token"' in reply.headers["www-authenticate"]
    assert pgo.demo.as_("system").get(f"{base}/{TA}").status == 401


def test_no_token_and_a_bad_one(pgo: Pgo, base: str) -> None:
    missing = Client(pgo.demo.port).get(f"{base}/{TA}")
    assert missing.status == 401
    assert "error=" not in missing.headers["www-authenticate"]
    bad = pgo.collect("x", TA, base)
    assert bad.status == 401
    assert 'error="invalid_token"' in bad.headers["www-authenticate"]
    assert Client(pgo.demo.port).get(f"{base}/metadata").json["kind"] == "instance"
    assert Client(pgo.demo.port).get("/medmij/nobody/9000000012/fhir/metadata").status == 404


def test_a_token_is_for_one_provider_and_its_services(pgo: Pgo, token: str) -> None:
    for base in (pgo.base(), pgo.base("9000000011", "huisartsenpraktijkhetwold"), pgo.base("9000000021", "netwerkdossier")):
        reply = pgo.collect(token, TA, base)  # just what the first of them answers
        assert reply.status == 403
        assert reply.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
        assert reply.json["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    "named",
    [
        "patient=Patient/other-client", "patient=ansje", "subject=Patient/other-client", "subject:Patient=other-client",
        "patient.identifier=999990019", "subject:identifier=x", "identifier=999990019",
        f"identifier={quote('http://fhir.nl/fhir/NamingSystem/bsn|999990019')}", "identifier=x|y,z|999990019",
    ],
)  # fmt: skip
def test_nobody_is_named(pgo: Pgo, token: str, base: str, named: str) -> None:
    reply = pgo.collect(token, f"{TA}&{named}", base)
    assert reply.status == 400
    assert reply.headers["www-authenticate"] == 'Bearer error="invalid_request"'
    assert b"999990019" not in reply.body


@pytest.mark.parametrize(
    ("what", "status"),
    [
        (f"MedicationDispense?category={quote('http://snomed.info/sct|373784005')}", 403),
        (f"{TA},{quote('http://snomed.info/sct|373784005')}", 403),
        ("MedicationRequest", 403),
        ("Observation?code=x", 403),
        ("Patient", 403),
        ("Patient/ansje/$everything", 403),
        ("Patient/ansje/_history", 403),
        ("Patient/ansje/MedicationDispense", 403),
        (f"{TA}&_revinclude=Provenance:target", 400),
        (f"{TA}&_include=*", 400),
        (f"{TA}&_include=MedicationDispense:prescription", 400),
        (f"{TA}&_include:iterate=Patient:general-practitioner", 400),
        (f"{TA}&_summary=count", 400),
        (f"{TA}&_count=0", 400),
        (f"{TA}&_total=accurate", 400),
        (f"{TA}&performer=Organization/x", 400),
        ("Patient/other-client", 404),
        ("Organization/practice-elders", 404),
        ("Medication/ff.nothing", 404),
    ],
)
def test_only_what_the_service_is_for(pgo: Pgo, token: str, base: str, what: str, status: int) -> None:
    reply = pgo.collect(token, what, base)
    assert reply.status == status, reply.body
    assert reply.json["resourceType"] == "OperationOutcome"
    lenient = pgo.collect(token, what, base, Prefer="handling=lenient")
    assert lenient.status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_is_written(pgo: Pgo, token: str, base: str, method: str) -> None:
    for place in ("MedicationDispense", "Patient/ansje", "MedicationDispense/_search", ""):
        reply = Client(pgo.demo.port, token).request(method, f"{base}/{place}", {"resourceType": "Patient", "id": "ansje"})
        assert reply.status in {403, 404, 405}, (method, place, reply.status)
        assert reply.json["resourceType"] == "OperationOutcome"


def test_a_foreign_id_is_as_one_that_is_not_there(pgo: Pgo, token: str, base: str) -> None:
    theirs = pgo.demo.as_("system").get("MedicationDispense?patient=Patient/other-client").json.get("entry", [])
    gp = pgo.demo.as_("gp").get("MedicationDispense?patient=Patient/ansje").json["entry"]
    other_pharmacy = [each["resource"]["id"] for each in gp if each["search"]["mode"] == "match"]
    mine = {each["fullUrl"].rpartition("/")[2] for each in pgo.collect(token, TA, base).json["entry"]}
    foreign = [each["resource"]["id"] for each in theirs] + [each for each in other_pharmacy if each not in mine]
    assert foreign
    answers = {_told(pgo.collect(token, f"MedicationDispense/{id_}", base)) for id_ in [*foreign, "ff.none", "none"]}
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404


def _told(reply: Reply) -> tuple[int, str, str]:
    return reply.status, reply.json["issue"][0]["code"], reply.detail


def test_another_version_of_fhir_is_refused(pgo: Pgo, token: str, base: str) -> None:
    reply = pgo.collect(token, TA, base, Accept="application/fhir+json; fhirVersion=3.0")
    assert reply.status == 406
    assert reply.json["resourceType"] == "OperationOutcome"
    assert "FHIR 4.0" in reply.json["issue"][0]["details"]["text"]
    assert pgo.collect(token, TA, base, Accept="application/dicom").status == 406


def test_a_page_belongs_to_the_service_that_gave_it(pgo: Pgo, token: str, base: str) -> None:
    given = pgo.exchange(pgo.code()).json["access_token"]
    page = pgo.collect(given, TA + ALONG + "&_count=1").json
    (following,) = [link["url"] for link in page["link"] if link["relation"] == "next"]
    sealed = following.rpartition("_page=")[2]
    assert pgo.collect(given, f"MedicationDispense?_page={sealed}").status == 200
    assert pgo.collect(token, f"MedicationDispense?_page={sealed}", base).status == 404
    assert pgo.demo.as_("client").get(f"MedicationDispense?_page={sealed}").status in {400, 403, 410}


def test_refusals_are_in_the_record(pgo: Pgo, token: str, base: str) -> None:
    trace = "0d5f7a3c-6a5e-4a56-9a3d-3b1f0c6e7d11"
    pgo.collect(token, "Observation?code=x", base, X_Correlation_ID=trace)
    pgo.collect("x", TA, base, X_Correlation_ID=trace)
    found: list[tuple[Any, ...]] = pgo.demo.rows(
        f"SELECT role, status, detail FROM audit_event WHERE trace LIKE '{trace.replace('-', '')}-%' ORDER BY status"
    )
    assert [(role, status) for role, status, _ in found] == [("", 401), ("pgo", 403)]
    assert {detail for _, _, detail in found} == {f"service:dienstapotheekwolddorp/{DISPENSED}"}
