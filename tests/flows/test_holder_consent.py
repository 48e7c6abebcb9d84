"""A holder that may not give its data, and one of which nobody can say it now: the first is not there, the second is missing."""

from pathlib import Path

from flows.client import Client, Demo, demo

from fhir_server.bootstrap import now, token_for
from fhir_server.settings import read_settings

URA = "http://fhir.nl/fhir/NamingSystem/ura"
QUESTION = "MedicationDispense?patient=Patient/ansje"
STATED = f"""
[[statement]]
holder = "{URA}|90000383"
purpose = "TREAT"
verdict = "deny"

[[statement]]
holder = "{URA}|90000385"
purpose = "CAREMGT"
verdict = "unavailable"
"""


def token(hub: Demo, reference: str, role: str, scope: str, purpose: str) -> Client:
    settings = read_settings({"FHIR_SERVER_DATA_DIR": str(hub.folder), "FHIR_SERVER_PORT": str(hub.port)})
    return Client(hub.port, token_for(settings, reference, role, ttl=600, at=now(), scope=scope, purpose=purpose))


def test_a_holder_decides_besides_the_client(tmp_path: Path) -> None:
    stated = tmp_path / "holders.toml"
    stated.write_text(STATED, encoding="utf-8")
    with demo(tmp_path / "data", FHIR_SERVER_HOLDER_CONSENTS=str(stated)) as hub:
        denied, client = hub.as_("gp").get(QUESTION), hub.as_("client").get(QUESTION)
        assert denied.headers["federation-completeness"] == "complete"
        assert {each["meta"]["source"].partition("#")[0][-8:] for each in denied.resources} == {"90000385"}
        asked = token(hub, "Practitioner/gp-harmsen", "practitioner", "user/*.rs", purpose="CAREMGT").get(QUESTION)
        assert asked.headers["federation-completeness"] == "partial"
        assert asked.resources[0]["issue"][1]["details"]["coding"][0]["code"] == "consent-unavailable"
        assert len(client.resources) > len(denied.resources) == denied.json["total"]
