"""What an app in a browser meets: cross-origin requests, and proofs that must hold a nonce."""

import json
from collections.abc import Iterator

import pytest
from engines import migrated
from flows.authorization import Authorization, claims_of, refused, running
from flows.client import Client, Reply
from flows.test_oauth_dpop import place, proof

from fhir_server import bootstrap

APP, STRANGER = "https://app.example", "https://app.example.evil.test"


@pytest.fixture(scope="module")
def browsing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authorization]:
    folder = tmp_path_factory.mktemp("browser")
    settings = {"CORS_ORIGINS": f"{APP}, http://127.0.0.1:3000", "DPOP_NONCE": "on", "DPOP_NONCE_PERIOD": "86400"}
    with running(folder, f"sqlite:///{migrated(folder / 'hub.db')}", **settings) as started:
        yield started


def preflight(hub: Authorization, path: str, origin: str = APP) -> Reply:
    asked = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "authorization, dpop, if-match"}
    return Client(hub.port).request("OPTIONS", path, Origin=origin, **asked)


def words(value: str) -> set[str]:
    return {each.strip().lower() for each in value.split(",")}


def test_it_is_declared(browsing: Authorization) -> None:
    assert Client(browsing.port).get("metadata").json["rest"][0]["security"]["cors"] is True


OPEN = ("/fhir/Patient/1", "/fhir", "/oauth/token", "/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration")


@pytest.mark.parametrize("path", OPEN)
def test_a_preflight_is_answered_without_a_token(browsing: Authorization, path: str) -> None:
    reply = preflight(browsing, path)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == APP
    assert words("authorization, dpop, if-match, if-none-exist, prefer, content-type, traceparent") <= words(
        reply.headers["access-control-allow-headers"]
    )
    assert words("get, post, put, patch, delete") <= words(reply.headers["access-control-allow-methods"])
    assert "access-control-allow-credentials" not in reply.headers
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("origin", [STRANGER, "null", "https://APP.example", f"{APP}:443", "http://app.example"])
def test_other_origins_are_answered_as_if_nobody_might(browsing: Authorization, path: str, origin: str) -> None:
    reply = preflight(browsing, path, origin)
    assert reply.status in {405, 401, 404}
    assert not [each for each in reply.headers if each.startswith("access-control")]


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/apps", "/oauth/introspect", "/health/live", "/metrics", "/fhirish"])
def test_what_is_for_no_app_is_open_to_none(browsing: Authorization, path: str) -> None:
    for reply in (preflight(browsing, path), Client(browsing.port).get(path, Origin=APP)):
        assert not [each for each in reply.headers if each.startswith("access-control")]


def test_the_page_may_read_answers_and_their_headers(browsing: Authorization) -> None:
    system = browsing.client(bootstrap.token_for(browsing.settings, "Device/d", "system", ttl=60, at=bootstrap.now()))
    made = system.request("POST", "Organization", {"resourceType": "Organization", "name": "Wijkzorg"}, Origin=APP)
    denied = Client(browsing.port).get("Organization", Origin=APP)
    document = Client(browsing.port).get("/.well-known/smart-configuration", Origin=APP)
    token = browsing.post("token", {"grant_type": "nothing"}, Origin=APP)
    assert [made.status, denied.status, document.status, token.status] == [201, 401, 200, 401]
    for reply in (made, denied, document, token):
        assert reply.headers["access-control-allow-origin"] == APP
        assert "access-control-allow-credentials" not in reply.headers
        exposed = words(reply.headers["access-control-expose-headers"])
        assert words("etag, location, content-location, federation-completeness, www-authenticate, dpop-nonce") <= exposed
        assert words(reply.headers["vary"]) & {"origin"}


def test_without_an_origin_nothing_is_added_but_to_what_is_kept_for_all(browsing: Authorization) -> None:
    answer = Client(browsing.port).get("metadata")
    document = Client(browsing.port).get("/.well-known/smart-configuration")
    assert "origin" not in words(answer.headers["vary"])
    assert document.headers["vary"] == "Origin"
    for reply in (answer, document):
        assert not [each for each in reply.headers if each.startswith("access-control")]


def exchanged(hub: Authorization, made: str) -> Reply:
    form = {"grant_type": "authorization_code", "code": hub.code(), "redirect_uri": "https://app.test/back"}
    return hub.post("token", {**form, "code_verifier": "v" * 43, "client_id": "app"}, DPoP=made)


def test_the_token_endpoint_asks_for_its_nonce(browsing: Authorization) -> None:
    url = place(browsing)
    asked = exchanged(browsing, proof(url))
    assert refused(asked, "use_dpop_nonce")
    nonce = asked.headers["dpop-nonce"]
    assert refused(exchanged(browsing, proof(url, nonce="made-up")), "use_dpop_nonce")
    given = exchanged(browsing, proof(url, nonce=nonce))
    assert (given.status, claims_of(given.json["access_token"])["sub"]) == (200, "Practitioner/p")
    assert given.headers["dpop-nonce"] == nonce
    another = browsing.post(
        "token", {"grant_type": "refresh_token", "refresh_token": "r", "client_id": "app"}, DPoP=proof(url, nonce=nonce)
    )
    assert refused(another, "invalid_grant")
    assert another.headers["dpop-nonce"] == nonce
    assert "dpop-nonce" not in browsing.exchange(browsing.code()).headers


def test_the_api_asks_for_it_too(browsing: Authorization) -> None:
    nonce = exchanged(browsing, proof(place(browsing))).headers["dpop-nonce"]
    token = exchanged(browsing, proof(place(browsing), nonce=nonce)).json["access_token"]
    task = place(browsing, "/fhir/Task")

    def used(**claims: str) -> Reply:
        made = proof(task, "GET", token=token, **claims)
        return Client(browsing.port).get("Task?_count=0", Authorization=f"DPoP {token}", DPoP=made, Origin=APP)

    asked = used()
    assert (asked.status, asked.detail) == (401, "dpop-nonce")
    assert asked.headers["www-authenticate"].startswith('DPoP error="use_dpop_nonce"')
    assert asked.headers["dpop-nonce"] == nonce
    good = used(nonce=asked.headers["dpop-nonce"])
    assert (good.status, good.headers["dpop-nonce"]) == (200, nonce)
    plain = browsing.exchange(browsing.code()).json["access_token"]
    assert "dpop-nonce" not in browsing.client(plain).get("Task?_count=0").headers
    assert json.loads(good.body)["resourceType"] == "Bundle"
