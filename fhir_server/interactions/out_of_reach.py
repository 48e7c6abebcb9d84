"""What is told of a resource that the caller may not reach."""

from typing import Final

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import Call

OUTSIDE: Final = "This resource lies outside the dossiers that you take part in."


def require_no_hiding(call: Call) -> None:
    """Raise Forbidden, as for what is out of reach, where the caller is not told that from what does not exist."""
    if call.services.ozo.hide and call.actor.role != "system":
        raise Forbidden(OUTSIDE)
