"""The ids under which the hub shows what it holds nowhere: sealed, so that only the hub can tell what they stand for.

An id is "f", the symbol of the secret, ".", and in lower-case base32 the AES-SIV encryption (RFC 5297) of

    patient 8 bytes | source 4 | type 2 | local id 8

each a digest. The same object always has the same id, no table is kept, and an id that was not made here does not open.
64 characters, all of them allowed in a FHIR id (https://hl7.org/fhir/R4/datatypes.html#id).
"""

import struct
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fhir_server.search.rows import key
from profiles.definitions import resource_types

LENGTH = 64
LAYOUT = struct.Struct(">qIHq")
TAG = 16
PREFIX = "f"
SHORTEST_SECRET = 32


@dataclass(frozen=True, slots=True)
class Sealed:
    """What an id stands for: digests of the patient's reference, of the source's name and of the local id, and the type."""

    patient: int
    source: int
    type: str
    local: int


def patient_digest(reference: str) -> int:
    """Return the digest of "Patient/id": the same that the index rows use."""
    return key(reference)


def source_digest(name: str) -> int:
    """Return the digest of the name of a source."""
    return key("source", name) & 0xFFFF_FFFF


def local_digest(id_: str) -> int:
    """Return the digest of the id that an object has at its source."""
    return key("local", id_)


def type_digest(name: str) -> int:
    """Return the digest of a resource type; those of R4 are all different."""
    return key("type", name) & 0xFFFF


class Seal:
    """Makes and opens ids, for the resource types of R4.

    Ids are made with ``secret``; the ``older`` secrets only open what was made with them. A secret has at least 32 bytes.
    """

    def __init__(self, secret: bytes, older: Sequence[bytes] = ()) -> None:
        """Raise ``ValueError`` for a secret that is too short."""
        if any(len(each) < SHORTEST_SECRET for each in (secret, *older)):
            raise ValueError(f"a secret for sealed ids has at least {SHORTEST_SECRET} bytes")
        self._symbol = _symbol(secret)
        self._cipher = _cipher(secret)
        self._older = [(_symbol(each), _cipher(each)) for each in older]
        self._opaque_key = _derived(secret, b"opaque")

    def seal(self, patient: str, source: str, type_: str, local: str) -> str:
        """Return the id of the object ``type_``/``local`` of ``source`` about ``patient`` ("Patient/id")."""
        plain = LAYOUT.pack(patient_digest(patient), source_digest(source), type_digest(type_), local_digest(local))
        return f"{PREFIX}{self._symbol}.{_encode(self._cipher.encrypt(plain, None))}"

    def open_(self, id_: str) -> Sealed | None:
        """Return what ``id_`` stands for, None when it was not made here or with a secret that is no longer known."""
        head, _, text = id_.partition(".")
        sealed = _decode(text)
        for symbol, cipher in [(self._symbol, self._cipher), *self._older]:
            if sealed and head == PREFIX + symbol and (plain := _decrypted(cipher, sealed)):
                patient, source, type_, local = LAYOUT.unpack(plain)
                return Sealed(patient, source, _types()[type_], local)
        return None

    def opaque(self, value: str) -> str:
        """Return a ``urn:uuid`` that always stands for ``value`` and does not tell it."""
        return UUID(bytes=blake2b(value.encode(), key=self._opaque_key, digest_size=16).digest(), version=4).urn


@cache
def _types() -> dict[int, str]:
    return {type_digest(name): name for name in resource_types()}


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return blake2b(secret, digest_size=64, person=purpose).digest()


def _cipher(secret: bytes) -> AESSIV:
    return AESSIV(_derived(secret, b"sealed-id"))


def _symbol(secret: bytes) -> str:
    return _encode(_derived(secret, b"symbol"))[0]


def _decrypted(cipher: AESSIV, sealed: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed, None)
    except InvalidTag:
        return b""


def _encode(data: bytes) -> str:
    return b32encode(data).decode().rstrip("=").lower()


def _decode(text: str) -> bytes | None:
    """Decode base32; None for anything that ``_encode`` would not have written."""
    try:
        data = b32decode(text.upper() + "=" * (-len(text) % 8))
    except (NotBase32, ValueError):
        return None
    return data if len(data) == TAG + LAYOUT.size and _encode(data) == text else None
