"""The development login: no password, marked as what it is, and there only where nobody but this machine can reach it."""

from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.desk import Desk
from fhir_server.oauth.authorize.form import Form
from fhir_server.oauth.authorize.login import begun, failed, login_page, welcome
from fhir_server.oauth.authorize.request import Shown


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
