"""Positions on the earth, for the search parameter ``near`` (https://hl7.org/fhir/R4/location.html#search).

A position becomes a point of a sphere, in billionths of its radius. Within a distance along the surface (the haversine) is who lies
within a distance along the straight line; with whole numbers that is exact, so that every executor comes to the same answer. An
index row has the height of the point above the equator in ``sort``, which bounds what is looked at, the rest in ``high``.
"""

from collections.abc import Mapping
from math import cos, isqrt, pi, radians, sin
from typing import Any, Final, NamedTuple

from fhir_server.errors import BadRequest
from fhir_server.search import values
from fhir_server.search.rows import IndexRow, key
from fhir_server.search.tree import Near

RADIUS: Final = 6_371_008.8
"""Metres, of a sphere as large as the earth."""
ONE: Final = 1_000_000_000
BITS: Final = 31
"""``high`` is x + ONE, so many bits further to the left, and y + ONE."""
NEARBY: Final = 25_000.0
"""Metres, where a search names no distance."""
_METRES: Final = {
    "m": 1.0,
    "km": 1000.0,
    "cm": 0.01,
    "mm": 0.001,
    "[mi_i]": 1609.344,
    "[mi_us]": 1609.347219,
    "[ft_i]": 0.3048,
    "[nmi_i]": 1852.0,
}
_MOST_PARTS = 4


class Point(NamedTuple):
    """A point of the sphere, each coordinate from -ONE to ONE."""

    x: int
    y: int
    z: int


def point(latitude: float, longitude: float) -> Point:
    """Return the point of a position in degrees."""
    beside = cos(radians(latitude))
    return Point(
        *(round(one * ONE) for one in (beside * cos(radians(longitude)), beside * sin(radians(longitude)), sin(radians(latitude))))
    )


def position(rows: list[IndexRow], prefix: str, value: Mapping[str, Any]) -> None:
    """Index a Location.position; what is none on earth (from a source that takes it less strictly) has no row."""
    latitude, longitude = (float(value.get(name, "nan")) for name in ("latitude", "longitude"))
    if abs(latitude) <= 90 and abs(longitude) <= 180:  # noqa: PLR2004 - degrees
        x, y, z = point(latitude, longitude)
        rows.append(IndexRow(key(prefix[:-1]), z, (x + ONE << BITS) + y + ONE))


def holds(near: Near, sort: int, high: int) -> bool:
    """Tell whether the position of an index row is near."""
    x, y = (high >> BITS) - ONE, (high & (1 << BITS) - 1) - ONE
    return (x - near.x) ** 2 + (y - near.y) ** 2 + (sort - near.z) ** 2 <= near.most


def heights(near: Near) -> tuple[int, int]:
    """Return the least and the greatest height above the equator at which anything is near."""
    line = isqrt(near.most)
    return near.z - line, near.z + line


def node(code: str, value: str) -> Near:
    """Read "latitude|longitude|distance|unit" of the parameter ``code``; without distance NEARBY, without unit kilometres.

    Raises BadRequest.
    """
    parts = [values.unescape(part) for part in values.split(value, "|")]
    if not 2 <= len(parts) <= _MOST_PARTS:  # noqa: PLR2004 - a position
        raise _refused(code, "is written as latitude|longitude|distance|unit, the last two optional")
    latitude, longitude = _number(code, "latitude", parts[0], 90), _number(code, "longitude", parts[1], 180)
    metres = _metres(code, *[*parts[2:], "", ""][:2])
    line = round(2 * sin(min(metres / RADIUS, pi) / 2) * ONE) + 1  # one more, since the points are rounded
    return Near(code, *point(latitude, longitude), line * line)


def _metres(code: str, distance: str, unit: str) -> float:
    if not distance:
        return NEARBY
    factor = _METRES.get(unit or "km")
    if factor is None:
        raise _refused(code, f"has a unit that is not known here; known are {', '.join(_METRES)}")
    found = _number(code, "distance", distance, 1e12)
    if found < 0:
        raise _refused(code, "has a distance below zero")
    return found * factor


def _number(code: str, name: str, text: str, most: float) -> float:
    try:
        found = float(text) if text.isascii() and "_" not in text else float("nan")
    except ValueError:
        found = float("nan")
    if not abs(found) <= most:
        raise _refused(code, f"has a {name} that is no number{f' from -{most:g} to {most:g}' if name != 'distance' else ''}")
    return found


def _refused(code: str, what: str) -> BadRequest:
    return BadRequest(f"The value of '{code}' {what}.", detail="search-value")
