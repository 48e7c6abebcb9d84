"""Login at an external provider, over HTTP on both engines: as it should be, and with a provider or a browser that cheats."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from flows.oidc_provider import CLIENT, Provider, encoded
from flows.pages import Hub
from flows.visitor import Page, Visitor

from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.jws import sign


@pytest.fixture
def provider(pages_hub: Hub) -> Iterator[Provider]:
    """Return the provider as it is at first, before each test."""
    found = pages_hub.provider
    found.subject, found.token, found.signer = "01001001", "", None
    found.changed.clear()
    yield found
    found.metadata.clear()


def leave(hub: Hub, visitor: Visitor, at: str = "idp", **changed: str) -> str:
    """Return the address at the provider to which the login page leads."""
    page = hub.ask(visitor, **changed)
    (link,) = [given["href"] for tag, given in page.tags if tag == "a" and given["href"].startswith(f"/oauth/login/{at}?")]
    return visitor.get(link).location


def back(visitor: Visitor, answer: Mapping[str, str], at: str = "idp") -> Page:
    return visitor.get(f"/oauth/login/{at}/callback?{urlencode(answer)}")


def test_who_the_provider_knows_is_logged_in(pages_hub: Hub, provider: Provider) -> None:
    visitor = pages_hub.visitor()
    address = leave(pages_hub, visitor, prompt="consent")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert asked["redirect_uri"] == f"{pages_hub.root}/oauth/login/idp/callback"
    assert "prompt" not in asked
    page = visitor.follow(back(visitor, provider.code(address)))
    assert "Ina Harmsen" in page.text
    assert "code" in visitor.send(page.form("/authorize"), ("step", "approve")).answer
    assert "hub-oidc" not in visitor.jar


def test_a_fresh_log_in_is_asked_of_the_provider_too(pages_hub: Hub, provider: Provider) -> None:
    visitor = pages_hub.visitor()
    assert "prompt=login" in leave(pages_hub, visitor, prompt="login")
    assert provider.issuer


def test_somebody_who_is_not_known_here_is_told_so(pages_hub: Hub, provider: Provider) -> None:
    provider.subject = "99999999"
    visitor = pages_hub.visitor()
    page = back(visitor, provider.code(leave(pages_hub, visitor)))
    assert page.status == 403
    assert "Zorg &lt;b&gt;ID&lt;/b&gt;" in page.text
    assert "99999999" not in page.text
    assert "hub-session" not in visitor.jar


def test_an_identifier_of_another_system_names_nobody(pages_hub: Hub, provider: Provider) -> None:
    provider.subject = "http://elsewhere.test|01001001"
    visitor = pages_hub.visitor()
    assert back(visitor, provider.code(leave(pages_hub, visitor))).status == 403


def _unsigned(provider: Provider, nonce: str, header: bytes, signature: str = "") -> str:
    claims = provider.id_token(nonce).split(".")[1]
    return f"{encoded(header)}.{claims}.{signature}"


def _none(provider: Provider, nonce: str) -> None:
    provider.token = _unsigned(provider, nonce, b'{"alg":"none"}')


def _none_signed(provider: Provider, nonce: str) -> None:
    provider.token = _unsigned(provider, nonce, b'{"alg":"none"}', "AAAA")


def _confused(provider: Provider, nonce: str) -> None:
    provider.token = _unsigned(provider, nonce, b'{"alg":"HS256"}', "AAAA")


def _stranger(provider: Provider, _: str) -> None:
    provider.signer = SigningKey(ec.generate_private_key(ec.SECP256R1()))


def _access_token(provider: Provider, nonce: str) -> None:
    now = int(time.time())
    claims = {"iss": provider.issuer, "aud": CLIENT, "sub": "s", "agb": "01001001", "nonce": nonce, "iat": now, "exp": now + 60}
    provider.token = sign(provider.key, claims, "at+jwt")


def _change(**changed: Any) -> Callable[[Provider, str], None]:
    return lambda provider, _: provider.changed.update(changed)


@pytest.mark.parametrize(
    "cheat",
    [
        _none,
        _none_signed,
        _confused,
        _stranger,
        _access_token,
        _change(nonce="of another login"),
        _change(nonce=None),
        _change(aud="another client"),
        _change(aud=[CLIENT, "another client"]),
        _change(aud=None),
        _change(azp="another client"),
        _change(iss="https://evil.test"),
        _change(exp=1_000_000_000, iat=999_999_000),
        _change(exp=None),
        _change(iat=4_000_000_000, exp=4_000_000_100),
        _change(sub=""),
        _change(agb=None),
        _change(agb=["01001001"]),
    ],
)
def test_an_id_token_that_is_not_right_lets_nobody_in(
    pages_hub: Hub, provider: Provider, cheat: Callable[[Provider, str], None]
) -> None:
    visitor = pages_hub.visitor()
    address = leave(pages_hub, visitor)
    cheat(provider, dict(parse_qsl(urlsplit(address).query))["nonce"])
    page = back(visitor, provider.code(address))
    assert page.status in {401, 403}
    assert "hub-session" not in visitor.jar
    assert "Harmsen" not in page.text


def test_an_answer_is_good_once(pages_hub: Hub, provider: Provider) -> None:
    visitor = pages_hub.visitor()
    address = leave(pages_hub, visitor)
    cookies = dict(visitor.jar)
    assert back(visitor, provider.code(address)).status == 303
    visitor.jar = cookies
    assert back(visitor, provider.code(address)).status == 401
    assert "hub-session" not in visitor.jar


def test_an_answer_is_good_in_the_browser_that_asked(pages_hub: Hub, provider: Provider) -> None:
    attacker, victim = pages_hub.visitor(), pages_hub.visitor()
    answer = provider.code(leave(pages_hub, attacker))
    assert back(victim, answer).status == 401
    leave(pages_hub, victim)
    assert back(victim, answer).status == 401
    assert "hub-session" not in victim.jar


def _changed(answer: dict[str, str], **changed: str | None) -> dict[str, str]:
    return {name: value for name, value in {**answer, **changed}.items() if value is not None}


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "guess"},
        {"state": None},
        {"code": "guess"},
        {"code": None},
        {"iss": "https://evil.test"},
        {"iss": None},
        {"error": "access_denied", "code": None},
    ],
)
def test_an_answer_with_something_else_in_it_lets_nobody_in(
    pages_hub: Hub, provider: Provider, changed: dict[str, str | None]
) -> None:
    visitor = pages_hub.visitor()
    page = back(visitor, _changed(provider.code(leave(pages_hub, visitor)), **changed))
    assert page.status == 401
    assert "hub-session" not in visitor.jar
    assert "evil" not in page.text


def test_the_answer_of_one_provider_is_none_of_another(pages_hub: Hub, provider: Provider) -> None:
    visitor = pages_hub.visitor()
    assert back(visitor, provider.code(leave(pages_hub, visitor)), at="other").status == 401
    assert back(visitor, {"code": "x", "state": "y"}, at="nobody").status == 404


def test_a_provider_that_does_not_answer_is_a_page(pages_hub: Hub) -> None:
    visitor = pages_hub.visitor()
    page = visitor.get("/oauth/login/silent?next=")
    assert page.status == 401
    assert "niet gelukt" in page.text


def test_whoever_is_known_in_two_ways_chooses(pages_hub: Hub, provider: Provider) -> None:
    provider.changed["person"] = "marije-veenstra"
    visitor = pages_hub.visitor()
    page = back(visitor, provider.code(leave(pages_hub, visitor, "other", prompt="consent")), at="other")
    form = page.form("/login/person")
    assert form.choices == {"person": ["Practitioner/marije-too", "RelatedPerson/daughter-marije"]}
    assert "hub-session" not in visitor.jar
    assert visitor.send(form, ("person", "Practitioner/gp-harmsen")).status == 403
    chosen = visitor.send(form, ("person", "RelatedPerson/daughter-marije"))
    assert "Marije Veenstra" in visitor.follow(chosen).text
    assert visitor.jar["hub-session"]
    visitor.jar["hub-login"] = "another browser"
    assert visitor.send(form, ("person", "RelatedPerson/daughter-marije")).status == 403
