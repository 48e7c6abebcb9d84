"""Who logged in not long ago, as the claim ``auth_time`` says: what matters most is not done on a device that was left open."""

from typing import Final

from fhir_server.access.actor import Actor
from fhir_server.errors import Unauthorized

SECONDS: Final = 900
"""Seconds for which a log-in counts as recent."""
_MICROSECONDS: Final = 1_000_000
_WRITES: Final = frozenset({"create", "update", "patch", "delete"})
_CHOICE: Final = "Consent"
_CAREFUL: Final = frozenset({"$invite", "$delegate"})
"""Who invites chooses what the invited one will see, and who delegates lets somebody else do so."""


def require_recent(actor: Actor, interaction: str, type_: str, now: int) -> None:
    """Raise Unauthorized (token-login) where ``actor`` logged in too long ago to do ``interaction`` with ``type_`` at ``now``.

    That is to change what the client chose, or to let somebody in. ``now`` is in microseconds. A token that does not say when its
    holder logged in is let through: that a person was there is for its issuer to see to.
    """
    matters = interaction in _CAREFUL or (type_ == _CHOICE and interaction in _WRITES)
    if matters and not is_recent(actor.authenticated, now):
        raise too_long_ago()


def is_recent(authenticated: int, at: int) -> bool:
    """Tell whether a log-in at ``authenticated`` (microseconds, 0: not known) counts as recent at the instant ``at``."""
    return not authenticated or at - authenticated <= SECONDS * _MICROSECONDS


def too_long_ago() -> Unauthorized:
    """Return the error for a log-in that is not recent (RFC 9470 section 3)."""
    text = f"This needs a log-in of the last {SECONDS // 60} minutes. Log in again, with max_age={SECONDS} in the request."
    error = Unauthorized(text, detail="token-login")
    challenge = f'Bearer error="insufficient_user_authentication", max_age="{SECONDS}"'
    error.headers = ((b"www-authenticate", challenge.encode()),)
    return error
