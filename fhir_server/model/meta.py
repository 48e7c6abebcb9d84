"""Versions and instants as the wire shows them (https://hl7.org/fhir/R4/resource.html#Meta, RFC 9110 section 8.8)."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

_ETAG = re.compile(r'(?:W/)?"(?P<version>[0-9]{1,10})"')
_MICROSECONDS = 1_000_000


@lru_cache(maxsize=256)
def instant(microseconds: int) -> str:
    """Write an instant with millisecond precision in UTC, as ``meta.lastUpdated`` has it."""
    moment = datetime.fromtimestamp(microseconds // _MICROSECONDS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{microseconds % _MICROSECONDS // 1000:03d}Z"


def http_date(microseconds: int) -> str:
    """Write an instant as an HTTP date."""
    return _http_date(microseconds // _MICROSECONDS)


@lru_cache(maxsize=4096)
def _http_date(seconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)


def etag(version: int) -> str:
    """Write the weak entity tag of a version."""
    return f'W/"{version}"'


@lru_cache(maxsize=4096)
def version_headers(version: int, updated: int) -> tuple[tuple[str, str], ...]:
    """Return ETag and Last-Modified of a version."""
    return (("etag", etag(version)), ("last-modified", http_date(updated)))


def names_version(tags: str, version: int) -> bool:
    """Tell whether a list of entity tags, as ``If-Match`` has it, names ``version``; ``*`` names every one."""
    return tags.strip() == "*" or version in map(version_of, tags.split(","))


def names_tag(tags: str, tag: str) -> bool:
    """Tell whether a list of entity tags, as ``If-None-Match`` has it, names the strong ``tag``, be it as a weak one."""
    return tags.strip() == "*" or tag in {each.strip().removeprefix("W/") for each in tags.split(",")}


def seconds_of(date: str) -> int | None:
    """Read an HTTP date (RFC 9110 section 5.6.7) as seconds since 1970; None when it is none."""
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None


def version_of(tag: str) -> int | None:
    """Read the version from an entity tag; None when it is not one that this server gives out."""
    match = _ETAG.fullmatch(tag.strip())
    return int(match["version"]) if match else None
