"""The ids under which lines of the record are read over FHIR: "log.CHAIN.SEQ", in letters and digits that an id may have."""

import re
from base64 import b32decode, b32encode
from binascii import Error

_ID = re.compile(r"log\.(?P<chain>[a-z2-7]*)\.(?P<seq>[0-9a-v]{1,13})")
_DIGITS = "0123456789abcdefghijklmnopqrstuv"


def line_id(row: int, chain: str, seq: int) -> str:
    """Return the id of a line: by its place in its chain, or by its row while it is in none."""
    letters = b32encode(chain.encode()).decode().lower().rstrip("=")
    return f"log.{letters}.{_digits(seq if chain else row)}"


def place_of(id_: str) -> tuple[str, int] | None:
    """Return chain and number of the line with this id, None when no line has such an id; without a chain the number is the row."""
    found = _ID.fullmatch(id_)
    if found is None:
        return None
    letters, seq = found["chain"].upper(), int(found["seq"], 32)
    try:
        chain = b32decode(letters + "=" * (-len(letters) % 8)).decode()
    except (Error, UnicodeDecodeError):
        return None
    return (chain, seq) if line_id(seq, chain, seq) == id_ and seq < 2**63 else None


def is_line(id_: str) -> bool:
    """Tell whether ``id_`` has the form of a line's id."""
    return id_.startswith("log.")


def _digits(number: int) -> str:
    digits = ""
    while number or not digits:
        number, last = divmod(number, 32)
        digits = _DIGITS[last] + digits
    return digits
