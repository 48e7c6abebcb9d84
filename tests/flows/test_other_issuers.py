"""Tokens of other issuers, on a hub that runs: found by e-mail address, bound to a key, refused when anything is amiss."""

import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import simulated_issuer
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from engines import PostgresServer
from flows.client import Client, Reply
from flows.served import Served, served
from forgery import b64, certificate
from record_check import lines
from simulated_issuer import Issuer, new_key, proof, thumbprint

from fhir_server.storage.repository import AuditRow

EMAIL = "https://netwerkdossier.example/fhir/NamingSystem/email"
USER = "https://netwerkdossier.example/fhir/NamingSystem/user"
TABLES = """
[node]
issuer = "{node}"
introspection = "{node}/introspect"
credentials = "env:NODE_AUTHORIZATION"
opaque = true
audience = ""
proof_with_bearer = true
clients = ["https://care.example/oauth2/thuiszorg"]
equal = [["x509_ura", "organization_ura"]]

[node.role]
claim = "scope"
values = {{ ozo_hc = "practitioner", ozo = "related-person" }}

[node.scopes]
ozo_hc = "user/*.cruds"
ozo = "user/*.rs"

[node.holder]
practitioner = {{ identifier = "employee_identifier", system = "{email}" }}
related-person = {{ identifier = "user_id", system = "{user}" }}

[idp]
issuer = "{idp}"
jwks_uri = "{idp}/jwks"
role = "practitioner"

[idp.holder]
practitioner = {{ identifier = "profile.email", system = "{email}" }}
"""


@dataclass
class World:
    hub: Served
    node: Issuer
    idp: Issuer
    key: ec.EllipticCurvePrivateKey

    def ask(self, path: str, token: str, scheme: str = "DPoP", proof_: str | None = None) -> Reply:
        headers = {"Authorization": f"{scheme} {token}"} | ({"DPoP": proof_} if proof_ is not None else {})
        return Client(self.hub.port).get(path, **headers)

    def proven(self, path: str, token: str, scheme: str = "DPoP") -> Reply:
        return self.ask(path, token, scheme, proof(self.key, "GET", self.url(path), token))

    def url(self, path: str) -> str:
        return f"{self.hub.base}/{path.partition('?')[0]}"

    def last_line(self) -> tuple[list[str], tuple[Any, ...]]:
        """Return the columns of the record and the last line of it."""
        url = self.hub.settings.get("FHIR_SERVER_DATABASE_URL") or f"sqlite:///{self.hub.folder}/data/hub.db"
        return list(AuditRow._fields), max(lines(url), key=lambda line: line.recorded)

    def employee(self, address: str = "vos@thuiszorg.example", **claims: Any) -> str:
        told = {
            "scope": "ozo_hc",
            "client_id": "https://care.example/oauth2/thuiszorg",
            "employee_identifier": address,
            "cnf": {"jkt": thumbprint(self.key)},
        }
        return self.node.opaque(**{**told, **claims})


def people() -> list[dict[str, Any]]:
    email = {"system": EMAIL, "value": "vos@thuiszorg.example"}
    twice = {"system": EMAIL, "value": "info@thuiszorg.example"}
    user = {"system": USER, "value": "8f1"}
    member = [{"member": {"reference": reference}} for reference in ("Practitioner/vos", "RelatedPerson/son")]
    return [
        {"resourceType": "Patient", "id": "bakker", "name": [{"family": "Bakker"}]},
        {"resourceType": "Patient", "id": "smit"},
        {"resourceType": "Practitioner", "id": "vos", "identifier": [email, twice], "active": True},
        {"resourceType": "Practitioner", "id": "mol", "identifier": [twice], "active": True},
        {"resourceType": "RelatedPerson", "id": "son", "identifier": [user], "patient": {"reference": "Patient/bakker"}},
        {"resourceType": "RelatedPerson", "id": "nephew", "identifier": [user], "patient": {"reference": "Patient/smit"}},
        {
            "resourceType": "CareTeam",
            "id": "bakker",
            "status": "active",
            "subject": {"reference": "Patient/bakker"},
            "participant": member,
        },
        {
            "resourceType": "CareTeam",
            "id": "smit",
            "status": "active",
            "subject": {"reference": "Patient/smit"},
            "participant": [{"member": {"reference": "RelatedPerson/nephew"}}],
        },
    ]


