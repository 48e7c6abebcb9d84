"""From the Authorization header to the actor, and what is remembered of it."""

import asyncio
from typing import Any

import pytest

from fhir_server.access.actor import Actor
from fhir_server.errors import Unauthorized
from fhir_server.oauth import bearer as module
from fhir_server.oauth.bearer import Bearer
from fhir_server.oauth.claims import Expected
from fhir_server.oauth.jwk import SigningKey
from fhir_server.oauth.jws import sign
from fhir_server.oauth.presented import Presented
from fhir_server.oauth.token import TokenRequest, issue

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which every real verification adds its token."""
    seen: list[str] = []
    verify = module.verify

    def counted(token: str, *rest: Any) -> dict[str, Any]:
        seen.append(token)
        return verify(token, *rest)

    monkeypatch.setattr(module, "verify", counted)
    return seen


def token_of(key: SigningKey, name: str = "vos", lifetime: int = 60, now: int = NOW) -> bytes:
    request = TokenRequest(f"Practitioner/{name}", "practitioner", lifetime=lifetime)
    return b"Bearer " + issue(request, key, "https://hub.test", "https://hub.test/fhir", now, "t").encode()


def actor_of(bearer: Bearer, header: bytes | None, now: int = NOW) -> Actor:
    """Ask as the FHIR application does: without waiting first."""
    return bearer.known(header, now) or asyncio.run(bearer.actor(Presented(header), now))


def detail_of(bearer: Bearer, header: bytes | None, now: int = NOW) -> str:
    with pytest.raises(Unauthorized) as caught:
        actor_of(bearer, header, now)
    assert [name for name, _ in caught.value.headers] == [b"www-authenticate"]
    assert caught.value.headers[0][1].startswith(b"Bearer ")
    return caught.value.issues[0].detail


def test_a_good_header_names_the_actor(key: SigningKey, expected: Expected) -> None:
    actor = actor_of(Bearer([key.verifying], expected), token_of(key))
    assert (actor.reference, actor.role, actor.purpose, actor.people) == (
        "Practitioner/vos",
        "practitioner",
        "TREAT",
        ("Practitioner/vos",),
    )


@pytest.mark.parametrize("scheme", [b"bearer", b"BEARER", b"Bearer ", b" Bearer"])
def test_the_scheme_is_free_in_case_and_blanks(scheme: bytes, key: SigningKey, expected: Expected) -> None:
    header = scheme + b" " + token_of(key).removeprefix(b"Bearer ") + b" "
    assert actor_of(Bearer([key.verifying], expected), header).reference == "Practitioner/vos"


def test_no_header(key: SigningKey, expected: Expected) -> None:
    assert detail_of(Bearer([key.verifying], expected), None) == "token-missing"


@pytest.mark.parametrize(
    "header", [b"", b"Bearer", b"Bearer ", b"Token abc", b"Basic dTpw", b"Bearer a b", b"Bearer \xe9.a.b", b"a.b.c"]
)
def test_other_headers(header: bytes, key: SigningKey, expected: Expected) -> None:
    assert detail_of(Bearer([key.verifying], expected), header) == "token-malformed"


@pytest.mark.parametrize(
    "changes",
    [
        {"role": "doctor"},
        {"role": None},
        {"role": ["system"]},
        {"role": "patient"},
        {"fhirUser": 5},
        {"fhirUser": "nobody"},
        {"fhirUser": "https://other.test/fhir/Practitioner/vos"},
        {"patient": "Patient/bakker"},
        {"patient": 7},
        {"scope": ["user/*.cruds"]},
    ],
)
def test_claims_that_make_no_actor(changes: dict[str, Any], key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    token = b"Bearer " + sign(key, {**claims, **changes}).encode()
    assert detail_of(Bearer([key.verifying], expected), token) == "token-claims"


def test_fhir_user_goes_before_sub_and_may_be_absolute(key: SigningKey, expected: Expected, claims: dict[str, Any]) -> None:
    more = {"sub": "3f0c", "fhirUser": "https://hub.test/fhir/Practitioner/vos", "patient": "bakker", "btg_reason": "r"}
    actor = actor_of(Bearer([key.verifying], expected), b"Bearer " + sign(key, {**claims, **more}).encode())
    assert (actor.reference, actor.patient, actor.reason, actor.token) == ("Practitioner/vos", "Patient/bakker", "r", "t-1")


def test_a_known_token_is_not_verified_again(key: SigningKey, expected: Expected, verified: list[str]) -> None:
    bearer, header = Bearer([key.verifying], expected), token_of(key)
    first = actor_of(bearer, header)
    assert actor_of(bearer, header, NOW + SECOND) is first
    assert len(verified) == 1


def test_a_known_token_ends_when_it_expires(key: SigningKey, expected: Expected, verified: list[str]) -> None:
    bearer, header = Bearer([key.verifying], expected), token_of(key)
    actor_of(bearer, header)
    assert actor_of(bearer, header, NOW + 65 * SECOND - 1)
    assert detail_of(bearer, header, NOW + 65 * SECOND) == "token-expired"
    assert len(verified) == 2
    assert not bearer._known


def test_a_refused_token_is_not_kept(key: SigningKey, other: SigningKey, expected: Expected) -> None:
    bearer = Bearer([key.verifying], expected)
    assert detail_of(bearer, token_of(other)) == "token-key"
    assert not bearer._known


def test_the_least_recently_used_goes_first(key: SigningKey, expected: Expected, verified: list[str]) -> None:
    bearer = Bearer([key.verifying], expected, size=2)
    first, second, third = (token_of(key, name) for name in ("a", "b", "c"))
    for header in (first, second, first, third, first):
        actor_of(bearer, header)
    assert len(verified) == 3
    assert len(bearer._known) == 2
    actor_of(bearer, second)
    assert len(verified) == 4


def test_a_token_is_kept_under_its_hash_only(key: SigningKey, expected: Expected) -> None:
    bearer, header = Bearer([key.verifying], expected), token_of(key)
    actor_of(bearer, header)
    assert header.removeprefix(b"Bearer ").decode() not in repr(bearer._known)
