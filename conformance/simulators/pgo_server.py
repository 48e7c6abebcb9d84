"""The simulated PGO as an HTTP server: a page for people, and three questions for scripts."""

from collections.abc import AsyncIterator, Callable
from html import escape
from pathlib import Path

from aiohttp import ClientSession, web
from aiohttp.typedefs import Handler

from conformance.simulators.pgo import Collection, Pgo, PgoFailed, door
from conformance.simulators.pgo_user import walked

_PGO = web.AppKey("pgo", Pgo)
_FAILED = 502
_PAGE = """<!DOCTYPE html><html lang="nl"><head><meta charset="utf-8"><title>Demo-PGO</title></head><body><h1>Demo-PGO</h1>
<p><a href="{address}">Gegevens verzamelen</a>: log in en geef toestemming. Uw browser komt daarna op een adres dat niet bestaat
({redirect}). Kopieer dat adres en plak het hier.</p>
<form method="post" action="/answer"><label>Adres <input name="address" type="text" size="120"></label>
<button type="submit">Ophalen</button></form>{found}</body></html>"""


def pgo_application(demo: Path, fresh: Callable[[], str]) -> web.Application:
    """Return the application of the PGO of the hub that ``demo`` (demo.json) tells of; ``fresh`` gives UUIDs.

    Raises UnusableData.
    """
    at = door(demo)

    async def with_session(app: web.Application) -> AsyncIterator[None]:
        async with ClientSession() as session:
            app[_PGO] = Pgo(at, session, fresh)
            yield

    async def show(request: web.Request) -> web.Response:
        return _page(request, at.redirect_uri)

    async def begin(request: web.Request) -> web.Response:
        return web.json_response({"authorize": request.app[_PGO].begin().address})

    async def answer(request: web.Request) -> web.Response:
        form = await request.post()
        found = await request.app[_PGO].finish(str(form.get("address", "")))
        return _page(request, at.redirect_uri, found) if "text/html" in request.headers.get("Accept", "") else _told(found)

    async def collect(request: web.Request) -> web.Response:
        form = await request.post()
        pgo = request.app[_PGO]
        begun = pgo.begin()
        lasting = form.get("lasting") == "yes"
        found = await pgo.finish(await walked(begun.address, at.redirect_uri, str(form.get("person", "")), lasting=lasting))
        if lasting and form.get("again") == "yes":
            found = await pgo.refresh(found.refresh_token)
        return _told(found)

    made = web.Application(middlewares=[_failures])
    made.cleanup_ctx.append(with_session)
    made.router.add_get("/", show)
    for path, handler in (("/begin", begin), ("/answer", answer), ("/collect", collect)):
        made.router.add_post(path, handler)
    return made


@web.middleware
async def _failures(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except PgoFailed as error:
        return web.json_response({"error": str(error)}, status=_FAILED)


def _told(found: Collection) -> web.Response:
    return web.json_response(found.told)


def _page(request: web.Request, redirect_uri: str, found: Collection | None = None) -> web.Response:
    shown = f"<pre>{escape(str(found.told))}</pre>" if found else ""
    address = escape(request.app[_PGO].begin().address)
    return web.Response(text=_PAGE.format(address=address, redirect=escape(redirect_uri), found=shown), content_type="text/html")
