"""How other servers are asked: what is followed, how long, how much, and which addresses."""

import asyncio
from collections.abc import Iterator

import pytest
import simulated_issuer
from simulated_issuer import Issuer

from fhir_server.oauth.remote import LIMIT, Document, Remote, RemoteFailed, acceptable

pytestmark = pytest.mark.network_loopback


@pytest.fixture(scope="module")
def running() -> Iterator[Issuer]:
    with simulated_issuer.issuer() as found:
        yield found


@pytest.fixture
def issuer(running: Issuer) -> Issuer:
    running.status, running.delay, running.body, running.headers = 200, 0, None, {}
    running.asked.clear()
    return running


def fetched(issuer: Issuer, path: str = "/jwks", seconds: float = 5) -> Document:
    async def run() -> Document:
        remote = Remote(seconds)
        try:
            return await remote.get(issuer.url + path)
        finally:
            await remote.close()

    return asyncio.run(run())


def test_a_document_and_how_long_it_may_be_kept(issuer: Issuer) -> None:
    issuer.headers = {"Cache-Control": "public, max-age=600, must-revalidate"}
    document = fetched(issuer)
    assert [key["kid"] for key in document.content["keys"]] == ["one"]
    assert document.max_age == 600


@pytest.mark.parametrize("header", ["no-store", "s-maxage=5", "x-max-age=5", "max-age=-1", "max-age=abc"])
def test_other_words_about_keeping_say_nothing(header: str, issuer: Issuer) -> None:
    issuer.headers = {"Cache-Control": header}
    assert fetched(issuer).max_age is None


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 404, 500])
def test_every_other_status_is_a_failure_and_nothing_is_followed(status: int, issuer: Issuer) -> None:
    issuer.status, issuer.headers = status, {"Location": issuer.url + "/introspect"}
    with pytest.raises(RemoteFailed, match=str(status)):
        fetched(issuer)
    assert issuer.asked == {"/jwks": 1}


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"text", b'{"keys":[],"keys":[]}', b'{"a":NaN}', b"\xff", b'{"a":' * 100_000, b'{"keys":"' + b"x" * LIMIT + b'"}'],
    ids=["empty", "array", "text", "a member twice", "NaN", "not UTF-8", "deep", "large"],
)
def test_answers_that_are_no_small_object(body: bytes, issuer: Issuer) -> None:
    issuer.body = body
    with pytest.raises(RemoteFailed):
        fetched(issuer)


def test_a_slow_answer_is_a_failure(issuer: Issuer) -> None:
    issuer.delay = 1
    with pytest.raises(RemoteFailed, match="TimeoutError"):
        fetched(issuer, seconds=0.05)


def test_nobody_there_is_a_failure() -> None:
    with pytest.raises(RemoteFailed):
        fetched(Issuer(url="http://127.0.0.1:9"))


def test_a_form_with_and_without_authorization(issuer: Issuer) -> None:
    token = issuer.opaque(scope="a")

    async def run() -> list[bool]:
        remote = Remote()
        try:
            asked = [("Basic eDp5", token), ("", token), ("", "other")]
            return [(await remote.post(issuer.url + "/introspect", {"token": t}, a)).content["active"] for a, t in asked]
        finally:
            await remote.close()

    assert asyncio.run(run()) == [True, True, False]
    assert issuer.authorizations[-3:] == ["Basic eDp5", "", ""]


@pytest.mark.parametrize(
    ("url", "anywhere", "here"),
    [
        ("https://issuer.test/jwks", True, True),
        ("https://127.0.0.1/jwks", True, True),
        ("http://issuer.test/jwks", False, False),
        ("http://127.0.0.1:1/jwks", False, True),
        ("http://localhost:1/jwks", False, True),
        ("http://[::1]/jwks", False, True),
        ("http://127.0.0.1.evil.test/jwks", False, False),
        ("http://localhost.evil.test/jwks", False, False),
        ("http://10.0.0.1/jwks", False, False),
        ("http://2130706433/jwks", False, False),
        ("https://user@issuer.test/", False, False),
        ("http://localhost@evil.test/", False, False),
        ("https://issuer.test/#part", False, False),
        ("https://issuer.test:99999/", False, False),
        ("https:///jwks", False, False),
        ("file:///etc/passwd", False, False),
        ("ftp://issuer.test/", False, False),
        ("/jwks", False, False),
        ("", False, False),
    ],
)
def test_which_addresses_may_be_asked(url: str, *, anywhere: bool, here: bool) -> None:
    assert (acceptable(url, loopback=False), acceptable(url, loopback=True)) == (anywhere, here)
