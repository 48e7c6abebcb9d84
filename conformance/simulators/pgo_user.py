"""The user of the simulated PGO: goes through the pages of a hub as a person with a browser does, and says yes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from aiohttp import ClientSession, CookieJar
from yarl import URL

from conformance.simulators.pgo import PgoFailed

_MOST_PAGES = 12
_REDIRECTS = frozenset({301, 302, 303, 307})
_OK = 200


@dataclass(slots=True)
class PageForm:
    """A form: where it goes, what it holds, its text fields, its boxes, and the first button."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    boxes: list[tuple[str, str]] = field(default_factory=list)
    button: tuple[str, str] | None = None


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(PageForm(given.get("action", "")))
        elif tag == "input" and self.forms:
            self._input(self.forms[-1], given)
        elif tag == "button" and self.forms and self.forms[-1].button is None and given.get("name"):
            self.forms[-1].button = given["name"], given.get("value", "")

    def _input(self, form: PageForm, given: dict[str, str]) -> None:
        kind, name = given.get("type", "text"), given.get("name", "")
        if kind == "hidden":
            form.fields.append((name, given.get("value", "")))
        elif kind == "text":
            form.texts.append(name)
        elif kind == "checkbox":
            form.boxes.append((name, given.get("value", "")))


async def walked(address: str, redirect_uri: str, person: str, *, lasting: bool) -> str:
    """Return the address at which the PGO is answered, after the pages from ``address`` on; ``person`` logs in.

    ``lasting``: the box for an indefinite time is ticked. Raises PgoFailed for a page on which nothing can be done.
    """
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as browser:
        body: list[tuple[str, str]] | None = None
        for _ in range(_MOST_PAGES):
            method = "GET" if body is None else "POST"
            url = URL(address, encoded=True)
            async with browser.request(method, url, data=body, allow_redirects=False) as reply:
                if reply.status in _REDIRECTS:
                    address, body = urljoin(address, reply.headers["Location"]), None
                    if address.startswith(redirect_uri):
                        return address
                    continue
                if reply.status != _OK:
                    raise PgoFailed(f"A page of the hub answered {reply.status}.")
                address, body = filled(address, await reply.text(), person, lasting=lasting)
    raise PgoFailed("The pages of the hub lead nowhere.")


def filled(address: str, page: str, person: str, *, lasting: bool) -> tuple[str, list[tuple[str, str]]]:
    """Return where the first form of ``page`` goes, and what is sent; raises PgoFailed for a page without one."""
    parser = _Forms()
    parser.feed(page)
    if not parser.forms:
        raise PgoFailed("A page of the hub has no form.")
    form = parser.forms[0]
    sent = [*form.fields, *((name, person) for name in form.texts), *(form.boxes if lasting else ())]
    return urljoin(address, form.action), [*sent, *([form.button] if form.button else [])]
