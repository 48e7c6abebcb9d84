"""What an OAuth endpoint refuses, and how it answers (RFC 6749 section 5.2)."""

from collections.abc import Mapping
from types import MappingProxyType

from fastapi.responses import JSONResponse

NO_STORE: Mapping[str, str] = MappingProxyType({"Cache-Control": "no-store", "Pragma": "no-cache"})
_NONE: Mapping[str, str] = MappingProxyType({})


class OAuthError(Exception):
    """A refused request: ``error`` is a code of RFC 6749, ``description`` words for the client's developer, without secrets.

    ``noted`` is what the record says of it beside ``error``.
    """

    def __init__(
        self, error: str, description: str, status: int = 400, headers: Mapping[str, str] = _NONE, noted: str = ""
    ) -> None:
        """Say why, with which HTTP status."""
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.headers = headers
        self.noted = noted


def invalid_request(description: str) -> OAuthError:
    """Return the error for a request that is not formed as it should be."""
    return OAuthError("invalid_request", description)


def invalid_client(description: str, *, basic: bool = False) -> OAuthError:
    """Return the error for a client that did not prove who it is; ``basic``: it tried the header Authorization."""
    headers = {"WWW-Authenticate": 'Basic realm="oauth"'} if basic else {}
    return OAuthError("invalid_client", description, 401, headers)


def invalid_grant(description: str, noted: str = "") -> OAuthError:
    """Return the error for a code or refresh token that gives nothing (any more)."""
    return OAuthError("invalid_grant", description, noted=noted)


def answer(error: OAuthError) -> JSONResponse:
    """Return the HTTP answer."""
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status, {**NO_STORE, **error.headers})
