"""The token endpoint over HTTP, on both engines: each grant as it should be, and everything that must not work."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from flows.authorization import PERSON, SECRET, Authorization, basic, claims_of, good, oauth, refused
from flows.client import Client

from fhir_server import bootstrap
from fhir_server.oauth.store import SECOND

__all__ = ["oauth"]


def test_a_code_gives_what_was_granted(oauth: Authorization) -> None:
    reply = oauth.exchange(oauth.code())
    assert (reply.status, reply.headers["cache-control"], reply.headers["pragma"]) == (200, "no-store", "no-cache")
    body = reply.json
    assert {name: body[name] for name in body if not name.endswith("token")} == {
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "openid fhirUser launch/patient offline_access user/Patient.rs user/Task.crs",
        "patient": "c",
        "need_patient_banner": True,
    }
    claims = claims_of(body["access_token"])
    assert {name: claims[name] for name in claims if name not in {"iat", "exp", "jti", "iss", "aud", "auth_time"}} == {
        "sub": "Practitioner/p",
        "fhirUser": "Practitioner/p",
        "role": "practitioner",
        "scope": body["scope"],
        "patient": "c",
        "purpose": "TREAT",
        "organization": "Organization/o",
        "client_id": "app",
    }
    assert claims["exp"] - claims["iat"] == 900
    identity = claims_of(body["id_token"])
    assert (identity["aud"], identity["nonce"], identity["sub"]) == ("app", "n-1", "Practitioner/p")
    assert identity["fhirUser"] == f"{oauth.settings.base}/Practitioner/p"
    assert good(oauth, body["access_token"])
    assert not good(oauth, body["id_token"])
    assert ("Practitioner/p", 200, "authorization_code") in oauth.lines("token", "app")


def test_a_code_is_good_once_and_takes_its_tokens_with_it(oauth: Authorization) -> None:
    code = oauth.code()
    first = oauth.exchange(code).json
    assert good(oauth, first["access_token"])
    assert refused(oauth.exchange(code), "invalid_grant")
    assert not good(oauth, first["access_token"])
    assert refused(oauth.refresh(first["refresh_token"]), "invalid_grant")
    assert ("", 400, "authorization_code invalid_grant reused") in oauth.lines("token", "app")


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_request"),
        ({"redirect_uri": "https://app.test/back/"}, "invalid_grant"),
        ({"redirect_uri": ""}, "invalid_request"),
        ({"client_id": "other"}, "invalid_grant"),
        ({"client_id": "portal"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": "guard"}, "invalid_client"),
        ({"code": "unknown"}, "invalid_grant"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"client_secret": "x"}, "invalid_request"),
    ],
)
def test_a_code_is_for_who_asked_for_it(oauth: Authorization, changed: dict[str, str], error: str) -> None:
    reply = oauth.exchange(
        **{"code": oauth.code(), **{("client" if name == "client_id" else name): changed[name] for name in changed}}
    )
    assert refused(reply, error, 401 if error == "invalid_client" else 400)


def test_a_code_expires(oauth: Authorization) -> None:
    assert refused(oauth.exchange(oauth.code(lifetime=0)), "invalid_grant")


def test_another_clients_attempt_does_not_use_up_the_code(oauth: Authorization) -> None:
    code = oauth.code()
    assert refused(oauth.exchange(code, "other"), "invalid_grant")
    assert oauth.exchange(code).status == 200


def test_of_many_exchanges_of_one_code_one_wins(oauth: Authorization) -> None:
    code = oauth.code()
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: oauth.exchange(code), range(8)))
    assert sorted(reply.status for reply in replies) == [200] + [400] * 7


def test_a_person_gets_no_more_than_the_client_may_have(oauth: Authorization) -> None:
    granted = replace(PERSON, scope="openid user/Patient.cruds user/Task.cruds system/*.rs user/*.s fhirUser")
    assert oauth.exchange(oauth.code(granted)).json["scope"] == "openid user/Patient.rs user/Task.cruds user/*.s fhirUser"


def test_a_refresh_token_goes_on_and_its_reuse_ends_the_family(oauth: Authorization) -> None:
    first = oauth.exchange(oauth.code()).json
    second = oauth.refresh(first["refresh_token"]).json
    assert second["scope"] == first["scope"]
    assert good(oauth, second["access_token"])
    assert second["refresh_token"] != first["refresh_token"]
    third = oauth.refresh(second["refresh_token"]).json
    assert refused(oauth.refresh(first["refresh_token"]), "invalid_grant")
    assert not any(good(oauth, each["access_token"]) for each in (first, second, third))
    assert refused(oauth.refresh(third["refresh_token"]), "invalid_grant")
    assert ("", 400, "refresh_token invalid_grant reused") in oauth.lines("token", "app")


def test_of_many_uses_of_one_refresh_token_one_wins(oauth: Authorization) -> None:
    token = oauth.exchange(oauth.code()).json["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: oauth.refresh(token), range(8)))
    won = [reply.json for reply in replies if reply.status == 200]
    assert len(won) == 1
    assert refused(oauth.refresh(won[0]["refresh_token"]), "invalid_grant")


def test_a_refreshed_token_can_be_narrower_and_not_wider(oauth: Authorization) -> None:
    first = oauth.exchange(oauth.code()).json["refresh_token"]
    assert refused(oauth.refresh(first, scope="user/Task.cruds"), "invalid_scope")
    assert refused(oauth.refresh(first, scope="user/Observation.rs"), "invalid_scope")
    narrow = oauth.refresh(first, scope="user/Task.r")
    assert narrow.json["scope"] == claims_of(narrow.json["access_token"])["scope"] == "user/Task.r"
    assert oauth.refresh(narrow.json["refresh_token"]).json["scope"] == PERSON.scope


def test_a_refresh_token_is_for_its_client(oauth: Authorization) -> None:
    first = oauth.exchange(oauth.code()).json["refresh_token"]
    assert refused(oauth.refresh(first, "other"), "invalid_grant")
    assert oauth.refresh(first).status == 200


def test_without_a_scope_for_it_there_is_no_refresh_token(oauth: Authorization) -> None:
    body = oauth.exchange(oauth.code(replace(PERSON, scope="user/Task.rs", patient=""))).json
    assert body.keys() == {"access_token", "token_type", "expires_in", "scope"}


def test_a_confidential_client_proves_itself_by_its_secret(oauth: Authorization) -> None:
    code = oauth.code(replace(PERSON, client="portal"))
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://app.test/back", "code_verifier": "v" * 43}
    wrong = oauth.post("token", form, Authorization=basic("portal", "guessed"))
    assert refused(wrong, "invalid_client", 401)
    assert wrong.headers["www-authenticate"].startswith("Basic")
    assert oauth.post("token", form, Authorization=basic("portal", SECRET)).status == 200


def test_who_fails_too_often_waits_and_nobody_else(oauth: Authorization) -> None:
    form = {"grant_type": "client_credentials"}
    statuses = [oauth.post("token", form, Authorization=basic("failing", f"guess {number}")).status for number in range(11)]
    assert statuses == [401] * 10 + [429]
    waits = oauth.post("introspect", {"token": "x"}, Authorization=basic("failing", SECRET))
    assert waits.status == 429
    assert 1 <= int(waits.headers["retry-after"]) <= 60
    assert oauth.exchange(oauth.code()).status == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"grant_type=refresh_token&grant_type=authorization_code&client_id=app", 400),
        (b"grant_type=%ff", 400),
        (b"a=b&" * 60, 400),
        (b"x" * 70_000, 413),
        (b"", 401),
    ],
)
def test_a_body_that_is_no_good_form_is_refused(oauth: Authorization, body: bytes, status: int) -> None:
    reply = Client(oauth.port).request("POST", "/oauth/token", body, Content_Type="application/x-www-form-urlencoded")
    assert reply.status == status
    assert "error" in reply.json


def test_json_is_no_form(oauth: Authorization) -> None:
    assert Client(oauth.port).request("POST", "/oauth/token", {"grant_type": "x"}).status == 415


def test_what_matters_most_needs_a_log_in_of_just_now(oauth: Authorization) -> None:
    hours = 3 * 3600 * SECOND
    old = replace(PERSON, authenticated=bootstrap.now() - hours)
    first = oauth.exchange(oauth.code(old)).json
    tokens = oauth.refresh(first["refresh_token"]).json
    assert (
        claims_of(tokens["access_token"])["auth_time"]
        == claims_of(first["access_token"])["auth_time"]
        == old.authenticated // SECOND
    )
    choice = {"resourceType": "Consent", "status": "active"}
    entry = {"resource": choice, "request": {"method": "POST", "url": "Consent"}}
    client = oauth.client(tokens["access_token"])
    assert client.get("Task?_count=0").status == 200
    assert client.get("Patient/c/$everything").status != 401, "an app collects with a refresh token"
    for reply in (
        client.post(choice),
        client.request("PUT", "Consent/x", {**choice, "id": "x"}),
    ):
        assert (reply.status, reply.detail) == (401, "token-login")
        assert 'error="insufficient_user_authentication", max_age="900"' in reply.headers["www-authenticate"]
    batch = client.request("POST", "", {"resourceType": "Bundle", "type": "batch", "entry": [entry]})
    assert batch.json["entry"][0]["response"]["status"].startswith("401")
    again = oauth.client(oauth.exchange(oauth.code(PERSON)).json["access_token"])
    assert again.post(choice).status in {403, 404}
