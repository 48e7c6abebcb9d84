"""What the server has of terminology: ``GET metadata?mode=terminology`` (https://hl7.org/fhir/R4/terminologycapabilities.html).

It holds its own code systems, and no more: nothing is expanded, validated or translated over the API.
"""

from functools import cache
from typing import Any, Final

from fhir_server import __version__
from fhir_server.model.body import OWN
from fhir_server.model.json import read
from profiles.conformance import conformance

TYPE: Final = "TerminologyCapabilities"


def terminology(base: str, released: str) -> dict[str, Any]:
    """Return the TerminologyCapabilities of the server at ``base``, as of the date ``released``."""
    return {
        "resourceType": TYPE,
        "url": f"{base}/metadata?mode=terminology",
        "version": __version__,
        "name": "NetworkDossierHubTerminology",
        "title": "Terminology of the network dossier hub",
        "status": "active",
        "date": released,
        "description": "The code systems that the hub publishes. It has no terminology operations.",
        "kind": "instance",
        "software": {"name": "Network dossier hub", "version": __version__},
        "implementation": {"description": "The dossier of the network, and the door to the source systems", "url": base},
        "codeSystem": [dict(each) for each in _code_systems()],
    }


@cache
def _code_systems() -> tuple[dict[str, Any], ...]:
    resources = (read(body, OWN).resource for body in conformance()["CodeSystem"].values())
    return tuple(
        {"uri": each["url"], "version": [{"code": each["version"], "isDefault": True}], "subsumption": False}
        if "version" in each
        else {"uri": each["url"], "subsumption": False}
        for each in sorted(resources, key=lambda each: str(each["url"]))
    )
