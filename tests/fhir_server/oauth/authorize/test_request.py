"""Authorization requests: what is refused, and whether by a page or by a redirect."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from fhir_server.oauth.authorize.request import (
    AuthorizationRequest,
    Parameters,
    Party,
    Refused,
    Shown,
    answer_uri,
    client_of,
    origin_of,
    place_of,
    read_request,
)

BASE = "https://hub.test/fhir"
BACK = "https://app.test/back"
TYPES = {"Patient", "Task", "Communication"}
PARTY = Party((BACK, "https://app.test/other?x=1", "http://127.0.0.1/native", "test.app:/back"))
GOOD = {
    "response_type": "code",
    "client_id": "app",
    "redirect_uri": BACK,
    "scope": "openid patient/Task.rs",
    "state": "s-1",
    "aud": BASE,
    "code_challenge": "c" * 43,
    "code_challenge_method": "S256",
}


def read(party: Party = PARTY, **changed: str | None) -> AuthorizationRequest:
    given = {name: value for name, value in (GOOD | changed).items() if value is not None}
    return read_request(Parameters(urlencode(given)), "app", party, BASE, TYPES)


def test_a_good_request_is_read() -> None:
    asked = read(nonce="n", prompt="login consent", max_age="60")
    assert asked == AuthorizationRequest(
        "app", BACK, ("openid", "patient/Task.rs"), "s-1", "c" * 43, "n", "", frozenset({"login", "consent"}), 60
    )
    assert asked.wants_patient


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "x.y.z"}, "request_not_supported"),
        ({"request_uri": "https://x.test"}, "request_uri_not_supported"),
        ({"state": None}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"state": "x" * 1001}, "invalid_request"),
        ({"aud": None}, "invalid_request"),
        ({"aud": "https://other.test/fhir"}, "invalid_request"),
        ({"aud": f"{BASE}/Patient"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": "c" * 42}, "invalid_request"),
        ({"code_challenge": "c" * 43 + "="}, "invalid_request"),
        ({"code_challenge": "+" * 43}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"launch": "handle"}, "invalid_request"),
        ({"scope": "launch patient/Task.rs"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "something else"}, "invalid_scope"),
        ({"scope": "launch/patient"}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"scope": 'openid "x"'}, "invalid_scope"),
        ({"scope": "system/Task.rs"}, "invalid_scope"),
        ({"scope": "patient/Task.sr"}, "invalid_scope"),
        ({"scope": "patient/Task."}, "invalid_scope"),
        ({"scope": "patient/Task"}, "invalid_scope"),
        ({"scope": "patient/task.rs"}, "invalid_scope"),
        ({"scope": "patient/Spaceship.rs"}, "invalid_scope"),
        ({"scope": "patient/Task.rs?status=draft"}, "invalid_scope"),
    ],
)
def test_what_is_wrong_is_told_by_a_redirect(changed: dict[str, str | None], error: str) -> None:
    with pytest.raises(Refused) as refused:
        read(**changed)
    assert refused.value.error == error
    assert all(" " <= each <= "~" and each not in '"\\' for each in refused.value.description)


@pytest.mark.parametrize(
    "uri",
    [
        None,
        "",
        "https://evil.test/back",
        "https://app.test/back/",
        "https://app.test/back?x=1",
        "https://app.test/BACK",
        "https://app.test/back#f",
        "http://app.test/back",
        "https://app.test:444/back",
        "https://app.test/other",
        "http://127.0.0.1:80@evil.test/native",
        "http://127.0.0.1:1/other",
        "http://127.0.0.2:1/native",
        "http://localhost:1/native",
        "http://127.0.0.1:x/native",
        "javascript:alert(1)",
    ],
)
def test_an_unknown_redirect_uri_is_a_page(uri: str | None) -> None:
    with pytest.raises(Shown) as shown:
        read(redirect_uri=uri, state=None)
    assert shown.value.text == "unknown-redirect"


@pytest.mark.parametrize("uri", [*PARTY.redirect_uris, "http://127.0.0.1:5123/native"])
def test_a_registered_redirect_uri_is_taken_as_it_is(uri: str) -> None:
    assert read(redirect_uri=uri).redirect_uri == uri


@pytest.mark.parametrize("name", ["state", "scope", "code_challenge", "prompt", "aud"])
def test_a_parameter_that_comes_twice_is_refused(name: str) -> None:
    query = urlencode([*GOOD.items(), (name, GOOD.get(name, "login")), (name, "x")])
    with pytest.raises(Refused):
        read_request(Parameters(query), "app", PARTY, BASE, TYPES)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
def test_client_and_redirect_uri_that_come_twice_are_a_page(name: str) -> None:
    parameters = Parameters(urlencode([*GOOD.items(), (name, GOOD[name])]))
    with pytest.raises(Shown):
        client_of(parameters) and read_request(parameters, "app", PARTY, BASE, TYPES)


@pytest.mark.parametrize("query", ["x" * 9000, "a", "a=%ff", "&".join(["a=1"] * 200)])
def test_what_is_no_query_is_a_page(query: str) -> None:
    with pytest.raises(Shown):
        Parameters(query)


def test_a_client_asks_for_no_more_than_it_is_registered_for() -> None:
    party = Party((BACK,), frozenset({"openid", "patient/*.rs", "user/Task.cruds"}))
    assert read(party, scope="openid patient/Task.rs user/Task.cu").scopes == ("openid", "patient/Task.rs", "user/Task.cu")
    for scope in ("openid fhirUser", "patient/Task.cruds", "user/Communication.r", "openid offline_access", "patient/*.cruds"):
        with pytest.raises(Refused, match="not registered"):
            read(party, scope=scope)


def test_scopes_that_are_not_understood_are_ignored() -> None:
    found = read(scope="openid  email patient/Task.read openid online_access offline_access").scopes
    assert found == ("openid", "patient/Task.read", "offline_access")


@pytest.mark.parametrize(
    ("prompt", "left"), [("login", ""), ("login consent", "consent"), ("select_account", ""), ("consent", "consent"), ("", "")]
)
def test_who_has_just_logged_in_is_not_asked_again(prompt: str, left: str) -> None:
    query = urlencode(GOOD | {"max_age": "0", "prompt": prompt, "ui_locales": "en"})
    kept: dict[str, Any] = dict(parse_qsl(Parameters(query).without_steps()))
    assert kept == GOOD | {"ui_locales": "en"} | ({"prompt": left} if left else {})


def test_an_answer_keeps_the_query_of_the_redirect_uri() -> None:
    assert answer_uri(BACK, {"code": "a b"}) == f"{BACK}?code=a+b"
    assert answer_uri("https://app.test/other?x=1", {"code": "a"}) == "https://app.test/other?x=1&code=a"


@pytest.mark.parametrize(
    ("uri", "origin", "place"),
    [
        ("https://app.test:8443/back", "https://app.test:8443", "app.test:8443"),
        ("http://127.0.0.1:5123/native", "http://127.0.0.1:5123", "127.0.0.1:5123"),
        ("test.app:/back", "test.app:", "test.app"),
    ],
)
def test_where_an_answer_goes_can_be_told(uri: str, origin: str, place: str) -> None:
    assert (origin_of(uri), place_of(uri)) == (origin, place)
