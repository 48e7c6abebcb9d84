"""The text that is stored in the place of a BSN: ``bsn~KEY~CIPHERTEXT``.

AES-SIV (https://www.rfc-editor.org/rfc/rfc5297) without a nonce: the same number gives the same text, so that an index over the
text finds the number, and nobody without the key can try all numbers. ``KEY`` says which key it was: there may be others later.
"""

import re
from base64 import b32decode, b32encode
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fhir_server.model.bsn import is_bsn

MARK: Final = b"bsn~"
"""What every sealed text begins with: a body without it holds no number."""
KEY_BYTES: Final = 64
SEALED: Final = re.compile(rb"bsn~[0-9a-z]{1,8}~[a-z2-7]{32}")
_PURPOSE: Final = b"bsn"
_NUMBER_BYTES: Final = 4


class BsnSeal:
    """Seals numbers with the key ``current`` of ``keys`` (64 bytes each, by their ids), and opens what any of them sealed."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        """Use ``keys``; raises ValueError for one of another length."""
        if any(len(each) != KEY_BYTES for each in keys.values()):
            raise ValueError(f"a key for sealing numbers has {KEY_BYTES} bytes")
        self._ciphers = {id_: AESSIV(each) for id_, each in keys.items()}
        self._current = current

    def seal(self, number: str) -> str:
        """Return the text to store for ``number``; ValueError when that is no BSN."""
        if not is_bsn(number):
            raise ValueError("no BSN")
        plain = int(number).to_bytes(_NUMBER_BYTES, "big")
        made = self._ciphers[self._current].encrypt(plain, [_PURPOSE, self._current.encode()])
        return f"bsn~{self._current}~{b32encode(made).decode().lower()}"

    def open_(self, text: str) -> str | None:
        """Return the number that was sealed as ``text``; None for any other text, or one whose key is gone."""
        if SEALED.fullmatch(text.encode()) is None:
            return None
        _, id_, sealed = text.split("~")
        cipher = self._ciphers.get(id_)
        if cipher is None:
            return None
        try:
            plain = cipher.decrypt(b32decode(sealed.upper()), [_PURPOSE, id_.encode()])
        except InvalidTag:
            return None
        return f"{int.from_bytes(plain, 'big'):09}"