@contextmanager
def world(folder: Path, **settings: str) -> Iterator[World]:
    """Run a hub that trusts two simulated issuers."""
    with simulated_issuer.issuer() as node, simulated_issuer.issuer() as idp:
        tables = TABLES.format(node=node.url, idp=idp.url, email=EMAIL, user=USER)
        (folder / "issuers.toml").write_text(tables, encoding="utf-8")
        environment = {
            "NODE_AUTHORIZATION": "Basic aHViOnNlY3JldA==",
            "FHIR_SERVER_ISSUERS": str(folder / "issuers.toml"),
            "FHIR_SERVER_TRUSTED_PROXIES": "127.0.0.1",
            "FHIR_SERVER_CLIENT_CERT_HEADER": "Client-Cert",
        }
        with served(folder, **environment, **settings) as hub:
            system = hub.client()
            for each in people():
                assert system.put(each).status == 201
            yield World(hub, node, idp, new_key())


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Run it on each engine; on PostgreSQL with two workers."""
    settings = {}
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        settings = {"FHIR_SERVER_DATABASE_URL": server.create("other_issuers", "template1"), "FHIR_SERVER_WORKERS": "2"}
    with world(tmp_path_factory.mktemp(f"issuers-{request.param}"), **settings) as found:
        yield found


def test_a_practitioner_by_email_address_with_a_proof(running: World) -> None:
    token = running.employee()
    assert running.proven("Patient", token).ids() == ["Patient/bakker"]
    assert running.proven("Patient/bakker?_elements=name", token).status == 200
    assert running.proven("Patient/smit", token).status == 403
    assert running.node.authorizations[-1] == "Basic aHViOnNlY3JldA=="


def test_one_person_who_is_two_related_persons(running: World) -> None:
    token = running.employee(None, scope="ozo", user_id=f"{USER}|8f1")
    assert sorted(running.proven("Patient", token).ids()) == ["Patient/bakker", "Patient/smit"]


def test_a_signed_token_of_another_issuer(running: World) -> None:
    token = running.idp.token(aud=running.hub.base, scope="user/Patient.rs", profile={"email": "vos@thuiszorg.example"})
    assert running.ask("Patient", token, "Bearer").ids() == ["Patient/bakker"]
    refused = running.ask("CareTeam", token, "Bearer")
    assert (refused.status, refused.detail) == (403, "insufficient_scope")


def test_a_token_of_one_certificate_is_nothing_with_another(running: World) -> None:
    own, other = (certificate(name).public_bytes(Encoding.DER) for name in ("own", "other"))
    claims = {"aud": running.hub.base, "scope": "user/*.rs", "profile": {"email": "vos@thuiszorg.example"}}
    token = running.idp.token(**claims, cnf={"x5t#S256": b64(sha256(own).digest())})
    shown = [{"Client-Cert": f":{b64encode(each).decode()}:"} for each in (own, other)]
    anyone = Client(running.hub.port)
    replies = [anyone.get("Patient", Authorization=f"Bearer {token}", **each) for each in [*shown, {}]]
    assert [each.status for each in replies] == [200, 401, 401]
    assert [each.detail for each in replies[1:]] == ["certificate-other", "certificate-missing"]


def test_a_bound_token_is_nothing_without_its_proof(running: World) -> None:
    token = running.employee()
    for scheme in ("DPoP", "Bearer"):
        reply = running.ask("Patient", token, scheme)
        assert (reply.status, reply.detail) == (401, "dpop-missing")
        assert reply.headers["www-authenticate"].startswith("DPoP ")
    assert running.proven("Patient", token, "Bearer").status == 200  # as this issuer's clients may


def test_a_proof_counts_once_on_every_worker(running: World) -> None:
    token = running.employee()
    used = proof(running.key, "GET", running.url("Patient"), token)
    replies = [running.ask("Patient", token, "DPoP", used) for _ in range(8)]
    assert [each.status for each in replies] == [200] + 7 * [401]
    assert {each.detail for each in replies[1:]} == {"dpop-replayed"}


def test_a_proof_is_for_one_request_of_one_key(running: World) -> None:
    token = running.employee()
    here = running.url("Patient")
    for wrong in (
        proof(running.key, "POST", here, token),
        proof(running.key, "GET", running.url("Patient/bakker"), token),
        proof(running.key, "GET", here.replace("127.0.0.1", "localhost"), token),
        proof(running.key, "GET", here, running.employee()),
        proof(running.key, "GET", here, token, ath=None),
        proof(new_key(), "GET", here, token),
    ):
        reply = running.ask("Patient", token, "DPoP", wrong)
        assert (reply.status, reply.detail) == (401, "dpop-proof")
        assert 'error="invalid_dpop_proof"' in reply.headers["www-authenticate"]


def test_the_host_header_does_not_move_the_server(running: World) -> None:
    token = running.employee()
    elsewhere = proof(running.key, "GET", "http://evil.example/fhir/Patient", token)
    reply = Client(running.hub.port).get("Patient", Authorization=f"DPoP {token}", DPoP=elsewhere, Host="evil.example")
    assert (reply.status, reply.detail) == (401, "dpop-proof")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"active": False}, "token-inactive"),
        ({"active": "true"}, "token-inactive"),
        ({"iss": "https://node.example/oauth2/other"}, "token-issuer"),
        ({"exp": 1_000_000_000}, "token-expired"),
        ({"exp": None}, "token-claims"),
        ({"client_id": "https://other.example/oauth2/other"}, "token-client"),
        ({"scope": "openid"}, "token-claims"),
        ({"scope": "ozo ozo_hc"}, "token-claims"),
        ({"x509_ura": "90000382", "organization_ura": "90000383"}, "token-claims"),
        ({"organization_ura": "90000383"}, "token-claims"),
        ({"employee_identifier": f"{USER}|8f1"}, "token-claims"),
        ({"employee_identifier": None}, "token-holder"),
        ({"cnf": {"jwk": {}}}, "token-binding"),
        ({"cnf": {}}, "token-binding"),
    ],
)
def test_what_introspection_says_is_looked_at(running: World, claims: dict[str, Any], code: str) -> None:
    reply = running.proven("Patient", running.employee(**claims))
    assert (reply.status, reply.detail) == (401, code)


def test_who_is_nobody_here_is_forbidden(running: World) -> None:
    for address in ("nobody@thuiszorg.example", "info@thuiszorg.example"):
        reply = running.proven("Patient", running.employee(address))
        assert (reply.status, reply.detail) == (403, "token-holder")
    same = running.employee(x509_ura="90000382", organization_ura="90000382")
    assert running.proven("Patient", same).status == 200


def test_a_silent_issuer_is_not_the_callers_fault(running: World) -> None:
    known, fresh = running.employee(), running.employee()
    assert running.proven("Patient", known).status == 200
    running.node.status = 500
    try:
        reply = running.proven("Patient", fresh)
        assert (reply.status, reply.detail, reply.headers["retry-after"]) == (503, "issuer-unavailable", "10")
    finally:
        running.node.status = 200


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "https://other.example/fhir"}, "token-audience"),
        ({"aud": None}, "token-audience"),
        ({"iss": "https://stranger.example"}, "token-key"),
        ({"exp": int(time.time()) + 5000}, "token-claims"),
        ({"sub": None}, "token-claims"),
    ],
)
def test_a_signed_token_must_fit_its_issuers_table(running: World, claims: dict[str, Any], code: str) -> None:
    told = {"aud": running.hub.base, "profile": {"email": "vos@thuiszorg.example"}, **claims}
    token = running.idp.token(**told)
    assert running.ask("Patient", token, "Bearer").detail == code


def test_the_record_names_the_reason_and_never_the_token(running: World) -> None:
    token = running.employee()
    running.ask("Patient", token, "DPoP", "no.proof.atall")
    columns, last = running.last_line()
    assert last[columns.index("status")] == 401
    assert last[columns.index("basis")] == "dpop-proof"
    assert last[columns.index("actor")] == ""
    assert not any(token in str(value) for value in last)
    assert token.encode() not in running.hub.log.read_bytes()
