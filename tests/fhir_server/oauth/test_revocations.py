"""Revocations in memory: what is revoked, until when it is remembered, and how often the store is asked for all."""

import asyncio
from collections.abc import Sequence

import pytest

from fhir_server.oauth.revocations import Revocations
from fhir_server.oauth.store import SECOND, Revocation

NOW = 1_800_000_000 * SECOND


class Kept:
    def __init__(self, *kept: Revocation) -> None:
        self.kept = list(kept)
        self.asked: list[int] = []

    async def revocations(self, since: int) -> Sequence[Revocation]:
        self.asked.append(since)
        return [each for each in self.kept if each.since >= since]


def looked(kept: Kept) -> Revocations:
    revocations = Revocations(kept)
    asyncio.run(revocations.look(NOW))
    return revocations


@pytest.mark.parametrize(
    ("token", "subject", "issued", "revoked"),
    [
        ("f1.a", "Patient/1", 0, False),
        ("f2.t", "Patient/1", 0, True),
        ("f2.u", "Patient/1", 0, False),
        ("f3.a", "Patient/1", 0, True),
        ("f3", "Patient/1", 0, True),
        ("f33.a", "Patient/1", 0, False),
        ("f1.a", "Patient/2", NOW // SECOND - 9, True),
        ("f1.a", "Patient/2", NOW // SECOND - 10, True),
        ("f1.a", "Patient/2", NOW // SECOND - 8, False),
        ("", "", 0, False),
    ],
)
def test_a_token_is_revoked_by_itself_its_family_or_its_holder(token: str, subject: str, issued: int, *, revoked: bool) -> None:
    kept = Kept(
        Revocation("token", "f2.t", NOW, NOW + SECOND),
        Revocation("family", "f3", NOW, NOW + SECOND),
        Revocation("subject", "Patient/2", NOW - 9 * SECOND, NOW + SECOND),
        Revocation("subject", "Patient/2", NOW - 10 * SECOND, NOW + SECOND),
    )
    assert looked(kept).revoked(token, subject, issued) is revoked


def test_only_what_is_new_is_asked_for_and_now_and_then_all() -> None:
    kept = Kept()
    revocations = looked(kept)
    kept.kept.append(Revocation("token", "t", NOW + SECOND, NOW + 9 * SECOND))
    asyncio.run(revocations.look(NOW + 2 * SECOND))
    assert revocations.revoked("t", "", 0)
    kept.kept.clear()
    asyncio.run(revocations.look(NOW + 3 * SECOND))
    assert revocations.revoked("t", "", 0)
    asyncio.run(revocations.look(NOW + 700 * SECOND))
    assert not revocations.revoked("t", "", 0)
    day = 86_460 * SECOND
    assert kept.asked == [NOW - day, NOW - 10 * SECOND, NOW - 8 * SECOND, NOW + 700 * SECOND - day]
