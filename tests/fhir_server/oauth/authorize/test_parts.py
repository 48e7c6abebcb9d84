"""The small parts: languages, proofs of forms, limits, sealed values, cookies, headers."""

import base64
from hashlib import sha256
from string import Formatter
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import Response

from fhir_server.oauth.authorize.cookies import Cookies
from fhir_server.oauth.authorize.csrf import Csrf
from fhir_server.oauth.authorize.language import language_of, load_texts
from fhir_server.oauth.authorize.limit import Limit
from fhir_server.oauth.authorize.page import Pages, redirect
from fhir_server.oauth.authorize.people import name_of
from fhir_server.oauth.authorize.sealed import Sealed

SECOND = 1_000_000
SECRET = b"s" * 32


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "nl"),
        ("en", "nl", "en"),
        ("fr en-GB nl", "nl", "en"),
        ("fr", "en-US,en;q=0.9,nl;q=0.8", "en"),
        ("", "de, nl-NL;q=0.5, en;q=0.4", "nl"),
        ("", "en;q=0, nl;q=0.1", "nl"),
        ("", "en;q=0", "nl"),
        ("", "en;q=x, *", "nl"),
        ("", ",;,q=;" * 50, "nl"),
    ],
)
def test_the_language_is_that_of_the_client_or_the_browser(asked: str, accepted: str, language: str) -> None:
    assert language_of(asked, accepted) == language


def test_both_languages_have_the_same_texts_with_the_same_gaps() -> None:
    dutch, english = load_texts().values()
    assert dutch.keys() == english.keys()
    for key in dutch:
        gaps = [sorted(gap for _, gap, _, _ in Formatter().parse(texts[key]) if gap) for texts in (dutch, english)]
        assert gaps[0] == gaps[1], key


def test_a_form_is_believed_from_the_browser_that_got_it() -> None:
    csrf = Csrf(SECRET)
    token = csrf.token("cookie")
    assert csrf.fits(token, "cookie")
    assert not csrf.fits(token, "another")
    assert not csrf.fits("", "cookie")
    assert not csrf.fits("é", "cookie")
    assert not csrf.fits(csrf.token(""), "")
    assert not Csrf(b"t" * 32).fits(token, "cookie")


def test_who_tries_too_often_waits() -> None:
    limit = Limit(most=3, seconds=60)
    for at in (0, 10, 20):
        assert limit.wait("a", at * SECOND) == 0
        limit.count("a", at * SECOND)
    assert limit.wait("a", 21 * SECOND) == 39
    assert limit.wait("b", 21 * SECOND) == 0
    assert limit.wait("a", 60 * SECOND) == 0
    limit.count("a", 60 * SECOND)
    assert limit.wait("a", 60 * SECOND) == 10


def test_a_sealed_value_can_only_be_opened_here_for_its_use_and_in_time() -> None:
    ids = iter("abc")
    sealed = Sealed(SECRET, lambda: next(ids))
    text = sealed.seal("launch", {"patient": "Patient/x"}, 100)
    assert sealed.opened("launch", text, 99) == {"patient": "Patient/x"}
    assert sealed.opened("launch", text, 100) is None
    assert sealed.opened("oidc", text, 99) is None
    assert Sealed(b"t" * 32, str).opened("launch", text, 99) is None
    assert "Patient" not in text
    for wrong in ("", "x", text[:-1], text + "A", ("B" if text[0] == "A" else "A") + text[1:], "é", "A" * 20_000):
        assert sealed.opened("launch", wrong, 99) is None
    assert sealed.seal("launch", {"patient": "Patient/x"}, 100) != text


def _attributes(cookies: Cookies) -> str:
    response = Response()
    cookies.put(response, "session", "secret", 60)
    return response.headers["set-cookie"]


def test_a_cookie_is_closed_to_scripts_and_to_other_sites() -> None:
    written = _attributes(Cookies(secure=True))
    assert written.startswith("__Host-hub-session=secret; ")
    assert set(written.split("; ")[1:]) == {"HttpOnly", "Max-Age=60", "Path=/", "SameSite=lax", "Secure"}
    plain = _attributes(Cookies(secure=False))
    assert plain.startswith("hub-session=secret; ")
    assert set(plain.split("; ")[1:]) == {"HttpOnly", "Max-Age=60", "Path=/", "SameSite=lax"}


def test_a_cookie_without_the_prefix_counts_for_nothing_on_https() -> None:
    scope: dict[str, Any] = {"type": "http", "headers": [(b"cookie", b"hub-session=planted")]}
    assert Cookies(secure=True).get(Request(scope), "session") == ""


def test_a_page_runs_nothing_loads_nothing_and_is_framed_by_nobody() -> None:
    page = Pages().page("done", "nl", "logged-out-title", message="<script>alert(1)</script>", forms_to=["https://app.test"])
    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    body = bytes(page.body).decode()
    style = body.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "form-action": "'self' https://app.test",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    assert "&lt;script&gt;" in body
    assert "<script" not in body


def test_a_redirect_is_neither_kept_nor_told_to_others() -> None:
    answer = redirect("https://app.test/back?code=x")
    assert answer.status_code == 303
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ([], "Patient/x"),
        ([{"use": "old"}], "Patient/x"),
        ([{"use": "nickname", "text": "Jo"}, {"use": "official", "given": ["Jo", "Ann"], "family": "Dam"}], "Jo Ann Dam"),
        ([{"family": "Dam"}], "Dam"),
    ],
)
def test_people_have_the_name_that_others_know(names: list[dict[str, Any]], shown: str) -> None:
    assert name_of({"resourceType": "Patient", "id": "x", "name": names}) == shown
