"""Searchset and history Bundles, put together from stored bytes (https://hl7.org/fhir/R4/bundle.html)."""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import orjson

Mode = Literal["match", "include"]


class Version(NamedTuple):
    """One entry of a history: the resource's own JSON (empty for a deletion), and the request that made it with its response."""

    full_url: str
    body: bytes
    method: Literal["POST", "PUT", "DELETE"]
    url: str
    status: str
    etag: str
    last_modified: str


class Link(NamedTuple):
    """One link of a Bundle."""

    relation: Literal["self", "next"]
    url: str


def searchset(entries: Sequence[bytes], links: Sequence[Link], total: int | None) -> bytes:
    """Return the JSON of a searchset of ``entries`` (of ``found`` and ``outcome``); without ``total`` when it is not known."""
    return _bundle("searchset", entries, links, total)


def found(base: str, resources: Iterable[tuple[str, str, bytes]], mode: Mode) -> list[bytes]:
    """Return the entries of resources given as (type, id, JSON), byte for byte; ``base`` has plain URL characters only."""
    start, end = b'{"fullUrl":"%b/' % base.encode(), b',"search":{"mode":"%b"}}' % mode.encode()
    put = b"".join  # half the time of a format
    return [put((start, type_.encode(), b"/", id_.encode(), b'","resource":', body, end)) for type_, id_, body in resources]


def outcome(body: bytes) -> bytes:
    """Return the entry of an OperationOutcome given as JSON."""
    return b'{"resource":%b,"search":{"mode":"outcome"}}' % body


def history(versions: Sequence[Version], links: Sequence[Link], total: int | None) -> bytes:
    """Return the JSON of a history; resources go in byte for byte, and ``total`` is left out when it is not known."""
    return _bundle("history", list(map(_version, versions)), links, total)


def _bundle(kind: str, entries: Sequence[bytes], links: Sequence[Link], total: int | None) -> bytes:
    head = b'{"resourceType":"Bundle","type":"%b"' % kind.encode()
    if total is not None:
        head += b',"total":%d' % total
    if links:
        head += b',"link":' + orjson.dumps([{"relation": link.relation, "url": link.url} for link in links])
    if not entries:
        return head + b"}"
    return head + b',"entry":[' + b",".join(entries) + b"]}"


def _version(version: Version) -> bytes:
    resource = b'"resource":%b,' % version.body if version.body else b""
    request = orjson.dumps({"method": version.method, "url": version.url})
    response = orjson.dumps({"status": version.status, "etag": version.etag, "lastModified": version.last_modified})
    return b'{"fullUrl":"%b",%b"request":%b,"response":%b}' % (version.full_url.encode(), resource, request, response)
