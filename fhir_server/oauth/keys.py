"""Keys and secrets on disk: made on first use in ``DATA_DIR/keys``, readable by their owner only.

Several processes may start at once: a file comes into being complete or not at all, and the first one to write it wins.
"""

import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from fhir_server.oauth.jwk import SigningKey

SECRET_BYTES = 32
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")
_REPAIR = "Put the right file back, or remove it to have a new one made."
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class KeyFileError(RuntimeError):
    """A key file or its folder cannot be used; the text says which and what to do."""


def signing_key(data_dir: Path) -> SigningKey:
    """Return the first key that signs tokens, made on first use (P-256, PKCS#8 PEM); raises KeyFileError."""
    return new_signing_key(data_dir, "signing.pem")


def new_signing_key(data_dir: Path, name: str) -> SigningKey:
    """Return the key in the file ``name``, made where it is not there; raises KeyFileError."""
    path = _folder(data_dir) / name
    return _signing(path, _load(path, _new_key))


def key_in(path: Path) -> SigningKey:
    """Return the key in a file that is there; raises KeyFileError."""
    try:
        return _signing(path, _read(path))
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error


def _signing(path: Path, content: bytes) -> SigningKey:
    try:
        private = load_pem_private_key(content, password=None)
    except ValueError as error:
        raise KeyFileError(f"{path} holds no private key. {_REPAIR}") from error
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise KeyFileError(f"{path} holds no key on the curve P-256. {_REPAIR}")
    return SigningKey(private)


def secret(data_dir: Path, name: str) -> bytes:
    """Return the 32 secret bytes called ``name`` (lower-case letters, digits, hyphens), made on first use; raises KeyFileError."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"no name for a secret: {name!r}")
    path = _folder(data_dir) / f"{name}.secret"
    return _right(path, _load(path, lambda: secrets.token_bytes(SECRET_BYTES)))


def kept_secret(data_dir: Path, name: str) -> bytes | None:
    """Return the 32 secret bytes called ``name``, None where there are none: none are made. Raises KeyFileError."""
    path = _folder(data_dir) / f"{name}.secret"
    try:
        return _right(path, _read(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error


def _right(path: Path, value: bytes) -> bytes:
    if len(value) != SECRET_BYTES:
        raise KeyFileError(f"{path} does not hold {SECRET_BYTES} bytes. {_REPAIR}")
    return value


def fresh_secret() -> str:
    """Return 32 random bytes as base64url: a code, a refresh token, a cookie."""
    return secrets.token_urlsafe(SECRET_BYTES)


def derive(secret_: bytes, label: str, length: int = SECRET_BYTES) -> bytes:
    """Return ``length`` bytes for the use ``label``, derived from a secret with HKDF-SHA-256 (RFC 5869)."""
    return HKDF(SHA256(), length, salt=None, info=label.encode()).derive(secret_)


def _new_key() -> bytes:
    private = ec.generate_private_key(ec.SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _folder(data_dir: Path) -> Path:
    folder = data_dir / "keys"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KeyFileError(f"{folder} cannot be made: {error.strerror}") from error
    _refuse_others(folder, folder.stat().st_mode, "700")
    return folder


def _load(path: Path, make: Callable[[], bytes]) -> bytes:
    try:
        if not path.is_symlink() and not path.exists():
            _create(path, make())
        return _read(path)
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read or made: {error.strerror}") from error


def _read(path: Path) -> bytes:
    # The mode is that of the file that was opened, whatever its name points to a moment later.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        _refuse_others(path, os.fstat(file.fileno()).st_mode, "600")
        return file.read()


def _create(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _publish(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _refuse_others(path: Path, mode: int, wanted: str) -> None:
    if mode & _OTHERS:
        raise KeyFileError(f"{path} is open to other users (mode {stat.S_IMODE(mode):o}). Run: chmod {wanted} {path}")
