"""The development login: no password, marked as what it is, and there only where nobody but this machine can reach it."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.form import Form
from fhir_server.oauth.authorize.login import begun, failed, login_page, welcome
from fhir_server.oauth.authorize.request import Shown


class RefusedHere(ValueError):
    """The development login was switched on where others can reach the server."""


def check_loopback(host: str, base: str) -> None:
    """Raise RefusedHere unless the server listens on this machine only, and its ``base`` URL is this machine too."""
    for what, name in (("FHIR_SERVER_HOST", host), ("FHIR_SERVER_BASE_URL", urlsplit(base).hostname or "")):
        if not is_loopback(name):
            raise RefusedHere(f"FHIR_SERVER_DEVELOPMENT_LOGIN=on is refused: {what} must be this machine (127.0.0.1), not {name}")


def is_loopback(host: str) -> bool:
    """Tell whether ``host``, a name or an address, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def log_in(desk: Desk, request: Request, form: Form) -> Response:
    """Log in as whoever was named."""
    if desk.development is None:
        raise Shown("not-found", 404)
    if (page := await begun(desk, request, form)) is not None:
        return page
    following = form.get("next")
    person = await desk.people.known(form.get("reference").strip() or form.get("person"))
    if person is None:
        await failed(desk, request, 401)
        return await login_page(desk, request, following, status=401, wrong=True)
    return await welcome(desk, request, [person], following)
