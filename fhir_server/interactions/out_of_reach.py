"""Whether what does not exist is told from what the caller may not reach."""

from fhir_server.errors import Forbidden
from fhir_server.interactions.call import OUTSIDE, Call


def require_no_hiding(call: Call) -> None:
    """Raise Forbidden, as for what is out of reach, where the caller is not told that from what does not exist."""
    if call.services.ozo.hide and call.actor.role != "system":
        raise Forbidden(OUTSIDE)
