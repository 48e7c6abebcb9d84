"""What is known of a token once it has been verified."""

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.access.actor import Actor
from fhir_server.oauth.binding import Binding

# Whether a token was revoked, or its holder has left: the token's id, the holder ("Type/id"), when it was issued (seconds).
Revoked = Callable[[str, str, int], bool]


@dataclass(frozen=True, slots=True)
class Verified:
    """A token that holds: for whom, until when it may be taken for that (microseconds), when it was issued (seconds).

    ``binding`` is what each request must prove, if anything; ``proof_with_bearer``: a token bound to a key may come as Bearer too,
    with its proof.
    """

    actor: Actor
    until: int
    issued: int
    binding: Binding | None = None
    proof_with_bearer: bool = False


def never_revoked(_token: str, _holder: str, _issued: int) -> bool:
    """Tell of every token that it was not revoked."""
    return False
