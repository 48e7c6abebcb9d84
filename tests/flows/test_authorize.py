"""From an authorization request to a code, and with it to FHIR, over HTTP on both engines."""

import json
from base64 import urlsafe_b64decode

import pytest
from flows.client import Client
from flows.pages import BACK, EVIL, Hub
from flows.visitor import Visitor

from fhir_server.oauth.store import hashed

GP, NURSE, DAUGHTER, CLIENT = "Practitioner/gp-harmsen", "Practitioner/nurse-two", "RelatedPerson/daughter-marije", "Patient/ansje"


def consent(visitor: Visitor, page: object, *, without: str = "") -> dict[str, str]:
    return visitor.send(page.form("/authorize"), ("step", "approve"), without=without).answer  # type: ignore[attr-defined]


def test_somebody_logs_in_consents_and_the_app_reads_their_task(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, DAUGHTER, "openid fhirUser launch/patient offline_access patient/*.rs", nonce="n")
    assert page.status == 200
    assert "Marije Veenstra" in page.text
    assert "Ansje Veenstra" in page.text
    assert "Berichten lezen" in page.text
    assert "Berichten schrijven" not in page.text
    sent = visitor.send(page.form("/authorize"), ("step", "approve"))
    assert sent.location.startswith(f"{BACK}?")
    answer = sent.answer
    assert (answer["state"], answer["iss"], answer.keys()) == ("s-1", pages_hub.root, {"code", "state", "iss"})
    tokens = pages_hub.tokens(answer["code"]).json
    assert (tokens["patient"], tokens["scope"]) == ("ansje", "openid fhirUser launch/patient offline_access patient/*.rs")
    assert "refresh_token" in tokens
    found = Client(pages_hub.port, tokens["access_token"]).get("CommunicationRequest?patient=Patient/ansje")
    assert found.ids() == ["CommunicationRequest/thread-tablets"]


def test_what_is_switched_off_is_not_in_the_token(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor("en")
    page = pages_hub.log_in(visitor, GP, "launch/patient patient/Task.rs patient/Communication.crs")
    assert page.form("/authorize").choices == {"grant": ["messages.read", "messages.write", "tasks.read"]}
    assert "Write messages" in page.text
    tokens = pages_hub.tokens(consent(visitor, page, without="messages.write")["code"]).json
    assert tokens["scope"] == "launch/patient patient/Task.rs patient/Communication.rs"


def test_a_no_is_told_to_the_app_and_recorded(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, GP)
    answer = visitor.send(page.form("/authorize"), ("step", "deny")).answer
    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "s-1", pages_hub.root)
    assert (GP, 403, "denied") in pages_hub.server.lines("authorize", "app")


def test_everything_switched_off_asks_again(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    form = pages_hub.log_in(visitor, GP).form("/authorize")
    form.on.clear()
    page = visitor.send(form, ("step", "approve"))
    assert page.status == 400
    assert 'role="alert"' in page.text


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"aud": "https://elsewhere.test/fhir"}, "invalid_request"),
        ({"scope": "system/*.rs"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"prompt": "none"}, "login_required"),
        ({"prompt": "maybe"}, "invalid_request"),
    ],
)
def test_a_bad_request_goes_back_to_the_app(pages_hub: Hub, changed: dict[str, str | None], error: str) -> None:
    answer = pages_hub.ask(pages_hub.visitor(), **changed).answer
    assert (answer["error"], answer["state"], answer["iss"]) == (error, "s-1", pages_hub.root)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": None},
        {"client_id": "nobody"},
        {"client_id": "backend"},
        {"redirect_uri": None},
        {"redirect_uri": "https://evil.test/"},
        {"redirect_uri": "https://small.test/"},
        {"redirect_uri": f"{BACK}/../evil"},
    ],
)
def test_nobody_is_sent_to_an_unknown_place(pages_hub: Hub, changed: dict[str, str | None]) -> None:
    page = pages_hub.ask(pages_hub.visitor(), **changed)
    assert page.status == 400
    assert "location" not in page.headers
    assert "evil" not in page.text


