"""Made-up networks to measure with: clients with a team, threads and messages of about 2 kB, on many days."""

from collections.abc import Iterator
from typing import Any

GP = "Practitioner/gp-0"
CLIENTS = 60
PRACTICES = 5
MESSAGES = 30
_TEXT = "Vandaag bij mevrouw geweest. Bloeddruk gemeten, medicijnen nagekeken, met de dochter gebeld over de week die komt. "


def corpus() -> Iterator[dict[str, Any]]:
    """Yield the resources, those first that others refer to."""
    for practice in range(PRACTICES):
        yield {"resourceType": "Practitioner", "id": f"gp-{practice}", "active": True, "name": [{"family": "Meting"}]}
    for client in range(CLIENTS):
        yield from _network(client)


def _network(client: int) -> Iterator[dict[str, Any]]:
    patient = {"reference": f"Patient/client-{client}", "type": "Patient"}
    gp = {"reference": f"Practitioner/gp-{client % PRACTICES}", "type": "Practitioner"}
    yield {"resourceType": "Patient", "id": f"client-{client}", "active": True, "gender": "female", "birthDate": "1940-01-01"}
    yield {
        "resourceType": "CareTeam",
        "id": f"team-{client}",
        "status": "active",
        "subject": patient,
        "participant": [{"member": gp}, {"member": patient}],
    }
    for number in range(MESSAGES):
        day = f"2026-{1 + number % 12:02}-{1 + (client + number) % 28:02}"
        yield {
            "resourceType": "Communication",
            "id": f"message-{client}-{number}",
            "status": "completed" if number % 3 else "in-progress",
            "subject": patient,
            "sender": gp,
            "recipient": [{"reference": f"CareTeam/team-{client}"}],
            "sent": f"{day}T{8 + number % 12:02}:30:00+01:00",
            "payload": [{"contentString": _TEXT * 14}],
        }
