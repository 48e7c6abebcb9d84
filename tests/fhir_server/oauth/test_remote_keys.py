"""The keys of another issuer: how long they are kept, and how seldom they are fetched."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from forgery import jwk_of

from fhir_server.errors import NoIssuer
from fhir_server.oauth.remote import Document, RemoteFailed
from fhir_server.oauth.remote_keys import GivenKeys, RemoteKeys

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
MINUTE, HOUR = 60 * SECOND, 3600 * SECOND


def key_set(*kids: str) -> dict[str, Any]:
    return {"keys": [jwk_of(ec.generate_private_key(ec.SECP256R1()).public_key(), kid=kid) for kid in kids]}


@dataclass
class Getting:
    """Answers with ``content``, or fails where that is None; counts how often it was asked, and how often at once."""

    content: dict[str, Any] | None = field(default_factory=lambda: key_set("a"))
    max_age: int | None = None
    asked: int = 0
    under_way: int = 0
    most: int = 0

    async def get(self, url: str) -> Document:
        assert url == "https://issuer.test/jwks"
        self.asked += 1
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if self.content is None:
            raise RemoteFailed("down")
        return Document(self.content, self.max_age)


def remote(getting: Getting) -> RemoteKeys:
    return RemoteKeys("https://issuer.test/jwks", getting)


def kids(keys: RemoteKeys, kid: str = "a", now: int = NOW) -> list[str]:
    return [key.kid for key in asyncio.run(keys.keys(kid, now))]


@pytest.mark.parametrize(
    ("max_age", "kept"),
    [(None, HOUR), (0, 5 * MINUTE), (10, 5 * MINUTE), (600, 10 * MINUTE), (10**8, 24 * HOUR)],
)
def test_keys_are_kept_as_long_as_the_issuer_says_within_bounds(max_age: int | None, kept: int) -> None:
    getting = Getting(max_age=max_age)
    keys = remote(getting)
    for now in (NOW, NOW + 1, NOW + kept - 1):
        assert kids(keys, now=now) == ["a"]
    assert getting.asked == 1
    assert kids(keys, now=NOW + kept) == ["a"]
    assert getting.asked == 2


def test_an_unknown_kid_fetches_anew_but_seldom() -> None:
    getting = Getting()
    keys = remote(getting)
    kids(keys)
    getting.content = key_set("a", "b")
    for step in range(30):
        assert kids(keys, f"invented-{step}", NOW + step * SECOND) == ["a"]
    assert getting.asked == 1
    assert kids(keys, "b", NOW + 30 * SECOND) == ["a", "b"]
    assert getting.asked == 2
    assert kids(keys, "c", NOW + 59 * SECOND) == ["a", "b"]
    assert getting.asked == 2


def test_a_key_that_was_withdrawn_is_gone_with_the_next_fetch() -> None:
    getting = Getting(max_age=300)
    keys = remote(getting)
    kids(keys)
    getting.content = key_set("b")
    assert kids(keys, "a", NOW + 5 * MINUTE) == ["b"]


def test_stale_keys_serve_while_the_issuer_is_away_and_not_for_ever() -> None:
    getting = Getting(max_age=300)
    keys = remote(getting)
    kids(keys)
    getting.content = None
    assert kids(keys, now=NOW + 5 * MINUTE) == ["a"]
    assert kids(keys, now=NOW + 5 * MINUTE + 4 * SECOND) == ["a"]
    assert getting.asked == 2
    assert kids(keys, now=NOW + 5 * MINUTE + 5 * SECOND) == ["a"]
    assert getting.asked == 3
    assert kids(keys, now=NOW + 6 * HOUR + 5 * MINUTE - 1) == ["a"]
    with pytest.raises(NoIssuer):
        kids(keys, now=NOW + 6 * HOUR + 5 * MINUTE)
    getting.content = key_set("a")
    assert kids(keys, now=NOW + 7 * HOUR) == ["a"]


@pytest.mark.parametrize("content", [None, {}, {"keys": []}, {"keys": "a"}, {"keys": [7, {"kty": "oct", "kid": "a", "k": "AA"}]}])
def test_without_any_key_the_issuer_is_away(content: dict[str, Any] | None) -> None:
    getting = Getting(content)
    keys = remote(getting)
    for now in (NOW, NOW + 1, NOW + 4 * SECOND):
        with pytest.raises(NoIssuer) as caught:
            kids(keys, now=now)
        assert caught.value.headers == ((b"retry-after", b"10"),)
    assert getting.asked == 1
    getting.content = key_set("a")
    assert kids(keys, now=NOW + 5 * SECOND) == ["a"]


def test_many_at_once_are_one_request() -> None:
    getting = Getting()
    keys = remote(getting)

    async def many() -> list[int]:
        return [len(each) for each in await asyncio.gather(*(keys.keys("a", NOW) for _ in range(20)))]

    assert asyncio.run(many()) == [1] * 20
    assert (getting.asked, getting.most) == (1, 1)


def test_weak_keys_of_an_issuer_are_left_out() -> None:
    weak = rsa.RSAPublicNumbers(65537, 2**1023 + 1).public_key()
    content = {"keys": [jwk_of(weak, kid="a", alg="RS256"), *key_set("b")["keys"]]}
    assert kids(remote(Getting(content)), "b") == ["b"]


def test_keys_of_the_settings() -> None:
    assert [key.kid for key in asyncio.run(GivenKeys(key_set("x")).keys("y", NOW))] == ["x"]
