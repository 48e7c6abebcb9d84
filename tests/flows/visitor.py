"""Somebody with a browser, as far as HTTP goes: cookies, forms, redirects that are looked at before they are followed."""

import http.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

Fields = list[tuple[str, str]]


@dataclass
class Form:
    """A form of a page: what it holds, which boxes are on, which buttons send it."""

    action: str
    method: str
    hidden: dict[str, str] = field(default_factory=dict)
    on: Fields = field(default_factory=list)
    choices: dict[str, list[str]] = field(default_factory=dict)
    buttons: Fields = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.tags: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append((tag, given))
        if tag == "form":
            self.forms.append(Form(given["action"], given["method"]))
        if tag == "input" and self.forms:
            self._input(self.forms[-1], given)
        if tag == "button" and "name" in given:
            self.forms[-1].buttons.append((given["name"], given["value"]))

    def _input(self, form: Form, given: Mapping[str, str]) -> None:
        name, value = given["name"], given.get("value", "")
        match given["type"]:
            case "hidden":
                form.hidden[name] = value
            case "checkbox" | "radio":
                form.choices.setdefault(name, []).append(value)
                if "checked" in given:
                    form.on.append((name, value))


@dataclass
class Page:
    status: int
    headers: Mapping[str, str]
    text: str
    cookies: Mapping[str, Mapping[str, Any]]

    @property
    def forms(self) -> list[Form]:
        return self._read().forms

    @property
    def tags(self) -> list[tuple[str, dict[str, str]]]:
        return self._read().tags

    def form(self, ending: str) -> Form:
        """Return the one form whose action ends so, its query left out."""
        (found,) = [each for each in self.forms if each.action.partition("?")[0].endswith(ending)]
        return found

    @property
    def location(self) -> str:
        assert self.status == 303, (self.status, self.text)
        return self.headers["location"]

    @property
    def answer(self) -> dict[str, str]:
        """Return the parameters that the redirect brings to the client."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query, strict_parsing=True).items()}

    def answer_of(self, status: int) -> dict[str, str]:
        """Return the parameters of a redirect with another status than 303."""
        assert self.status == status, (self.status, self.text)
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers["location"]).query).items()}

    def _read(self) -> _Forms:
        parser = _Forms()
        parser.feed(self.text)
        return parser


@dataclass
class Visitor:
    port: int
    language: str = "nl"
    jar: dict[str, str] = field(default_factory=dict)

    def get(self, path: str) -> Page:
        return self._ask("GET", path, None)

    def post(self, path: str, fields: Fields | Mapping[str, str], **headers: str) -> Page:
        return self._ask("POST", path, urlencode(list(fields.items()) if isinstance(fields, Mapping) else fields), **headers)

    def send(self, form: Form, *fields: tuple[str, str], without: str = "") -> Page:
        """Send a form as its page has it, with more ``fields``, and the box ``without`` switched off."""
        on = [each for each in form.on if each[1] != without]
        assert not without or len(on) < len(form.on), form
        return self.post(form.action, [*form.hidden.items(), *on, *fields])

    def follow(self, page: Page) -> Page:
        """Follow redirects that stay here."""
        while page.status == 303 and page.location.startswith("/"):
            page = self.get(page.location)
        return page

    def _ask(self, method: str, path: str, body: str | None, **headers: str) -> Page:
        sent = {"Accept-Language": self.language, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if body is not None:
            sent.setdefault("Content-Type", "application/x-www-form-urlencoded")
        if self.jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        cookies = SimpleCookie()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookies.load(value)
        for name, morsel in cookies.items():
            self.jar[name] = morsel.value
            if morsel["max-age"] == "0":
                del self.jar[name]
        return Page(answer.status, {name.lower(): value for name, value in answer.getheaders()}, text, cookies)
