"""The hub with its pages of login and consent, an invented network and an app; and an app's requests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from flows.authorization import VERIFIER, Authorization, running
from flows.client import Reply
from flows.oidc_provider import Provider, provider_running
from flows.visitor import Page, Visitor

from fhir_server import bootstrap
from fhir_server.oauth.grants import challenge_of
from fhir_server.settings import read_settings
from profiles.demo import network

BACK = "https://app.test/back"
PERSON = "https://netwerkdossier.example/fhir/NamingSystem/person"
AGB = "http://fhir.nl/fhir/NamingSystem/agb-z"
EVIL = "<script>alert(1)</script>"

CLIENTS = f"""
[app]
name = "Wijkapp {EVIL}"
redirect_uris = ["{BACK}", "http://127.0.0.1/native"]
scope = "openid fhirUser launch launch/patient online_access offline_access patient/*.cruds user/*.cruds"
[small]
name = "Kleine app"
redirect_uris = ["https://small.test/"]
scope = "openid patient/Task.rs"
[backend]
grant_types = ["client_credentials"]
auth_method = "private_key_jwt"
scope = "system/*.rs"
role = "system"
reference = "Device/backend"
jwks_uri = "https://backend.test/jwks"
"""


def _member(reference: str) -> dict[str, Any]:
    return {"member": {"reference": reference}}


def _team(id_: str, patient: str) -> dict[str, Any]:
    members = [_member(f"Patient/{patient}"), _member("Practitioner/nurse-two"), _member("Practitioner/evil")]
    if patient != "ansje":
        members.append(_member("Patient/ansje"))  # a client who helps another one
    return {
        "resourceType": "CareTeam",
        "id": id_,
        "status": "active",
        "subject": {"reference": f"Patient/{patient}"},
        "participant": members,
    }


EXTRA: tuple[dict[str, Any], ...] = (
    {"resourceType": "Practitioner", "id": "nurse-two", "name": [{"text": "Noor Tweeling"}], "active": True},
    {"resourceType": "Practitioner", "id": "evil", "name": [{"text": EVIL}]},
    {"resourceType": "Practitioner", "id": "away", "name": [{"text": "Wim Weg"}], "active": False},
    {"resourceType": "Practitioner", "id": "marije-too", "name": [{"text": "Marije Veenstra"}], "identifier": [
        {"system": PERSON, "value": "marije-veenstra"}
    ]},
    _team("two-ansje", "ansje"),
    _team("two-other", "other-client"),
)  # fmt: skip


@dataclass(frozen=True)
class Hub:
    """A hub that runs, and the provider of logins that it trusts."""

    server: Authorization
    provider: Provider
    folder: Path = field(default=Path())

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def visitor(self, language: str = "nl") -> Visitor:
        return Visitor(self.port, language)

    def query(self, scope: str = "openid launch/patient patient/Task.rs", **changed: str | None) -> str:
        given = {
            "response_type": "code",
            "client_id": "app",
            "redirect_uri": BACK,
            "scope": scope,
            "state": "s-1",
            "aud": f"{self.root}/fhir",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return urlencode({name: value for name, value in (given | changed).items() if value is not None})

    def ask(self, visitor: Visitor, scope: str = "openid launch/patient patient/Task.rs", **changed: str | None) -> Page:
        return visitor.get(f"/oauth/authorize?{self.query(scope, **changed)}")

    def log_in(self, visitor: Visitor, person: str, scope: str = "openid launch/patient patient/Task.rs", **changed: str) -> Page:
        """Return the first page after a development login."""
        page = self.ask(visitor, scope, **({"prompt": "consent"} | changed))
        assert page.status == 200, page
        return visitor.follow(visitor.send(page.form("/login/development"), ("reference", person)))

    def tokens(self, code: str, **other: str) -> Reply:
        return self.server.exchange(code, **{"redirect_uri": BACK, **other})


@contextmanager
def hub_with_pages(folder: Path, database: str, **settings: str) -> Iterator[Hub]:
    """Serve the invented network with pages until the block ends."""
    clients, providers = folder / "apps.toml", folder / "providers.toml"
    clients.write_text(CLIENTS)
    own = read_settings({"FHIR_SERVER_DATA_DIR": str(folder / "data"), "FHIR_SERVER_DATABASE_URL": database})
    bootstrap.load_resources(own, [*network(), *EXTRA])
    with provider_running() as provider:
        secret = folder / "provider.secret"
        secret.write_text("what only the two of us know\n")
        providers.write_text(
            f'[idp]\nname = "Zorg <b>ID</b>"\nissuer = "{provider.issuer}"\nclient_id = "hub"\n'
            f'credentials = "file:{secret}"\nclaim = "agb"\nsystem = "{AGB}"\n'
            f'[other]\nissuer = "{provider.issuer}"\nclient_id = "hub"\ncredentials = "file:{secret}"\n'
            f'claim = "person"\nsystem = "{PERSON}"\n'
            '[silent]\nissuer = "http://127.0.0.1:9"\nclient_id = "hub"\nclaim = "person"\nkind = "reference"\n'
        )
        given = {"CLIENTS": str(clients), "LOGIN_PROVIDERS": str(providers), "DEVELOPMENT_LOGIN": "on", "LOGIN_ATTEMPTS": "1000"}
        with running(folder, database, **(given | settings)) as server:
            yield Hub(server, provider, folder)
