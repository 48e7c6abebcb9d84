"""Tokens that bind a websocket to a subscription: sealed, good for a short while, in every process, and kept nowhere.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-get-ws-binding-token.html
"""

from binascii import Error
from typing import Final

from cryptography.exceptions import InvalidTag

from fhir_server.subscriptions.headers import HeaderSeal

LIFETIME: Final = 60_000_000
"""Microseconds from the token to the binding."""
_PLACE: Final = "$get-ws-binding-token"


def issued(seal: HeaderSeal, id_: str, expires: int, nonce: str) -> str:
    """Return a token for the subscription ``id_`` that is good until ``expires``; ``nonce`` makes it differ from all others."""
    return seal.seal(_PLACE, {"id": id_, "expires": str(expires), "nonce": nonce})


def opened(seal: HeaderSeal, token: str, now: int) -> str:
    """Return the id of the subscription that ``token`` is for; "" for none of ours, or one that is over."""
    try:
        found = seal.open_(_PLACE, token)
    except (InvalidTag, Error, ValueError):
        return ""
    return found["id"] if found and int(found["expires"]) > now else ""
