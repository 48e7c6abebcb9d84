"""How tokens end, and who may know what they are: introspection, revocation, leaving, over HTTP on both engines."""

import time
from dataclasses import replace

import pytest
from flows.authorization import PERSON, SECRET, Authorization, basic, claims_of, good, oauth, refused

from fhir_server import bootstrap
from fhir_server.oauth.store import SECOND, LoginSession

__all__ = ["oauth"]
WITHIN = 2.0  # seconds


def test_a_resource_server_learns_what_a_token_is(oauth: Authorization) -> None:
    token = oauth.exchange(oauth.code()).json
    told = oauth.introspect(token["access_token"]).json
    assert told.pop("exp") - told.pop("iat") == 900
    assert told.pop("jti")
    assert told.pop("auth_time") == claims_of(token["access_token"])["auth_time"]
    assert told == {
        "active": True,
        "token_type": "Bearer",
        "iss": oauth.settings.base.removesuffix("/fhir"),
        "aud": oauth.settings.base,
        "sub": "Practitioner/p",
        "fhirUser": "Practitioner/p",
        "role": "practitioner",
        "scope": PERSON.scope,
        "patient": "c",
        "purpose": "TREAT",
        "organization": "Organization/o",
        "client_id": "app",
    }
    assert ("", 200, "") in oauth.lines("introspect", "guard")


def test_nothing_is_told_of_what_is_not_the_askers_business(oauth: Authorization) -> None:
    token = oauth.exchange(oauth.code()).json
    inactive = {"active": False}
    assert oauth.introspect("nonsense").json == inactive
    assert oauth.introspect(token["refresh_token"]).json == inactive
    assert oauth.introspect(token["access_token"], "portal").json == inactive
    assert oauth.introspect(token["id_token"]).json == inactive
    mine = oauth.post("token", _form(oauth), Authorization=basic("portal", SECRET)).json
    assert oauth.introspect(mine["access_token"], "portal").json["active"] is True
    assert oauth.introspect(mine["refresh_token"], "portal").json["client_id"] == "portal"


def _form(oauth: Authorization) -> dict[str, str]:
    code = oauth.code(replace(PERSON, client="portal"))
    return {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://app.test/back",
        "code_verifier": "v" * 43,
    }


def test_strangers_learn_nothing(oauth: Authorization) -> None:
    token = oauth.exchange(oauth.code()).json["access_token"]
    assert refused(oauth.post("introspect", {"token": token}), "invalid_client", 401)
    assert refused(oauth.post("introspect", {"token": token, "client_id": "app"}), "unauthorized_client", 403)
    assert refused(oauth.introspect(token, secret="guessed"), "invalid_client", 401)
    assert refused(oauth.post("introspect", {}, Authorization=basic("guard", SECRET)), "invalid_request")


def test_a_revoked_access_token_is_over_at_once_and_the_others_are_not(oauth: Authorization) -> None:
    first = oauth.exchange(oauth.code()).json
    second = oauth.refresh(first["refresh_token"]).json
    assert good(oauth, first["access_token"])
    assert oauth.post("revoke", {"token": first["access_token"], "client_id": "app"}).status == 200
    assert not good(oauth, first["access_token"])
    assert oauth.introspect(first["access_token"]).json == {"active": False}
    assert good(oauth, second["access_token"])
    assert ("Practitioner/p", 200, "") in oauth.lines("revoke", "app")


def test_a_revoked_refresh_token_takes_everything_with_it(oauth: Authorization) -> None:
    tokens = oauth.exchange(oauth.code()).json
    assert oauth.post("revoke", {"token": tokens["refresh_token"], "client_id": "app"}).status == 200
    assert not good(oauth, tokens["access_token"])
    assert refused(oauth.refresh(tokens["refresh_token"]), "invalid_grant")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
def test_another_client_revokes_nothing(oauth: Authorization, kind: str) -> None:
    tokens = oauth.exchange(oauth.code()).json
    assert oauth.post("revoke", {"token": tokens[kind], "client_id": "other"}).status == 200
    assert good(oauth, tokens["access_token"])
    assert oauth.refresh(tokens["refresh_token"]).status == 200


def test_an_unknown_token_is_revoked_already(oauth: Authorization) -> None:
    assert oauth.post("revoke", {"token": "unknown", "client_id": "app"}).status == 200
    assert refused(oauth.post("revoke", {"token": "unknown"}), "invalid_client", 401)


def test_who_leaves_loses_every_token_soon(oauth: Authorization) -> None:
    leaver = replace(PERSON, subject="Practitioner/leaver")
    tokens, others = oauth.exchange(oauth.code(leaver)).json, oauth.exchange(oauth.code()).json
    assert good(oauth, tokens["access_token"])
    waiting = oauth.code(leaver)
    oauth.do(oauth.store.revoke_subject("Practitioner/leaver", bootstrap.now()))  # as another process would
    end = time.monotonic() + WITHIN
    while good(oauth, tokens["access_token"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert refused(oauth.refresh(tokens["refresh_token"]), "invalid_grant")
    assert refused(oauth.exchange(waiting), "invalid_grant")
    assert oauth.introspect(tokens["refresh_token"]).json == {"active": False}
    assert good(oauth, others["access_token"])


def test_a_round_takes_from_a_leaver_what_nobody_uses(oauth: Authorization) -> None:
    nurse = {"resourceType": "Practitioner", "id": "goes", "active": True}
    at = bootstrap.now() // SECOND
    system = oauth.client(bootstrap.token_for(oauth.settings, "Device/d", "system", ttl=60, at=at * SECOND))
    assert system.put(nurse).status == 201
    tokens = oauth.exchange(oauth.code(replace(PERSON, subject="Practitioner/goes"))).json
    assert oauth.introspect(tokens["access_token"]).json["active"] is True
    assert system.put({**nurse, "active": False}).status == 200
    assert oauth.introspect(tokens["access_token"]).json == {"active": False}
    end = time.monotonic() + 20
    while "Practitioner/goes" not in {each.value for each in oauth.do(oauth.store.revocations(0))}:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert refused(oauth.refresh(tokens["refresh_token"]), "invalid_grant")


def test_the_end_of_a_log_in_ends_its_tokens_but_not_those_for_later(oauth: Authorization) -> None:
    now = bootstrap.now()
    session = LoginSession("cookie", "s-9", "Practitioner/p", "practitioner", now, now + 60 * SECOND, now + 60 * SECOND, "csrf")
    oauth.do(oauth.store.put_session(session))
    online = replace(PERSON, scope="user/Task.rs", session="s-9")
    short = oauth.exchange(oauth.code(online)).json
    lasting = oauth.exchange(oauth.code(replace(online, scope="user/Task.rs offline_access"))).json
    assert good(oauth, short["access_token"])
    oauth.do(oauth.store.end_session("cookie", now))
    end = time.monotonic() + WITHIN
    while good(oauth, short["access_token"]):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert good(oauth, lasting["access_token"])
