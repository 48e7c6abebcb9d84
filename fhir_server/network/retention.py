"""The Task that announces that a dossier is to be erased (https://hl7.org/fhir/R4/task.html)."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from fhir_server.model.meta import instant
from fhir_server.network.consent_names import CANONICAL
from fhir_server.network.participation import reference

CODES: Final = f"{CANONICAL}/CodeSystem/retention"
PENDING: Final = "delete-pending"
WAITING: Final = "requested"
_USED: Final = "used-again"
_TEXT: Final = (
    "Nobody has taken part in this dossier for a long time. It is to be erased after the day that is given here."
    " Who wants to keep it has this task cancelled."
)


@dataclass(frozen=True, slots=True)
class Announced:
    """The dossier of ``client`` ("Patient/id"), last changed at ``last``, is erased after ``due`` (microseconds).

    ``officer`` ("Type/id", "" for nobody) looks after that.
    """

    client: str
    last: int
    due: int
    officer: str = ""

    @property
    def id(self) -> str:
        """The id of the Task: the same as long as nothing in the dossier changes, so that it is announced once."""
        return blake2b(f"{self.client} {self.last}".encode(), digest_size=16).hexdigest()


def task(announced: Announced, now: int) -> dict[str, Any]:
    """Return the Task, made at the moment ``now`` (microseconds)."""
    made = {
        "resourceType": "Task",
        "id": announced.id,
        "status": WAITING,
        "intent": "order",
        "code": _concept(PENDING),
        "description": _TEXT,
        "focus": reference(announced.client),
        "for": reference(announced.client),
        "authoredOn": instant(now),
        "lastModified": instant(now),
        "restriction": {"period": {"end": instant(announced.due)}},
    }
    return made | ({"owner": reference(announced.officer)} if announced.officer else {})


def used_again(task_: Mapping[str, Any], now: int) -> dict[str, Any]:
    """Return the Task as it is over: there is somebody in the dossier again."""
    return {**task_, "status": "cancelled", "businessStatus": _concept(_USED), "lastModified": instant(now)}


def _concept(code: str) -> dict[str, Any]:
    return {"coding": [{"system": CODES, "code": code}]}
