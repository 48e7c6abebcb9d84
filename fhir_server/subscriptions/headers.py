"""Header lines of a channel (Subscription.channel.header): sent with every notification, and never shown again."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from fhir_server.errors import Unprocessable

HIDDEN: Final = "********"
"""What is shown of the value of a header."""
PLACE: Final = "Subscription.channel.header"
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE: Final = re.compile(r"[\x20-\x7e]{0,4000}")
_MOST: Final = 20
_OURS: Final = re.compile(
    "host|content-(length|type|encoding)|transfer-encoding|connection|upgrade|te|trailer|expect|keep-alive"
    "|proxy-authorization|proxy-connection|accept-encoding",
    re.IGNORECASE,
)
"""What only whoever sends a request can say."""


def read(lines: Sequence[str], kept: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that ``lines`` mean; one that is hidden keeps its value in ``kept``. Raises Unprocessable."""
    if len(lines) > _MOST:
        raise Unprocessable(f"A channel has at most {_MOST} header lines.", expression=PLACE, detail="channel-header")
    found: dict[str, str] = {}
    for number, line in enumerate(lines):
        name, colon, value = (part.strip() for part in line.partition(":"))
        place = f"{PLACE}[{number}]"
        if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Unprocessable("A header is one line of the form 'Name: value'.", expression=place, detail="channel-header")
        if _OURS.fullmatch(name):
            raise Unprocessable(f"The header {name} is set by this server.", expression=place, detail="channel-header")
        known = {each.lower(): value for each, value in kept.items()}
        if value == HIDDEN and name.lower() not in known:
            text = "No value of this header is known here: send it in full."
            raise Unprocessable(text, expression=place, detail="channel-header")
        found[name] = known[name.lower()] if value == HIDDEN else value
    return found


def shown(headers: Mapping[str, str]) -> list[str]:
    """Return the lines as they are stored and shown: without their values."""
    return [f"{name}: {HIDDEN}" for name in headers]


class HeaderSeal:
    """Seals headers (AES-SIV, RFC 5297, key of 64 bytes), so that who reads the database cannot send them."""

    def __init__(self, key: bytes) -> None:
        """Use ``key``."""
        self._cipher = AESSIV(key)

    def seal(self, id_: str, headers: Mapping[str, str]) -> str:
        """Return the text to store for the headers of the Subscription ``id_``."""
        if not headers:
            return ""
        return b64encode(self._cipher.encrypt(json.dumps(dict(headers)).encode(), [id_.encode()])).decode()

    def open_(self, id_: str, sealed: str) -> dict[str, str]:
        """Return the headers. Raises InvalidTag when they were sealed with another key, or for another Subscription."""
        if not sealed:
            return {}
        opened: dict[str, str] = json.loads(self._cipher.decrypt(b64decode(sealed), [id_.encode()]))
        return opened
