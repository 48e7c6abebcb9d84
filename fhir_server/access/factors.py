"""Who logged in by more than one factor, as the claim ``amr`` of a token says it (https://www.rfc-editor.org/rfc/rfc8176)."""

from collections.abc import Mapping
from typing import Final

from fhir_server.errors import Unauthorized

_SEVERAL: Final = "mfa"
_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("pwd", "pin", "kba"), "knows"),
    **dict.fromkeys(("otp", "hwk", "swk", "sc", "sms", "tel"), "has"),
    **dict.fromkeys(("face", "fpt", "iris", "retina", "vbm"), "is"),
}
"""What each method of authentication proves: what somebody knows, has, or is."""
_CAREFUL: Final = frozenset({"privacy-officer"})


def require_factors(role: str, methods: object) -> None:
    """Raise Unauthorized (token-factors) where ``role`` reads the record of everybody and ``methods`` are not two factors.

    NEN 7513 wants two for whoever reads the record of others. The refusal is that of RFC 9470 section 3.
    """
    if role in _CAREFUL and not _are_two(methods):
        text = "This role needs a log-in by two factors: a token whose claim amr has mfa, or methods of two kinds. Log in again."
        error = Unauthorized(text, detail="token-factors")
        error.headers = ((b"www-authenticate", b'Bearer error="insufficient_user_authentication"'),)
        raise error


def _are_two(methods: object) -> bool:
    if not isinstance(methods, list):
        return False
    known = {each for each in methods if isinstance(each, str)}
    return _SEVERAL in known or len({_KINDS[each] for each in known if each in _KINDS}) > 1
