"""Where what an operation changed in a dossier comes from (https://hl7.org/fhir/R4/provenance.html)."""

from collections.abc import Iterable
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.participation import reference

_OPERATIONS: Final = f"{CANONICAL}/CodeSystem/network-operation"


def provenance(
    id_: str, operation: str, by: str, organisation: str, targets: Iterable[str], at: int, reason: str = ""
) -> dict[str, Any]:
    """Return that ``by`` ("Type/id"), on behalf of ``organisation`` ("" for none), made ``targets`` by ``operation`` at ``at``.

    ``reason`` is what they said of it.
    ``targets`` are versions ("Type/id/_history/1"), or the client whose dossier it is in.
    """
    return {
        "resourceType": "Provenance",
        "id": id_,
        "target": [{"reference": each, "type": each.partition("/")[0]} for each in targets],
        "recorded": instant(at),
        **({"reason": [{"text": reason}]} if reason else {}),
        "activity": {"coding": [{"system": _OPERATIONS, "code": operation.removeprefix("$")}]},
        "agent": [{"who": reference(by), **({"onBehalfOf": reference(organisation)} if organisation else {})}],
    }
