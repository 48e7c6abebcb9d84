"""HTML pages: templates that escape everything, and headers under which a browser runs no script and nobody frames the page."""

import base64
from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.resources import files

from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from fhir_server.oauth.authorize.language import filled, load_texts

_HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Pragma": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


_OWN = "fhir_server.oauth.authorize"


class Pages:
    """Renders the templates in a language; made once."""

    def __init__(self, package: str = "") -> None:
        """Read templates, texts and style; those of another ``package`` besides, whose folders are named alike."""
        packages = [each for each in (package, _OWN) if each]
        self.texts = load_texts(*packages[::-1])
        loader = ChoiceLoader([PackageLoader(each) for each in packages])
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        style = (files(_OWN) / "templates" / "style.css").read_text(encoding="utf-8")
        self._style = Markup(style)  # noqa: S704 - our own file, and the policy names its hash
        self._style_source = f"'sha256-{base64.b64encode(sha256(style.encode()).digest()).decode()}'"

    def text(self, language: str, key: str, **values: str) -> str:
        """Return the text ``key`` in ``language``."""
        return filled(self.texts[language][key], values)

    def page(
        self, name: str, language: str, title: str, *, status: int = 200, forms_to: Sequence[str] = (), **values: object
    ) -> Response:
        """Return the page ``name`` with the text ``title`` as its heading.

        ``forms_to`` are the origins to which its forms may lead besides our own: browsers apply ``form-action`` to redirects too.
        """
        html = self._templates.get_template(f"{name}.html").render(
            lang=language,
            title=self.text(language, title),
            style=self._style,
            text=lambda key, **given: self.text(language, key, **given),
            **values,
        )
        return HTMLResponse(
            html, status, {**_HEADERS, "Content-Security-Policy": self._policy(forms_to), "Content-Language": language}
        )

    def _policy(self, forms_to: Sequence[str]) -> str:
        forms = " ".join(["'self'", *forms_to])
        return f"default-src 'none'; style-src {self._style_source}; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"


def redirect(uri: str, status: int = 303) -> Response:
    """Return a redirect that is always fetched with GET (RFC 9700 section 4.12), and neither kept nor told to others."""
    return RedirectResponse(uri, status, _HEADERS)
