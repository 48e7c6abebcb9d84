"""The Dutch citizen service number (BSN), which must stand in no URL, no index and no log."""

from typing import Final

SYSTEMS: Final = frozenset({"http://fhir.nl/fhir/NamingSystem/bsn", "urn:oid:2.16.840.1.113883.2.4.6.3"})
"""The values of Identifier.system that say that the value is a BSN."""
_WEIGHTS = (9, 8, 7, 6, 5, 4, 3, 2, -1)


def is_bsn(text: str) -> bool:
    """Tell whether ``text`` is nine digits, not all zero, that pass the eleven test."""
    if len(text) != len(_WEIGHTS) or not (text.isascii() and text.isdecimal()) or text == "000000000":
        return False
    return sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, text, strict=True)) % 11 == 0
