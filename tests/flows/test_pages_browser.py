"""The pages in a real browser: by mouse, by keyboard, without JavaScript, and with names that try to be more than names."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flows.pages import EVIL, Hub
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
pytestmark = pytest.mark.parametrize("pages_hub", ["sqlite"], indirect=True)  # the pages of the other engine are the same
SCOPE = "openid launch/patient patient/Task.rs patient/Communication.crs"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("needs Chromium: there is no chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield browser
        browser.close()


class _App(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        framed = self.path.startswith("/frame?")
        inner = f'<iframe src="{parse_qs(urlsplit(self.path).query)["of"][0]}"></iframe>' if framed else "Back in the app"
        body = f"<!DOCTYPE html><title>The app</title>{inner}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def _serving() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


@pytest.fixture(scope="module")
def app() -> Iterator[str]:
    """Return where an app waits for its answer; the port differs from the registered one, as with a native app."""
    with _serving() as root:
        yield root


def _context(browser: Browser, **options: object) -> BrowserContext:
    context = browser.new_context(locale="nl-NL", **options)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    return context


def _address(hub: Hub, app: str, **changed: str) -> str:
    return f"{hub.root}/oauth/authorize?{hub.query(SCOPE, redirect_uri=f'{app}/native', **changed)}"


def _answer(page: Page, app: str) -> dict[str, list[str]]:
    page.wait_for_url(f"{app}/native?*")
    return parse_qs(urlsplit(page.url).query)


@pytest.mark.parametrize("javascript", [True, False])
def test_somebody_logs_in_switches_something_off_approves_and_logs_out(
    pages_hub: Hub, browser: Browser, app: str, *, javascript: bool
) -> None:
    context = _context(browser, java_script_enabled=javascript)
    page = context.new_page()
    page.goto(_address(pages_hub, app, prompt="consent"))
    page.get_by_label("Ina Harmsen").check()
    page.get_by_role("button", name="Inloggen als test").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Toestemming geven"
    assert page.get_by_text("Het gaat over de gegevens van Ansje Veenstra.").is_visible()
    for label in ("Weten wie u bent", "Berichten lezen", "Taken zien"):
        page.get_by_label(label).check()  # what was not agreed to before is off
    page.get_by_label("Berichten schrijven").uncheck()
    page.get_by_role("button", name="Ja, ik geef toestemming").click()
    code = _answer(page, app)["code"][0]
    tokens = pages_hub.tokens(code, redirect_uri=f"{app}/native").json
    assert tokens["scope"] == "openid launch/patient patient/Task.rs patient/Communication.rs"
    page.goto(f"{pages_hub.root}/oauth/apps")
    assert page.get_by_text("Berichten lezen").is_visible()
    page.get_by_role("link", name="Uitloggen").click()
    page.get_by_role("button", name="Uitloggen").click()
    assert page.get_by_role("heading", name="U bent uitgelogd").is_visible()
    assert [each["name"] for each in context.cookies()] == []
    context.close()


def test_the_keyboard_is_enough(pages_hub: Hub, browser: Browser, app: str) -> None:
    context = _context(browser)
    page = context.new_page()
    page.goto(_address(pages_hub, app, prompt="consent"))
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Direct naar de inhoud"
    _tab_to(page, "reference")
    page.keyboard.type("RelatedPerson/daughter-marije")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Toestemming geven")
    _tab_to(page, "grant")
    page.keyboard.press("Space")
    assert not page.get_by_label("Weten wie u bent").is_checked()
    _tab_to(page, "step")
    page.keyboard.press("Enter")
    assert "code" in _answer(page, app)
    context.close()


def _tab_to(page: Page, name: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            return
    raise AssertionError(f"{name} cannot be reached by the keyboard")


def test_a_name_runs_nothing(pages_hub: Hub, browser: Browser, app: str) -> None:
    context = _context(browser)
    page = context.new_page()
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(_address(pages_hub, app))
    page.locator("#reference").fill("Practitioner/evil")
    page.get_by_role("button", name="Inloggen als test").click()
    page.wait_for_selector("text=Over wie gaat het?")
    page.get_by_label("Ansje Veenstra").check()
    page.get_by_role("button", name="Verder").click()
    assert page.get_by_text(f"U bent ingelogd als {EVIL}.").is_visible()
    assert page.locator("script").count() == 0
    assert alerts == []
    context.close()


def test_the_page_has_its_style_and_runs_no_script(pages_hub: Hub, browser: Browser, app: str) -> None:
    context = _context(browser)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.goto(_address(pages_hub, app))
    assert page.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor") == "rgb(255, 255, 255)"
    assert [each for each in wrong if "Content Security Policy" in each] == []
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    context.close()


def test_nobody_can_put_the_page_in_a_frame(pages_hub: Hub, browser: Browser, app: str) -> None:
    context = _context(browser)
    page = context.new_page()
    page.goto(f"{app}/frame?of={quote(_address(pages_hub, app), safe='')}")
    page.wait_for_timeout(300)
    assert all("Inloggen" not in frame.content() for frame in page.frames[1:])
    context.close()


def test_every_field_has_a_name_and_text_has_contrast(pages_hub: Hub, browser: Browser, app: str) -> None:
    context = _context(browser)
    page = context.new_page()
    page.goto(_address(pages_hub, app, prompt="consent"))
    for _ in range(2):
        assert page.locator("html").get_attribute("lang") == "nl"
        assert page.locator("h1").count() == 1
        assert page.evaluate(_NAMELESS) == []
        assert page.evaluate(_PALE) == []
        if page.locator("#reference").count():
            page.get_by_label("Ina Harmsen").check()
            page.get_by_role("button", name="Inloggen als test").click()
    context.close()


_NAMELESS = """[...document.querySelectorAll('input:not([type=hidden])')]
    .filter(each => !each.labels.length || !each.labels[0].textContent.trim()).map(each => each.name)"""
_PALE = """(() => {
  const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = text => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number);
    return 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  };
  const behind = each => {
    for (; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (!colour.endsWith(', 0)')) return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('main *')].filter(each => each.textContent.trim()).filter(each => {
    const pair = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
    return (pair[0] + 0.05) / (pair[1] + 0.05) < 4.5;
  }).map(each => each.outerHTML);
})()"""
