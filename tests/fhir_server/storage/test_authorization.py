"""What the authorization server remembers, on both engines: what may happen once happens once, what is revoked stays so."""

import asyncio
from dataclasses import replace

import pytest
from invented import Run

from fhir_server.storage.authorization.store import (
    SECOND,
    AuthorizationCode,
    AuthorizationStore,
    ConsentGiven,
    Granted,
    LoginSession,
    RefreshToken,
    Reused,
    Revocation,
)
from fhir_server.storage.repository import Repository

NOW = 1_800_000_000 * SECOND
GRANTED = Granted("app", "Practitioner/p", "practitioner", "user/*.rs", authenticated=NOW - SECOND, session="s1")
CODE = AuthorizationCode("c1", "f1", GRANTED, "https://app.test/back", "challenge", NOW + 60 * SECOND)
REFRESH = RefreshToken("r1", "f1", GRANTED, NOW + 100 * SECOND, NOW + 1000 * SECOND)
SESSION = LoginSession(
    "h1", "s1", "Practitioner/p", "practitioner", NOW, NOW + 60 * SECOND, NOW + 600 * SECOND, "csrf", "Organization/o"
)


def test_a_code_is_taken_once_and_the_second_time_revokes_its_family(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_code(CODE)
        await store.put_refresh(REFRESH)
        assert await store.take_code("c1", "another", NOW) is None
        assert await store.take_code("unknown", "app", NOW) is None
        assert await store.take_code("c1", "app", NOW) == CODE
        assert await store.take_code("c1", "app", NOW + 1) == Reused(GRANTED)
        assert [each[:3] for each in await store.revocations(NOW)] == [("family", "f1", NOW + 1)]
        assert await store.rotate_refresh("r1", replace(REFRESH, hash="r2"), NOW + 2) == "gone"

    run(body)


def test_a_code_that_somebody_else_has_shown_is_spent(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_code(CODE)
        assert await store.take_code(CODE.hash, "another", NOW) is None
        await store.spoil_code(CODE.hash, NOW)
        await store.spoil_code("unknown", NOW)
        assert await store.take_code(CODE.hash, CODE.granted.client, NOW) == Reused(GRANTED)

    run(body)


def test_a_code_expires(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_code(CODE)
        assert await store.take_code("c1", "app", CODE.expires) is None
        assert await store.take_code("c1", "app", CODE.expires - 1) == CODE

    run(body)


def test_of_many_who_take_one_code_one_gets_it(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_code(CODE)
        taken = await asyncio.gather(*(store.take_code("c1", "app", NOW) for _ in range(12)))
        assert [each for each in taken if isinstance(each, AuthorizationCode)] == [CODE]
        assert taken.count(Reused(GRANTED)) == 11

    run(body)


def test_of_many_who_rotate_one_token_one_does_and_the_family_dies(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_refresh(REFRESH)
        many = [replace(REFRESH, hash=f"n{number}") for number in range(12)]
        done = await asyncio.gather(*(store.rotate_refresh("r1", each, NOW) for each in many))
        assert sorted(done) == ["reused"] * 11 + ["rotated"]
        new = many[done.index("rotated")]
        assert await store.find_refresh(new.hash) == new
        assert await store.rotate_refresh(new.hash, replace(new, hash="later"), NOW) == "gone"

    run(body)


def test_rotation_goes_on_until_the_family_ends(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_refresh(REFRESH)
        second = replace(REFRESH, hash="r2", expires=NOW + 2000 * SECOND, bound="thumb")
        assert await store.rotate_refresh("r1", second, NOW) == "rotated"
        assert await store.find_refresh("r1") == replace(REFRESH, used=NOW)
        assert await store.find_refresh("r2") == second
        assert await store.rotate_refresh("r2", replace(second, hash="r3"), REFRESH.ends) == "gone"
        assert await store.rotate_refresh("absent", second, NOW) == "gone"
        assert await store.find_refresh("absent") is None

    run(body)


def test_a_log_in_lasts_while_it_is_touched_and_ends_at_its_end(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.put_session(SESSION)
        assert await store.find_session("h1", NOW) == SESSION
        assert await store.find_session("h1", SESSION.idle) is None
        await store.touch_session("h1", SESSION.ends + SECOND)
        assert await store.find_session("h1", SESSION.ends - 1) is not None
        assert await store.find_session("h1", SESSION.ends) is None
        assert await store.end_session("absent", NOW) is None

    run(body)


@pytest.mark.parametrize(("scope", "outcome"), [("user/*.rs", "gone"), ("user/*.rs offline_access", "rotated")])
def test_the_end_of_a_log_in_ends_what_came_from_it_unless_it_was_to_outlive_it(run: Run, scope: str, outcome: str) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        token = replace(REFRESH, granted=replace(GRANTED, scope=scope))
        await store.put_session(SESSION)
        await store.put_refresh(token)
        ended = await store.end_session("h1", NOW)
        assert ended == SESSION
        assert await store.find_session("h1", NOW) is None
        assert await store.rotate_refresh("r1", replace(token, hash="r2"), NOW) == outcome

    run(body)


def test_a_leaver_keeps_nothing(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await _fill(store)
        await store.revoke_subject("Practitioner/p", NOW)
        assert await store.find_session("h1", NOW) is None
        assert await store.take_code("c1", "app", NOW) is None
        assert await store.rotate_refresh("r1", replace(REFRESH, hash="r2"), NOW) == "gone"
        await store.put_refresh(replace(REFRESH, hash="r3"))  # from a request that was under way
        assert await store.rotate_refresh("r3", replace(REFRESH, hash="r4"), NOW) == "gone"
        later = replace(REFRESH, hash="r5", granted=replace(GRANTED, authenticated=NOW + 1))
        await store.put_refresh(later)
        assert await store.rotate_refresh("r5", replace(later, hash="r6"), NOW + 2) == "rotated"

    run(body)


async def _fill(store: AuthorizationStore) -> None:
    await store.put_session(SESSION)
    await store.put_code(CODE)
    await store.put_refresh(REFRESH)


def test_of_two_revocations_the_later_one_counts(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await store.revoke_token("t", NOW, NOW + SECOND)
        await store.revoke_token("t", NOW - 5, NOW + 9 * SECOND)
        assert await store.revocations(NOW) == [Revocation("token", "t", NOW, NOW + 9 * SECOND)]
        assert await store.revocations(NOW + 1) == []

    run(body)


def test_a_value_is_used_once_until_it_is_forgotten(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        first = await asyncio.gather(*(store.first_use("j", NOW + SECOND, NOW) for _ in range(8)))
        assert sorted(first) == [False] * 7 + [True]
        assert not await store.first_use("j", NOW + SECOND, NOW + SECOND - 1)
        assert await store.first_use("j", NOW + 2 * SECOND, NOW + SECOND)

    run(body)


def test_consent_given_to_a_client_is_remembered_and_forgotten(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        consent = ConsentGiven("Patient/1", "app", "patient/*.rs", NOW, "1")
        other = ConsentGiven("Patient/1", "other", "patient/*.r", NOW)
        await store.remember_consent(replace(consent, scope="less"))
        await store.remember_consent(consent)
        await store.remember_consent(other)
        assert await store.consents("Patient/1") == [consent, other]
        assert await store.consents("Patient/2") == []
        await store.forget_consent("Patient/1", "app")
        assert await store.consents("Patient/1") == [other]

    run(body)


def test_what_is_over_is_pruned_and_nothing_else(run: Run) -> None:
    async def body(repository: Repository) -> None:
        store = repository.authorization()
        await _fill(store)
        await store.revoke_token("t", NOW, NOW + SECOND)
        await store.first_use("j", NOW + SECOND, NOW)
        await store.prune(NOW)
        assert await store.find_session("h1", NOW) == SESSION
        assert await store.find_refresh("r1") == REFRESH
        assert not await store.first_use("j", NOW + SECOND, NOW)
        assert len(await store.revocations(0)) == 1
        await store.prune(NOW + 86_461 * SECOND)
        assert await store.find_refresh("r1") is None
        assert await store.find_session("h1", NOW) is None
        assert await store.take_code("c1", "app", NOW) is None
        assert await store.revocations(0) == []

    run(body)
