"""The key that a token is bound to (RFC 7800, RFC 9449 section 6, RFC 8705 section 3.1)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fhir_server.oauth.refusal import refused

_THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_METHODS = frozenset({"jkt", "x5t#S256"})


@dataclass(frozen=True, slots=True)
class Binding:
    """SHA-256 thumbprints in base64url: ``key`` of the DPoP key, ``certificate`` of the client's certificate; "" for none."""

    key: str = ""
    certificate: str = ""


def binding_of(claims: Mapping[str, Any]) -> Binding | None:
    """Read the claim ``cnf``, None where there is none.

    Raises Unauthorized (token-binding) for one that is broken, or that asks for a proof which is unknown here.
    """
    if "cnf" not in claims:
        return None
    cnf = claims["cnf"]
    if not isinstance(cnf, dict) or not cnf or cnf.keys() - _METHODS:
        raise refused("token-binding", "The access token is bound to its holder in a way that is not supported here.")
    if not all(isinstance(each, str) and _THUMBPRINT.fullmatch(each) for each in cnf.values()):
        raise refused("token-binding", "The claim cnf of the access token holds no SHA-256 thumbprint.")
    return Binding(cnf.get("jkt", ""), cnf.get("x5t#S256", ""))
