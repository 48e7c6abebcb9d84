"""Tokens that are bound to a key: who asks for one proves to have it, and so does whoever uses or renews it."""

import json
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from flows.authorization import Authorization, claims_of, oauth, refused
from flows.client import Reply
from forgery import forge, jwk_of

from fhir_server import bootstrap
from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.store import SECOND

__all__ = ["oauth"]
KEY, OTHER = (SigningKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))


def proof(url: str, method: str = "POST", key: SigningKey = KEY, token: str = "", **other: Any) -> str:
    claims = {"htm": method, "htu": url, "iat": bootstrap.now() // SECOND, "jti": secrets.token_hex(8), **other}
    if token:
        claims["ath"] = urlsafe_b64encode(sha256(token.encode()).digest()).rstrip(b"=").decode()
    return forge({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk_of(key.private.public_key())}, claims, key.private)


def place(oauth: Authorization, path: str = "/oauth/token") -> str:
    return f"http://127.0.0.1:{oauth.port}{path}"


def exchanged(oauth: Authorization, made: str) -> Reply:
    form = {"grant_type": "authorization_code", "code": oauth.code(), "redirect_uri": "https://app.test/back"}
    return oauth.post("token", {**form, "code_verifier": "v" * 43, "client_id": "app"}, DPoP=made)


def renewed(oauth: Authorization, token: str, made: str) -> Reply:
    return oauth.post("token", {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app"}, DPoP=made)


def test_a_token_asked_for_with_a_proof_is_bound_to_its_key(oauth: Authorization) -> None:
    body = exchanged(oauth, proof(place(oauth))).json
    token = body["access_token"]
    assert (body["token_type"], claims_of(token)["cnf"]) == ("DPoP", {"jkt": KEY.kid})
    assert oauth.client(token).get("Task?_count=0").status == 401
    used = oauth.client("").get(
        "Task?_count=0", Authorization=f"DPoP {token}", DPoP=proof(place(oauth, "/fhir/Task"), "GET", token=token)
    )
    assert used.status == 200
    assert oauth.introspect(token).json["cnf"] == {"jkt": KEY.kid}
    assert oauth.introspect(token).json["token_type"] == "DPoP"


def test_its_refresh_token_is_bound_too(oauth: Authorization) -> None:
    refresh = exchanged(oauth, proof(place(oauth))).json["refresh_token"]
    assert refused(oauth.refresh(refresh), "invalid_dpop_proof")
    assert refused(renewed(oauth, refresh, proof(place(oauth), key=OTHER)), "invalid_dpop_proof")
    again = renewed(oauth, refresh, proof(place(oauth)))
    assert claims_of(again.json["access_token"])["cnf"] == {"jkt": KEY.kid}
    assert refused(oauth.refresh(again.json["refresh_token"]), "invalid_dpop_proof")


def test_a_wrong_proof_gives_nothing(oauth: Authorization) -> None:
    once = proof(place(oauth))
    assert exchanged(oauth, once).status == 200
    for wrong in (
        once,
        proof(place(oauth, "/oauth/introspect")),
        proof(place(oauth), "GET"),
        proof(place(oauth), iat=1),
        proof(place(oauth), jti=""),
        "nonsense",
    ):
        assert refused(exchanged(oauth, wrong), "invalid_dpop_proof")


def test_a_backend_service_can_have_a_bound_token(oauth: Authorization) -> None:
    kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    form = {"grant_type": "client_credentials", "client_assertion": oauth.assertion(), "scope": "system/Patient.rs"}
    body = oauth.post("token", {**form, "client_assertion_type": kind}, DPoP=proof(place(oauth))).json
    assert (body["token_type"], claims_of(body["access_token"])["cnf"]) == ("DPoP", {"jkt": KEY.kid})
    assert json.dumps(body).count("DPoP") == 1
