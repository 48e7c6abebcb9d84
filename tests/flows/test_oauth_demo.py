"""The demo's backend service gets a token with the key that the demo made for it."""

import secrets
import stat
from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flows.client import Client, Demo

from fhir_server import bootstrap
from fhir_server.oauth.jws import sign
from fhir_server.oauth.keys import key_in


def test_the_demo_declares_its_clients(hub: Demo) -> None:
    told = hub.facts["clients"]["backend"]
    path = Path(told["key"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_pem_private_key(path.read_bytes(), None)
    key, now = key_in(path), bootstrap.now() // 1_000_000
    claims = {
        "iss": told["client_id"],
        "sub": told["client_id"],
        "aud": f"{hub.facts['base']}/oauth/token",
        "exp": now + 100,
        "jti": secrets.token_hex(8),
    }
    form = (
        "grant_type=client_credentials&scope=system/Patient.rs"
        "&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        f"&client_assertion={sign(key, claims, 'JWT')}"
    )
    reply = Client(hub.port).request("POST", "/oauth/token", form.encode(), Content_Type="application/x-www-form-urlencoded")
    assert reply.status == 200, reply.body
    token = reply.json["access_token"]
    assert Client(hub.port, token).get("Patient?_count=0").json["total"] > 0
    assert hub.facts["clients"]["app"]["client_id"] == "demo-app"
