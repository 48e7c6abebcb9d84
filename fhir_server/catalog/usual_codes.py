"""Which codes have no row of the index for their system by itself (``profiles/usual-codes.toml``)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import profiles

MOST: Final = 7
"""So many codes, and what else has their system, are still read side by side (``storage/shape.MERGED``)."""


@cache
def usual_codes() -> Mapping[tuple[str, str, str], tuple[str, ...]]:
    """Return the codes by resource type, search parameter and system. Raises ValueError when there are too many of one."""
    tables = tomllib.loads((Path(profiles.__path__[0]) / "usual-codes.toml").read_text(encoding="utf-8"))
    found = {
        (type_, parameter, system): tuple(codes)
        for type_, parameters in tables.items()
        for parameter, systems in parameters.items()
        for system, codes in systems.items()
    }
    for place, codes in found.items():
        if not 0 < len(codes) <= MOST:
            raise ValueError(f"usual-codes.toml: {' '.join(place)} has {len(codes)} codes, it may have 1 to {MOST}")
    return found
