"""Keys and secrets on disk: made once, private, and never half."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fhir_server.oauth import keys
from fhir_server.oauth.jwk import verifying_keys
from fhir_server.oauth.keys import KeyFileError, derive, secret, signing_key


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def private_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def test_the_signing_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    before = os.umask(0)
    try:
        made = signing_key(data)
    finally:
        os.umask(before)
    assert signing_key(data).kid == made.kid
    assert [mode(path) for path in (data, data / "keys", data / "keys" / "signing.pem")] == [0o700, 0o700, 0o600]
    assert [path.name for path in (data / "keys").iterdir()] == ["signing.pem"]
    assert verifying_keys({"keys": [made.jwk()]}) == (made.verifying,)


def test_secrets_differ_by_name_and_stay(tmp_path: Path) -> None:
    paging, sealing = secret(tmp_path, "paging"), secret(tmp_path, "sealed-ids")
    assert len(paging) == len(sealing) == 32
    assert paging != sealing
    assert secret(tmp_path, "paging") == paging
    assert mode(tmp_path / "keys" / "paging.secret") == 0o600


@pytest.mark.parametrize("name", ["", "../x", "A", "a/b", "a.b", "x" * 50, "a\n"])
def test_a_secrets_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        secret(tmp_path, name)


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o660, 0o620, 0o610, 0o601])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, bits: int) -> None:
    signing_key(tmp_path)
    (tmp_path / "keys" / "signing.pem").chmod(bits)
    with pytest.raises(KeyFileError, match=r"chmod 600 .*signing\.pem"):
        signing_key(tmp_path)


@pytest.mark.parametrize("bits", [0o750, 0o705, 0o755])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, bits: int) -> None:
    secret(tmp_path, "paging")
    (tmp_path / "keys").chmod(bits)
    with pytest.raises(KeyFileError, match="chmod 700"):
        secret(tmp_path, "paging")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    private_file(tmp_path / "elsewhere", bytes(32))
    (tmp_path / "keys" / "paging.secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="cannot be read"):
        secret(tmp_path, "paging")


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match="cannot be made"):
        secret(tmp_path / "file", "paging")


def pem(private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize("content", ["empty", "text", "p384", "rsa"])
def test_a_file_with_something_else_is_refused(tmp_path: Path, content: str, rsa_key: rsa.RSAPrivateKey) -> None:
    (tmp_path / "keys").mkdir(mode=0o700)
    found = {"empty": b"", "text": b"no key", "p384": pem(ec.generate_private_key(ec.SECP384R1())), "rsa": pem(rsa_key)}[content]
    private_file(tmp_path / "keys" / "signing.pem", found)
    private_file(tmp_path / "keys" / "paging.secret", found[:31])
    with pytest.raises(KeyFileError, match=r"signing\.pem"):
        signing_key(tmp_path)
    with pytest.raises(KeyFileError, match="32 bytes"):
        secret(tmp_path, "paging")


def test_whoever_writes_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish = keys._publish

    def late(draft: Path, path: Path) -> None:
        private_file(path, b"w" * 32)
        publish(draft, path)

    monkeypatch.setattr(keys, "_publish", late)
    assert secret(tmp_path, "paging") == b"w" * 32
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["paging.secret"]


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        signing_key(tmp_path)
    assert not list((tmp_path / "keys").iterdir())


def test_processes_that_start_together_get_one_key(tmp_path: Path) -> None:
    with multiprocessing.get_context("forkserver").Pool(4) as pool:
        assert len(set(pool.map(_kid, [tmp_path] * 16))) == 1


def _kid(data: Path) -> str:
    return signing_key(data).kid


def test_derived_keys_differ_by_label_and_have_the_asked_length() -> None:
    assert len(derive(b"s" * 32, "ids", 64)) == 64
    assert derive(b"s" * 32, "ids") == derive(b"s" * 32, "ids")
    assert len({derive(b"s" * 32, "ids"), derive(b"s" * 32, "pages"), derive(b"t" * 32, "ids")}) == 3
