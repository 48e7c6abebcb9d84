"""The text that is stored in the place of a BSN: ``bsn~KEY~CIPHERTEXT``.

AES-SIV (https://www.rfc-editor.org/rfc/rfc5297) without a nonce: the same number gives the same text, so that an index over the
text finds the number, and nobody without the key can try all numbers. ``KEY`` says which key it was: there may be others later.
"""

import re
from base64 import b32decode, b32encode
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fhir_server.model.bsn import is_bsn

MARK: Final = b"bsn~"
"""What every sealed text begins with: a body without it holds no number."""
_MARK: Final = MARK.decode()
KEY_BYTES: Final = 64
SEALED: Final = re.compile(rb"bsn~[0-9a-z]{1,8}~[a-z2-7]{32}")
_PURPOSE: Final = b"bsn"
_NUMBER_BYTES: Final = 4


class Keys(NamedTuple):
    """64 bytes each, by their ids: ``current`` seals, ``searched`` are those by which stored texts may have been sealed."""

    every: Mapping[str, bytes]
    current: str
    searched: Sequence[str]


class BsnSeal:
    """Seals numbers with the key ``current`` of ``keys`` (64 bytes each, by their ids), and opens what any of them sealed."""

    def __init__(
        self,
        keys: Mapping[str, bytes],
        current: str,
        searched: Sequence[str] = (),
        renew: Callable[[], Keys | None] = lambda: None,
    ) -> None:
        """Use ``keys``, and search by all unless ``searched`` says less; ``renew`` returns what there is by now, None for the same.

        Raises ValueError for a key of another length.
        """
        self._renew = renew
        self._ciphers: dict[str, AESSIV] = {}
        self._use(Keys(keys, current, searched or tuple(keys)))

    @property
    def current(self) -> str:
        """The id of the key that seals."""
        self._look()
        return self._current

    def seal(self, number: str) -> str:
        """Return the text to store for ``number``; ValueError when that is no BSN."""
        self._look()
        return self._sealed(number, self._current)

    def seals(self, number: str) -> tuple[str, ...]:
        """Return every text that may be stored for ``number``, that of the current key first; ValueError when it is no BSN."""
        self._look()
        others = (each for each in self._searched if each != self._current)
        return tuple(self._sealed(number, each) for each in (self._current, *others))

    def equivalents(self, text: str) -> tuple[str, ...]:
        """Return every text that may stand for the same number as ``text``; itself alone when it stands for none."""
        number = self.open_(text) if text.startswith(_MARK) else None
        return (text,) if number is None else self.seals(number)

    def open_(self, text: str) -> str | None:
        """Return the number that was sealed as ``text``; None for any other text, or one whose key is gone."""
        if SEALED.fullmatch(text.encode()) is None:
            return None
        _, id_, sealed = text.split("~")
        if id_ not in self._ciphers:
            self._look()
        cipher = self._ciphers.get(id_)
        if cipher is None:
            return None
        try:
            plain = cipher.decrypt(b32decode(sealed.upper()), [_PURPOSE, id_.encode()])
        except InvalidTag:
            return None
        return f"{int.from_bytes(plain, 'big'):09}"

    def resealed(self, body: bytes) -> bytes:
        """Return ``body`` with every text in it that another key made as the current one makes it; what nobody can open stays."""
        self._look()
        prefix = f"{_MARK}{self._current}~".encode()

        def again(match: re.Match[bytes]) -> bytes:
            text = match[0]
            number = None if text.startswith(prefix) else self.open_(text.decode())
            return text if number is None else self._sealed(number, self._current).encode()

        return SEALED.sub(again, body) if MARK in body else body

    def _sealed(self, number: str, key: str) -> str:
        if not is_bsn(number):
            raise ValueError("no BSN")
        plain = int(number).to_bytes(_NUMBER_BYTES, "big")
        made = self._ciphers[key].encrypt(plain, [_PURPOSE, key.encode()])
        return f"{_MARK}{key}~{b32encode(made).decode().lower()}"

    def _look(self) -> None:
        found = self._renew()
        if found is not None:
            self._use(found)

    def _use(self, keys: Keys) -> None:
        if any(len(each) != KEY_BYTES for each in keys.every.values()):
            raise ValueError(f"a key for sealing numbers has {KEY_BYTES} bytes")
        self._ciphers |= {id_: AESSIV(each) for id_, each in keys.every.items() if id_ not in self._ciphers}
        self._current, self._searched = keys.current, tuple(keys.searched)