def test_a_posted_request_is_read_too(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = visitor.follow(visitor.post("/oauth/authorize", [tuple(each.split("=")) for each in ["client_id=nobody", "state=x"]]))
    assert page.status == 400


def test_a_professional_with_several_dossiers_chooses_one(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, NURSE)
    (choosing,) = [form for form in page.forms if "patient" in form.choices]
    assert sorted(choosing.choices["patient"]) == ["Patient/ansje", "Patient/other-client"]
    page = visitor.send(choosing, ("patient", "Patient/other-client"))
    assert "Gerrit Oostra" in page.text
    assert pages_hub.tokens(consent(visitor, page)["code"]).json["patient"] == "other-client"


def test_a_dossier_of_somebody_else_cannot_be_chosen(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    form = pages_hub.log_in(visitor, GP).form("/authorize")
    form.hidden["patient"] = "Patient/other-client"
    assert pages_hub.tokens(visitor.send(form, ("step", "approve")).answer["code"]).json["patient"] == "ansje"


def test_a_client_opens_the_own_dossier_also_when_they_help_somebody_else(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, CLIENT)
    assert "Gerrit" not in page.text
    form = page.form("/authorize")
    form.hidden["patient"] = "Patient/other-client"
    assert pages_hub.tokens(visitor.send(form, ("step", "approve")).answer["code"]).json["patient"] == "ansje"


def test_prompt_none_with_a_choice_to_make_is_refused(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    pages_hub.log_in(visitor, NURSE)
    assert pages_hub.ask(visitor, prompt="none").answer["error"] == "interaction_required"


def test_consent_is_remembered_for_as_much_and_no_more(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, CLIENT, "launch/patient patient/Task.rs patient/Consent.rs")
    consent(visitor, page)
    assert "code" in pages_hub.ask(visitor, "launch/patient patient/Task.r").answer
    assert "code" in pages_hub.ask(visitor, "launch/patient patient/Task.r", prompt="none").answer
    assert pages_hub.ask(visitor, "launch/patient patient/Task.cruds patient/Appointment.rs").status == 200
    assert pages_hub.ask(visitor, "launch/patient patient/Task.r", prompt="consent").status == 200
    assert pages_hub.ask(visitor, "patient/Communication.r", prompt="none").answer["error"] == "consent_required"
    # on a device, any program can listen at a loopback address: there the person is always asked
    native = {"redirect_uri": "http://127.0.0.1:5123/native"}
    assert pages_hub.ask(visitor, "launch/patient patient/Task.r", **native).status == 200


def test_what_was_switched_off_later_is_taken_away(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    scope = "launch/patient offline_access patient/Task.rs patient/Communication.rs"
    page = pages_hub.log_in(visitor, "Practitioner/nurse-dijkema", scope)
    tokens = pages_hub.tokens(consent(visitor, page)["code"]).json
    page = pages_hub.ask(visitor, scope, prompt="consent")
    consent(visitor, page, without="messages.read")
    assert pages_hub.server.refresh(tokens["refresh_token"]).status == 400
    page = pages_hub.ask(visitor, scope)
    assert page.form("/authorize").on == [("grant", "tasks.read"), ("grant", "offline")]


def test_a_person_sees_and_withdraws_what_they_consented_to(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, "Practitioner/pharmacist-bos", "launch/patient offline_access patient/Task.rs")
    tokens = pages_hub.tokens(consent(visitor, page)["code"]).json
    assert Client(pages_hub.port, tokens["access_token"]).get("Task").status == 200
    page = visitor.get("/oauth/apps")
    assert "Ansje Veenstra" in page.text
    assert "Taken zien" in page.text
    page = visitor.follow(visitor.send(page.form("/apps")))
    assert "ingetrokken" in page.text
    assert not [form for form in page.forms if form.action == "/oauth/apps"]
    assert Client(pages_hub.port, tokens["access_token"]).get("Task").status == 401
    assert pages_hub.server.refresh(tokens["refresh_token"]).status == 400
    assert pages_hub.ask(visitor, "launch/patient patient/Task.rs").status == 200
    assert ("Practitioner/pharmacist-bos", 200, "withdrawn") in pages_hub.server.lines("authorize", "app")


def test_logging_out_ends_the_log_in_and_its_tokens(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, GP, "launch/patient online_access patient/Task.rs")
    tokens = pages_hub.tokens(consent(visitor, page)["code"]).json
    before = dict(visitor.jar)
    done = visitor.send(visitor.get("/oauth/logout").form("/logout"))
    assert "U bent uitgelogd" in done.text
    assert "hub-session" not in visitor.jar
    visitor.jar = before
    assert "/login/development" in visitor.get("/oauth/apps").text
    assert Client(pages_hub.port, tokens["access_token"]).get("Task").status == 401


def test_a_log_in_gets_a_cookie_that_nobody_had_before(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    visitor.jar["hub-session"] = "planted"
    pages_hub.log_in(visitor, GP)
    first = visitor.jar["hub-session"]
    assert first != "planted"
    assert len(first) == 43
    pages_hub.log_in(visitor, GP, prompt="login")
    assert visitor.jar["hub-session"] != first
    assert "login" not in visitor.jar
    other = pages_hub.visitor()
    other.jar["hub-session"] = first
    assert "/login/development" in pages_hub.ask(other).text
    database = pages_hub.server.settings.database
    if database.startswith("sqlite"):
        import pathlib

        folder = pathlib.Path(database.removeprefix("sqlite:///")).parent
        content = b"".join(each.read_bytes() for each in folder.glob("hub.db*"))
        assert hashed(visitor.jar["hub-session"]).encode() in content
        assert visitor.jar["hub-session"].encode() not in content


@pytest.mark.parametrize("changed", [{"max_age": "0"}, {"prompt": "login"}, {"prompt": "select_account"}])
def test_a_fresh_log_in_can_be_asked_for(pages_hub: Hub, changed: dict[str, str]) -> None:
    import time

    visitor = pages_hub.visitor()
    pages_hub.log_in(visitor, GP)
    if "max_age" in changed:
        time.sleep(0.01)
    page = pages_hub.ask(visitor, **changed)
    assert "/login/development" in page.text
    page = visitor.follow(visitor.send(page.form("/login/development"), ("reference", GP)))
    assert "grant" in page.form("/authorize").choices


@pytest.mark.parametrize("path", ["/oauth/authorize?{query}", "/oauth/apps", "/oauth/logout", "/oauth/login/development"])
def test_a_form_from_elsewhere_is_not_believed(pages_hub: Hub, path: str) -> None:
    visitor = pages_hub.visitor()
    pages_hub.log_in(visitor, GP)
    for token in ("", "guess", "é"):
        fields = {"csrf": token, "step": "approve", "grant": "tasks.read", "client": "app", "reference": GP}
        assert visitor.post(path.format(query=pages_hub.query()), fields).status == 403
    assert visitor.post(path.format(query=pages_hub.query()), {"csrf": ""}, Content_Type="text/plain").status == 415
    assert visitor.post(path.format(query=pages_hub.query()), {"csrf": "x" * 70_000}).status == 413


@pytest.mark.parametrize("person", ["Practitioner/away", "Practitioner/nobody", "Device/platform", "Patient", "", "' OR 1=1"])
def test_whoever_takes_no_part_cannot_log_in(pages_hub: Hub, person: str) -> None:
    page = pages_hub.log_in(pages_hub.visitor(), person)
    assert page.status == 401
    assert "niet bekend" in page.text
    assert ("", 401, "") in pages_hub.server.lines("login", "")


def test_names_of_apps_and_people_are_text(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    login = pages_hub.ask(visitor)
    page = pages_hub.log_in(visitor, "Practitioner/evil")
    for shown in (login.text, page.text):
        assert EVIL not in shown
        assert "&lt;script&gt;" in shown
        assert "<script" not in shown
    for each in (login, page):
        assert "frame-ancestors 'none'" in each.headers["content-security-policy"]
        assert each.headers["x-frame-options"] == "DENY"


def test_the_login_page_says_that_it_is_for_testing(pages_hub: Hub) -> None:
    page = pages_hub.ask(pages_hub.visitor("en"))
    assert "This is a test login. There is no password." in page.text
    assert "Ina Harmsen" in page.text
    assert "Zorg &lt;b&gt;ID&lt;/b&gt;" in page.text
    assert ("html", {"lang": "en"}) in page.tags


def launch(hub: Hub, token: str, body: object) -> tuple[int, dict[str, str]]:
    reply = Client(hub.port, token).request("POST", "/oauth/launch", json.dumps(body).encode())
    return reply.status, reply.json


def token(hub: Hub, person: str, role: str) -> str:
    from fhir_server import bootstrap

    return bootstrap.token_for(hub.server.settings, person, role, ttl=60, at=bootstrap.now())


def test_a_launch_gives_the_patient_once_to_its_user(pages_hub: Hub) -> None:
    status, made = launch(pages_hub, token(pages_hub, "Device/platform", "system"), {"patient": CLIENT, "user": NURSE})
    assert status == 201
    scope = "launch patient/Task.rs"
    other = pages_hub.log_in(pages_hub.visitor(), "Practitioner/evil", scope, launch=made["launch"])
    assert other.answer["error"] == "invalid_request"
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, NURSE, scope, launch=made["launch"])
    assert "Ansje Veenstra" in page.text
    assert pages_hub.tokens(consent(visitor, page)["code"]).json["patient"] == "ansje"
    assert pages_hub.ask(visitor, scope, launch=made["launch"]).answer["error"] == "invalid_request"
    assert pages_hub.ask(visitor, scope, launch="made-up").answer["error"] == "invalid_request"


@pytest.mark.parametrize(
    ("person", "role", "body", "status"),
    [
        (GP, "practitioner", {"patient": CLIENT}, 201),
        (GP, "practitioner", {"patient": CLIENT, "user": NURSE}, 403),
        (GP, "practitioner", {"patient": "Patient/other-client"}, 403),
        ("Device/platform", "system", {"patient": CLIENT}, 400),
        ("Device/platform", "system", {"patient": "Patient/nobody", "user": GP}, 403),
        ("Device/platform", "system", {"patient": CLIENT, "user": "Practitioner/away"}, 403),
        ("Device/platform", "system", {"patient": "Task/x", "user": GP}, 400),
        ("Device/platform", "system", [1], 400),
        (DAUGHTER, "related-person", {"patient": CLIENT}, 403),
        (CLIENT, "patient", {"patient": CLIENT}, 403),
    ],
)
def test_who_may_launch_what(pages_hub: Hub, person: str, role: str, body: object, status: int) -> None:
    assert launch(pages_hub, token(pages_hub, person, role), body)[0] == status


def test_a_launch_needs_a_token(pages_hub: Hub) -> None:
    assert launch(pages_hub, "nonsense", {"patient": CLIENT})[0] == 401


def test_an_id_token_tells_who_logged_in(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = pages_hub.log_in(visitor, CLIENT, "openid fhirUser", nonce="n-2")
    answer = consent(visitor, page)
    part = pages_hub.tokens(answer["code"]).json["id_token"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert (claims["nonce"], claims["sub"]) == ("n-2", CLIENT)
