"""What a client posts to an OAuth endpoint: a form, small, with nothing in it twice (RFC 6749 section 3.2)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from fastapi import Request

from fhir_server.oauth.oauth_error import OAuthError, invalid_request

LARGEST = 65_536  # bytes
_MOST_FIELDS = 50
_FORM = "application/x-www-form-urlencoded"


async def posted(request: Request) -> Mapping[str, str]:
    """Return the parameters of the body, those without a value left out; raises OAuthError (invalid_request)."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise OAuthError("invalid_request", f"The body must be of the type {_FORM}.", 415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST:
            raise OAuthError("invalid_request", f"The body is larger than {LARGEST} bytes.", 413)
    return parameters(bytes(body))


def parameters(body: bytes) -> Mapping[str, str]:
    """Read a form; raises OAuthError (invalid_request) when it is none, or a parameter occurs twice."""
    try:
        pairs = parse_qsl(body.decode("utf-8"), errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise invalid_request("The body is no form in UTF-8.") from error
    found = dict(pairs)
    if len(found) != len(pairs):
        raise invalid_request("A parameter occurs more than once.")
    return found


def required(form: Mapping[str, str], name: str) -> str:
    """Return a parameter that must be there; raises OAuthError (invalid_request)."""
    if name not in form:
        raise invalid_request(f"The parameter {name} is missing.")
    return form[name]
