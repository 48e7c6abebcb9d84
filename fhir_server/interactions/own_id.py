"""Ids that stand for what lives at a source are for reading: nothing is written under them."""

from fhir_server.errors import NotAllowed
from fhir_server.federation.sealed_id import LENGTH
from fhir_server.interactions.call import Call


def require_own(call: Call, id_: str) -> None:
    """Raise NotAllowed where the hub sealed ``id_`` for a resource of a source; whether that is there is not looked up."""
    if len(id_) == LENGTH and call.services.federation.seal.open_(id_) is not None:
        error = NotAllowed(f"This {call.type} stays in its source system: it can be read here, and not be written.")
        error.headers = ((b"allow", b"GET, HEAD"),)
        raise error
