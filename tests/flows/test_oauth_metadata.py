"""What others read to find their way, field by field, and the keys while they change."""

import time

from flows.authorization import Authorization, good, oauth
from flows.client import Client

from fhir_server import bootstrap
from fhir_server.oauth.compact import parse_compact
from fhir_server.oauth.ring import rotate

__all__ = ["oauth"]


def test_smart_clients_find_everything_that_smart_wants(oauth: Authorization) -> None:
    root = oauth.settings.base.removesuffix("/fhir")
    anyone = Client(oauth.port)
    document = anyone.get("/fhir/.well-known/smart-configuration")
    assert document.headers["content-type"] == "application/json"
    found = document.json
    assert found == anyone.get("/.well-known/smart-configuration").json
    assert found["issuer"] == root
    assert {name: found[name] for name in found if name.endswith(("endpoint", "uri"))} == {
        "jwks_uri": f"{root}/oauth/jwks",
        "authorization_endpoint": f"{root}/oauth/authorize",
        "token_endpoint": f"{root}/oauth/token",
        "introspection_endpoint": f"{root}/oauth/introspect",
        "revocation_endpoint": f"{root}/oauth/revoke",
        "management_endpoint": f"{root}/oauth/apps",
    }
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["response_types_supported"] == ["code"]
    assert set(found["grant_types_supported"]) == {"authorization_code", "refresh_token", "client_credentials"}
    assert {"RS384", "ES384"} <= set(found["token_endpoint_auth_signing_alg_values_supported"])
    assert set(found["token_endpoint_auth_methods_supported"]) == {"none", "client_secret_basic", "private_key_jwt"}
    assert {"openid", "fhirUser", "launch", "launch/patient", "offline_access", "online_access"} <= set(found["scopes_supported"])
    assert {"launch-standalone", "client-confidential-asymmetric", "sso-openid-connect", "permission-v2"} <= set(
        found["capabilities"]
    )


def test_the_other_documents_say_the_same(oauth: Authorization) -> None:
    anyone = Client(oauth.port)
    smart = anyone.get("/.well-known/smart-configuration").json
    openid = anyone.get("/.well-known/openid-configuration").json
    plain = anyone.get("/.well-known/oauth-authorization-server").json
    assert plain == {name: smart[name] for name in plain}
    assert {name: openid[name] for name in plain} == plain
    assert openid["id_token_signing_alg_values_supported"] == ["ES256"]
    assert openid["subject_types_supported"] == ["public"]


def test_the_capability_statement_names_the_endpoints(oauth: Authorization) -> None:
    root = oauth.settings.base.removesuffix("/fhir")
    (extension,) = Client(oauth.port).get("metadata").json["rest"][0]["security"]["extension"]
    assert extension["url"] == "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
    assert {each["url"]: each["valueUri"] for each in extension["extension"]} == {
        name: f"{root}/oauth/{name}" for name in ("authorize", "token", "introspect", "revoke")
    }


def test_the_key_changes_and_no_token_fails(oauth: Authorization) -> None:
    def kids() -> list[str]:
        return [key["kid"] for key in Client(oauth.port).get("/oauth/jwks").json["keys"]]

    def signed_by() -> str:
        token = oauth.exchange(oauth.code()).json["access_token"]
        assert good(oauth, token)
        tokens.append(token)
        return str(parse_compact(token).header["kid"])

    tokens: list[str] = []
    before = kids()
    assert signed_by() == before[-1]
    kid, start = rotate(oauth.settings.data_dir, bootstrap.now(), 3)
    end = time.monotonic() + 20
    while kid not in kids():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert bootstrap.now() < start * 1_000_000
    assert signed_by() == before[-1]  # published, and not used yet
    while signed_by() != kid:
        assert time.monotonic() < end
        time.sleep(0.3)
    assert kids() == [*before, kid]
    assert all(good(oauth, token) for token in tokens)
