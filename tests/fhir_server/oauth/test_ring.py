"""The keys that sign tokens, one after another."""

import stat
from pathlib import Path

from fhir_server.oauth.ring import LEAD, KeyRing, rotate

SECOND = 1_000_000
NOW = 1_800_000_000 * SECOND
DAY = 86_400 * SECOND


def kids(ring: KeyRing) -> list[str]:
    return [key["kid"] for key in ring.jwks()["keys"]]


def test_the_next_key_is_published_before_it_signs(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, NOW)
    (first,) = kids(ring)
    verifying = ring.verifying
    kid, start = rotate(tmp_path, NOW)
    assert start == NOW // SECOND + LEAD
    ring.look(NOW)
    assert kids(ring) == [key.kid for key in verifying] == [first, kid]
    assert ring.signing(start * SECOND - 1).kid == first
    assert ring.signing(start * SECOND).kid == kid
    assert KeyRing(tmp_path, NOW).jwks() == ring.jwks()


def test_a_key_that_waits_is_not_made_again(tmp_path: Path) -> None:
    assert rotate(tmp_path, NOW) == rotate(tmp_path, NOW + 5 * SECOND)
    assert len(kids(KeyRing(tmp_path, NOW))) == 2


def test_an_old_key_verifies_until_its_tokens_are_over(tmp_path: Path) -> None:
    ring = KeyRing(tmp_path, NOW)
    (first,) = kids(ring)
    second, start = rotate(tmp_path, NOW)
    ring.look(start * SECOND + DAY)
    assert kids(ring) == [first, second]
    ring.look(start * SECOND + DAY + 60 * SECOND)
    assert kids(ring) == [second]
    third, _ = rotate(tmp_path, start * SECOND + 2 * DAY)
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == sorted(
        [f"signing-{start}.pem", f"signing-{start + 172_800 + LEAD}.pem"]
    )
    ring.look(start * SECOND + 2 * DAY)
    assert kids(ring) == [second, third]
    assert kids(KeyRing(tmp_path, start * SECOND + 2 * DAY)) == [second, third]


def test_key_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    rotate(tmp_path, NOW)
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
