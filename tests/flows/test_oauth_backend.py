"""Backend services over HTTP: a signed assertion gives a token, and whatever is wrong with it gives none."""

from typing import Any

import pytest
from flows.authorization import Authorization, claims_of, oauth, refused

from fhir_server import bootstrap
from fhir_server.oauth.store import SECOND

__all__ = ["oauth"]


@pytest.fixture(autouse=True)
def _in_good_standing(oauth: Authorization) -> None:
    """Let the failures of other tests be forgotten."""
    assert oauth.backend(oauth.assertion()).status == 200


@pytest.mark.parametrize(("key", "alg"), [("ec", "ES384"), ("rsa", "RS384")])
def test_a_signed_assertion_gives_a_token_of_the_system(oauth: Authorization, key: str, alg: str) -> None:
    reply = oauth.backend(oauth.assertion(key, alg), "system/Patient.rs system/Observation.rs system/Task.cruds user/Task.rs")
    assert reply.status == 200
    body = reply.json
    token = body.pop("access_token")
    assert body == {"token_type": "Bearer", "expires_in": 300, "scope": "system/Patient.rs system/Task.cruds"}
    claims = claims_of(token)
    assert (claims["sub"], claims["role"], claims["client_id"]) == ("Device/backend", "system", "backend")
    assert oauth.client(token).get("Patient?_count=0").status == 200
    assert oauth.client(token).get("CareTeam?_count=0").status == 403
    assert ("Device/backend", 200, "client_credentials") in oauth.lines("token", "backend")


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "http://127.0.0.1/oauth/token"},
        {"aud": None},
        {"aud": ["x", "y"]},
        {"iss": "app"},
        {"sub": "app"},
        {"sub": None},
        {"iss": "app", "sub": "app"},
        {"iss": "nobody", "sub": "nobody"},
        {"jti": None},
        {"jti": ""},
        {"jti": "j" * 257},
        {"exp": None},
        {"exp": "soon"},
        {"exp": 1},
        {"key": "rsa"},
        {"alg": "ES256", "key": "ec256"},
        {"header": {"kid": "unknown"}},
        {"header": {"kid": None}},
        {"header": {"typ": "at+jwt"}},
        {"header": {"jku": "https://keys.test/jwks"}},
        {"header": {"jwk": {}}},
        {"header": {"crit": ["exp"]}},
    ],
)
def test_a_wrong_assertion_gives_nothing(oauth: Authorization, wrong: dict[str, Any]) -> None:
    if wrong.get("key"):
        wrong = {"key": "ec", "header": {"kid": "rsa"}}
    assert refused(oauth.backend(oauth.assertion(**wrong)), "invalid_client", 401)


def test_an_assertion_for_long_is_refused_and_so_is_one_of_the_future(oauth: Authorization) -> None:
    now = bootstrap.now() // SECOND
    assert refused(oauth.backend(oauth.assertion(exp=now + 400)), "invalid_client", 401)
    assert refused(oauth.backend(oauth.assertion(nbf=now + 100)), "invalid_client", 401)
    assert refused(oauth.backend(oauth.assertion(iat=now + 100)), "invalid_client", 401)
    assert refused(oauth.backend(oauth.assertion(exp=now - 10)), "invalid_client", 401)


def test_an_assertion_is_good_once(oauth: Authorization) -> None:
    assertion = oauth.assertion()
    assert oauth.backend(assertion).status == 200
    assert refused(oauth.backend(assertion), "invalid_client", 401)


def test_a_list_with_the_one_audience_is_good(oauth: Authorization) -> None:
    assert oauth.backend(oauth.assertion(aud=[f"http://127.0.0.1:{oauth.port}/oauth/token"])).status == 200


@pytest.mark.parametrize("scope", ["system/Observation.rs", "user/Patient.rs", "openid", "nonsense"])
def test_nothing_of_what_is_asked_for_is_an_error(oauth: Authorization, scope: str) -> None:
    assert refused(oauth.backend(oauth.assertion(), scope), "invalid_scope")


def test_a_proof_and_another_client_do_not_go_together(oauth: Authorization) -> None:
    assert refused(oauth.backend(oauth.assertion(), client_id="app"), "invalid_client", 401)
    assert refused(oauth.backend(oauth.assertion(), client_assertion_type="x"), "invalid_request")
