"""Ids and identifiers that follow from a number, so that whoever refers to somebody need not have kept them."""

from functools import lru_cache
from hashlib import blake2b

NAMING = "http://fhir.nl/fhir/NamingSystem/"
_STEMS = 9_990_000  # seven digits: BSNs from 999 00 0000 on are nobody's
_PER_STEM = 9


@lru_cache(maxsize=65536)
def id_of(kind: str, number: int, seed: int = 0) -> str:
    """Return the id, in the form of a UUID, of thing ``number`` of its ``kind``."""
    text = blake2b(f"{seed}/{kind}/{number}".encode(), digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def bsn(number: int) -> str:
    """Return the BSN, which passes the eleven test, of client ``number`` (below 90,000)."""
    stem = _STEMS + number // _PER_STEM
    weighted = sum(int(digit) * weight for digit, weight in zip(str(stem), range(9, 2, -1), strict=True))
    checks = [(digit, (weighted + 2 * digit) % 11) for digit in range(10)]
    digit, check = [each for each in checks if each[1] < 10][number % _PER_STEM]
    return f"{stem}{digit}{check}"


def agb(number: int) -> str:
    """Return the AGB code of an organisation or a professional."""
    return f"9{number:07}"


def uzi(number: int) -> str:
    """Return the UZI number of a professional."""
    return f"9{number:08}"


def ura(number: int) -> str:
    """Return the URA number of an organisation."""
    return f"9{number:07}"


def identifier(system: str, value: str) -> dict[str, str]:
    """Return an official Identifier of a Dutch naming system."""
    return {"use": "official", "system": NAMING + system, "value": value}
